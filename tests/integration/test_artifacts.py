"""Files of jobs through the real handlers: announced, listed and found in each dialect, and what each call reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from jobs.outcomes import Attempt, Stamp
from jobs.tenants import Right, Scope

from tests.integration.test_alteryx_v3 import NO_JOB, UNAUTHORIZED, UNKNOWN_TOKEN, a_member, start, told
from tests.integration.test_canaries import log
from tests.integration.test_cost import calls
from tests.integration.test_limited_keys import limited
from tests.stores import the_store

if TYPE_CHECKING:
    import io

    from tests.integration.conftest import Answered, Service
    from tests.integration.test_cost import Calls

__all__ = ["calls", "log"]  # fixtures, which pytest finds by their names here

REPORT = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
OUTPUTS = ("alteryx_v3", "alteryx_v1")
NO_OUTPUT = (404, '{"message":"Output not found."}')


@pytest.fixture(autouse=True)
def bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTIFACTS_BUCKET", "artifacts")


def a_run(service: Service) -> str:
    """Run a workflow, let it start, and return the job's id in Alteryx' form. It is job 1."""
    job_id = service.run_workflow()
    start(service)
    return job_id


def announce(service: Service, **changes: Any) -> Answered:
    event = service.event("announce_artifact", "public")
    return service.http("announce_artifact", "public", body=json.dumps({**json.loads(event["body"]), **changes}))


def complete(service: Service, *outputs: Any) -> None:
    the_store().complete_job(Attempt(1, 1, 1), Stamp(2_000_000_000_000, "event:worker", "end"), outputs)


def an_artifact(service: Service) -> tuple[str, str]:
    """A completed run with one file; ids of job and file."""
    job_id = a_run(service)
    artifact_id = announce(service).json["data"]["artifactId"]
    complete(service, {"rows": 3}, {"artifact": "report.csv"})
    return job_id, artifact_id


def test_a_file_is_announced_listed_and_found_in_each_dialect(service: Service) -> None:
    job_id = a_run(service)
    announced = announce(service)
    data = announced.json["data"]

    assert (announced.status, announced.headers["Cache-Control"]) == (201, "no-store")
    assert [*data] == ["artifactId", "url", "headers", "expiresAt"]
    key = f"/1/1/1/{data['artifactId']}"
    assert (urlsplit(data["url"]).hostname, urlsplit(data["url"]).path) == ("artifacts.s3.us-east-1.amazonaws.com", key)
    assert service.http("get_artifacts", "public_list").json == {"data": []}
    complete(service, {"rows": 3}, {"artifact": "report.csv"})

    shown = {"artifactId": data["artifactId"], "name": "report.csv", "size": 11, "sha256": REPORT, "format": "Csv"}
    listed = service.http("get_artifacts", "public_list")
    assert (listed.status, listed.json) == (200, {"data": [{**shown, "attempt": 1}]})
    of_json = service.http(
        "get_artifacts", "public", path={"artifactId": data["artifactId"]}, headers={"accept": "application/json"}
    )
    assert (of_json.status, [*of_json.json["data"]]) == (200, ["url", "expiresAt"])
    locations = [service.http("get_artifacts", "public", path={"artifactId": data["artifactId"]})]
    locations += [
        service.http("get_artifacts", case, path={"jobId": job_id, "outputId": data["artifactId"]}) for case in OUTPUTS
    ]
    for answer in locations:
        assert answer.status == 302
        url = urlsplit(answer.headers["Location"])
        assert (url.path, parse_qs(url.query)["X-Amz-Expires"]) == (key, ["300"])
    details = service.http("get_job", "public_details").json["data"]
    assert details["outputs"] == [{"rows": 3}, {"artifact": "report.csv"}]
    of_v3 = service.http("get_job", "alteryx_v3", path={"jobId": job_id}).json["outputs"]
    assert of_v3[1] == {"id": data["artifactId"], "availableFormats": ["Csv"], "fileName": "report.csv"}


def test_what_an_announcement_may_not_do_is_told_in_the_dialect_and_writes_nothing(service: Service) -> None:
    service.create()
    before = service.dynamodb.scan(TableName="jobs")["Count"]

    assert told(announce(service)) == (409, '{"error":"the job is scheduled: only a running attempt takes artifacts"}')
    start(service)
    assert told(announce(service, attempt=2)) == (409, '{"error":"attempt 2 does not run: attempt 1 does"}')
    refused = announce(service, name="a/b", size=-1)
    assert (refused.status, [*refused.json]) == (400, ["error"])
    unknown = service.http("announce_artifact", "public", path={"jobId": "2"})
    assert told(unknown) == (404, '{"error":"job not found"}')
    assert service.http("announce_artifact", "public", path={"jobId": "x"}).status == 400
    service.http("cancel_job", "public")
    assert told(announce(service)) == (409, '{"error":"the job is cancelled: only a running attempt takes artifacts"}')
    assert service.dynamodb.scan(TableName="jobs")["Count"] == before


def test_a_worker_s_key_announces_and_reads_the_files_of_a_job_and_lists_no_jobs(service: Service) -> None:
    service.create()
    start(service)
    headers = {"authorization": f"Bearer {limited(service, Scope.WORK)}"}

    assert service.http("announce_artifact", "public", headers=headers).status == 201
    assert service.http("get_artifacts", "public_list", headers=headers).status == 200
    assert service.http("get_artifacts", "public", headers=headers).status == 404  # nothing is completed yet
    assert service.http("list_jobs", "public", headers=headers).status == 403
    unscoped = {"authorization": f"Bearer {limited(service, Scope.CREATE)}"}
    assert service.http("get_artifacts", "public_list", headers=unscoped).status == 403


@pytest.mark.parametrize("case", OUTPUTS)
def test_a_user_sees_the_outputs_of_the_jobs_that_the_user_sees(service: Service, case: str) -> None:
    job_id, artifact_id = an_artifact(service)
    path = {"jobId": job_id, "outputId": artifact_id}

    assert service.http("get_artifacts", case, path={**path, "outputId": artifact_id.upper()}).status == 302
    assert told(service.http("get_artifacts", case, path={**path, "outputId": "f" * 24})) == NO_OUTPUT
    assert told(service.http("get_artifacts", case, path={**path, "jobId": "f" * 24})) == NO_JOB
    assert told(service.http("get_artifacts", case, path=path, headers=a_member(service))) == NO_JOB
    nobody = {"authorization": f"Bearer {UNKNOWN_TOKEN}"}
    assert told(service.http("get_artifacts", case, path=path, headers=nobody)) == UNAUTHORIZED


def test_a_user_who_may_only_view_a_job_may_get_its_outputs(service: Service) -> None:
    job_id, artifact_id = an_artifact(service)
    path = {"jobId": job_id, "outputId": artifact_id}
    # the collection of the run, which `jobs-admin` shares with the workflow before it is run
    row = {"pk": {"S": "1#0"}, "sk": {"S": "0000000001"}}
    service.dynamodb.update_item(
        TableName="jobs",
        Key=row,
        UpdateExpression="SET co = :co",
        ExpressionAttributeValues={":co": {"L": [{"S": "shared"}]}},
    )

    headers = a_member(service, shared=Right.VIEW)
    assert service.http("get_artifacts", "alteryx_v3", path=path, headers=headers).status == 302


@pytest.mark.parametrize(("format_", "status"), [("", 302), ("csv", 302), ("Csv", 302), ("Raw", 400), ("Yxdb", 400)])
def test_a_format_that_an_output_has_not_is_refused(service: Service, format_: str, status: int) -> None:
    job_id, artifact_id = an_artifact(service)

    answer = service.http(
        "get_artifacts",
        "alteryx_v3",
        path={"jobId": job_id, "outputId": artifact_id},
        queryStringParameters={"format": format_} if format_ else None,
    )

    assert answer.status == status
    if status == 400:
        assert answer.json["message"].startswith("format: must be Csv")


def test_no_log_has_a_file_s_name_or_an_address(
    service: Service, capsys: pytest.CaptureFixture[str], log: io.StringIO
) -> None:
    service.create()
    start(service)
    announced = announce(service, name="ada@example.com.csv", format="canary-7f3a9c").json["data"]
    complete(service, {"artifact": "ada@example.com.csv"})
    got = service.http("get_artifacts", "public", path={"artifactId": announced["artifactId"]})
    assert got.status == 302

    written = capsys.readouterr()
    said = log.getvalue() + written.out + written.err
    assert "answered" in said
    addresses = (announced["url"], got.headers["Location"])
    signatures = [parse_qs(urlsplit(url).query)["X-Amz-Signature"][0] for url in addresses]
    for secret in ("ada@example.com", "canary-7f3a9c", announced["artifactId"], REPORT, *signatures):
        assert secret not in said


# ---- what calls read and write ------------------------------------------------------------------------------------


def test_an_announcement_is_two_reads_and_one_transaction(service: Service, calls: Calls) -> None:
    service.create()
    start(service)
    calls.clear()

    assert announce(service).status == 201

    assert calls.count == {"GetItem": 1, "Query": 1, "TransactWriteItems": 1}
    assert calls.strong == ["GetItem", "Query"]


def test_a_list_and_a_download_are_three_reads_and_two_if_there_are_no_outputs(service: Service, calls: Calls) -> None:
    service.create()
    start(service)
    artifact_id = announce(service).json["data"]["artifactId"]
    calls.clear()
    service.http("get_artifacts", "public_list")
    assert calls.count == {"GetItem": 1}
    complete(service, {"artifact": "report.csv"})

    for case in ("public_list", "public"):
        calls.clear()
        assert service.http("get_artifacts", case, path={"artifactId": artifact_id}).status in {200, 302}
        assert calls.count == {"GetItem": 2, "Query": 1}


def test_a_job_in_v3_reads_the_rows_of_files_only_if_its_outputs_name_one(service: Service, calls: Calls) -> None:
    job_id = a_run(service)
    complete(service, {"rows": 3})
    service.http("get_job", "alteryx_v3_without_messages", path={"jobId": job_id})
    calls.clear()

    service.http("get_job", "alteryx_v3_without_messages", path={"jobId": job_id})

    assert calls.count == {"GetItem": 2}
