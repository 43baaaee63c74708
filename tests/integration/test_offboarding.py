"""A project is deleted with everything in it, and an organisation: interrupted, and seen from outside."""

from __future__ import annotations

import json
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from jobs.forgetting import closing
from jobs.model import DAY, DELETE_USER_DATA, Change, Status
from jobs.runtime import wiring
from jobs.store import items, keys
from jobs.tenants import Retention
from moto.s3.models import s3_backends

from cli import admin
from tests.builders import NOW, a_job
from tests.conftest import TABLE
from tests.integration.conftest import CLIENT_ID, OTHER_PROJECT_KEY, PROJECT_KEY
from tests.stores import an_admin, the_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import boto3
    from jobs.model import Job

    from tests.integration.conftest import Service

ACCOUNT = "123456789012"  # moto's
#: How many jobs a project has that is deleted, and where there is more time.
SIZES = [1_000, pytest.param(10_000, marks=pytest.mark.prove)]
BUCKETS = {"SESSIONS_BUCKET": "sessions", "ARTIFACTS_BUCKET": "artifacts"}
#: Objects of the project that goes, and of others.
OBJECTS = {
    "sessions": [f"{PROJECT_KEY}/ann/{number}" for number in range(3)],
    "artifacts": [f"1/{number}/1/a" for number in range(1, 6)],
}
OF_OTHERS = {"sessions": [f"{OTHER_PROJECT_KEY}/ann/1", f"{PROJECT_KEY}x/1"], "artifacts": ["2/1/1/a", "11/1/1/a"]}


@pytest.fixture
def buckets(service: Service, aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The service with both buckets, and objects in them."""
    # moto's tables take one call at a time
    monkeypatch.setattr(wiring, "in_threads", lambda work, given: [work(each) for each in given])
    s3 = aws.client("s3")
    for variable, bucket in BUCKETS.items():
        monkeypatch.setenv(variable, bucket)
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for key in OBJECTS[bucket] + OF_OTHERS[bucket]:
            s3_backends[ACCOUNT]["aws"].put_object(bucket, key, b"")
    wiring.clear()
    yield s3
    s3_backends[ACCOUNT]["aws"].reset()
    wiring.clear()


def left_in(s3: Any) -> dict[str, list[str]]:
    listed = {bucket: s3.list_object_versions(Bucket=bucket).get("Versions", []) for bucket in BUCKETS.values()}
    return {bucket: sorted(version["Key"] for version in versions) for bucket, versions in listed.items()}


def put(service: Service, *jobs: Job) -> None:
    for first in range(0, len(jobs), 25):
        rows: Any = [{"PutRequest": {"Item": items.job_to_item(job, "token", 32)}} for job in jobs[first : first + 25]]
        service.dynamodb.batch_write_item(RequestItems={TABLE: rows})


def rows_of(service: Service) -> Counter[str]:
    """How many rows there are, by what their partition begins with: a word, or the number of a project."""
    found: Counter[str] = Counter()
    for page in service.dynamodb.get_paginator("scan").paginate(TableName=TABLE):
        for item in page["Items"]:
            kind, _, rest = item["pk"]["S"].partition("#")
            found[kind if kind.isdigit() else f"{kind} {rest.partition('#')[0]}"] += 1
    return found


def of_project(rows: Counter[str], number: int) -> Counter[str]:
    """Those that belong to one project."""
    kinds = ("payload", "ref", "idempotency", "deletion", "project")
    wanted = {f"{number}", *(f"{kind} {number}" for kind in kinds), f"projectkey {PROJECT_KEY}"}
    return Counter({name: count for name, count in rows.items() if name in wanted})


def run(service: Service) -> Any:
    return service.invoke("redact_jobs", service.event("redact_jobs", "schedule"))


@pytest.mark.parametrize("jobs", SIZES)
def test_many_jobs_are_deleted_although_two_runs_die(
    service: Service, buckets: Any, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    ended = (Change(Status.SCHEDULED, NOW, "x"), Change(Status.CANCELLED, NOW, "x"))
    done = a_job(status=Status.CANCELLED, next_at=NOW + DAY, history=ended, reference_id="ann")
    put(
        service,
        *(
            a_job(job_id=number, reference_id="ann") if number % 50 == 0 else done._replace(job_id=number)
            for number in range(1, jobs + 1)
        ),
    )
    payload: Any = [
        {**items.key((keys.payload(1, number), "params")), "json": items.string("{}")}
        for number in range(1, jobs // 5 + 1)
    ]
    for first in range(0, len(payload), 25):
        rows: Any = [{"PutRequest": {"Item": item}} for item in payload[first : first + 25]]
        service.dynamodb.batch_write_item(RequestItems={TABLE: rows})
    directory = an_admin(service.dynamodb)
    directory.set_retention(1, Retention(30, 90))
    wiring.clear()
    service.create(action=DELETE_USER_DATA, referenceId="bob")
    put(service, a_job(project_id=2), a_job(project_id=11))
    before = rows_of(service)
    assert before["1"] == jobs + 1
    directory.close_project(1)
    ports = wiring.ports()

    def dies_at(made: Callable[..., Any], number: int) -> Callable[..., Any]:
        """A call that is made, and its process dies at that one, before what it has done is saved."""
        calls = count(1)

        def call(*args: Any) -> Any:
            answer = made(*args)
            if next(calls) == number:
                raise RuntimeError("the process dies")
            return answer

        return call

    for part, name, number in ((ports.attempts, "cancel_job", 10), (ports.closing, "delete_rows", 1)):
        with monkeypatch.context() as patch:
            patch.setattr(part, name, dies_at(getattr(part, name), number))
            with pytest.raises(RuntimeError):
                closing.close(ports, lambda _: True)
        assert directory.find_closing(1) is not None
    gone = closing.close(ports, lambda _: True)

    after_all = rows_of(service)
    assert gone == 1
    assert of_project(after_all, 1) == Counter()
    assert {"2": after_all["2"], "11": after_all["11"]} == {"2": 1, "11": 1}
    assert left_in(buckets) == {bucket: sorted(names) for bucket, names in OF_OTHERS.items()}
    assert (directory.list_projects(1), directory.find_closing(1), the_store().list_walks()) == ((), None, [])
    audit = {entry.what: entry for entry in directory.list_audit(1, 99)}
    asked, deleted = audit["project delete"], audit["project deleted"]
    assert deleted.by == asked.by
    assert (deleted.about["jobs"], deleted.about["objects"]) == (jobs + 1, 8)
    # what the run had deleted that died is not counted
    assert deleted.about["rows"] < jobs + 1 + jobs // 5 + 2


def test_the_function_does_it_once_the_project_has_settled(service: Service, buckets: Any) -> None:
    job = service.create(referenceId="ann", params={"user": "ann"})
    service.http("create_job", "public")
    an_admin(service.dynamodb).close_project(1)

    assert run(service)["projects"] == 1

    assert of_project(rows_of(service), 1) == Counter()
    assert job["jobId"] == 1
    assert run(service)["projects"] == 0


def test_a_project_that_is_being_deleted_is_not_found_by_anybody(service: Service) -> None:
    service.create()
    workflow_run = service.run_workflow()
    directory = an_admin(service.dynamodb)
    assert directory.get_own_project(1, 1) is not None

    directory.close_project(1)
    wiring.clear()

    for function, event in (
        ("list_jobs", "public"),
        ("list_jobs", "openreplay_v1"),
        ("get_job", "public"),
        ("create_job", "public"),
        ("cancel_job", "public"),
    ):
        assert service.http(function, event).status == 404, (function, event)
    assert service.http("get_job", "alteryx_v3", path={"jobId": workflow_run}).status == 404
    assert service.http("create_job", "alteryx_v3_run_workflow").status == 401  # what the client acts in is gone
    assert service.http("list_jobs", "alteryx_v3").json["data"] == []


def test_jobs_are_cancelled_before_anything_goes_and_that_is_published(service: Service, buckets: Any) -> None:
    service.create()
    an_admin(service.dynamodb).close_project(1)
    moments = iter(range(1))

    closing.close(wiring.ports(), lambda _: next(moments, None) is not None)

    job = the_store().get_job(1, 1)
    assert job is not None
    assert (job.status, job.history[-1].by) == (Status.CANCELLED, "service")
    progress = an_admin(service.dynamodb).find_closing(1)
    assert progress is not None
    assert (progress.step, progress.jobs) == ("delete objects", 1)


def test_an_object_that_s3_keeps_keeps_the_project_at_its_step(
    service: Service, buckets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_admin(service.dynamodb).close_project(1)
    monkeypatch.setattr(wiring.ports().sessions, "delete", lambda versions: [(versions[0], "AccessDenied")])

    assert closing.close(wiring.ports(), lambda _: True) == 0

    progress = an_admin(service.dynamodb).find_closing(1)
    assert progress is not None
    assert (progress.step, progress.objects) == ("delete objects", 0)
    assert of_project(rows_of(service), 1)


def test_the_clients_of_the_project_go_and_keys_of_the_organisation_stay(service: Service, buckets: Any) -> None:
    directory = an_admin(service.dynamodb)
    assert [one.client_id for one in directory.list_clients(1)] == [CLIENT_ID]
    directory.close_project(1)

    run(service)

    assert directory.list_clients(1) == []
    assert [key.credential_id for key in directory.list_credentials(1)] == ["key-demo"]
    assert directory.add_project(1, "Next", "next", b"0", 1).project_id == 3  # the number is never given out again


@pytest.fixture
def ask(service: Service, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    def ask(*arguments: str) -> tuple[int, Any]:
        code = admin.main(["--table", TABLE, "--json", *arguments])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if code == 0 else printed.err

    return ask


def test_an_operator_deletes_a_project_by_its_name_and_sees_how_far_it_is(
    service: Service, buckets: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = ("--organisation", "1")
    assert ask("project", "delete", *of, "Unknown", "--yes")[0] == 2
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "demo")
    code, said = ask("project", "delete", *of, "Demo")
    assert (code, "was not confirmed" in said) == (2, True)
    assert an_admin(service.dynamodb).find_closing(1) is None

    monkeypatch.setattr("typer.prompt", lambda *_, **__: "Demo")
    code, shown = ask("project", "delete", *of, "Demo")
    assert (code, shown["deletion"]) == (0, {"step": "cancel jobs", "jobs": 0, "objects": 0, "rows": 0})
    assert ask("project", "delete", *of, "Demo", "--yes")[1] == shown
    assert ask("project", "list", *of)[1] == {"projects": [shown]}
    assert ask("organisation", "delete", *of, "Demo", "--yes")[0] == 2
    monkeypatch.setattr(closing, "SETTLED", 0)
    closing.close(wiring.ports(), lambda _: True)

    assert ask("project", "list", *of)[1] == {"projects": []}
    code, made = ask("organisation", "delete", *of, "Demo", "--yes")
    assert (code, made["name"]) == (0, "Demo")
    assert [one["organisationId"] for one in ask("organisation", "list")[1]["organisations"]] == [2]
    rows = rows_of(service)
    assert [name for name in rows if name.startswith(("organisation 1", "credential", "client"))] == []
    assert [entry.what for entry in an_admin(service.dynamodb).list_audit(1, 1)] == ["organisation delete"]


def test_of_two_projects_with_one_name_none_is_deleted(service: Service, ask: Any) -> None:
    an_admin(service.dynamodb).add_project(1, "Demo", "another", b"0", 9)

    code, said = ask("project", "delete", "--organisation", "1", "Demo", "--yes")

    assert (code, "several projects have it: 1, 3" in said) == (2, True)


def test_a_project_is_closed_once(service: Service) -> None:
    directory = an_admin(service.dynamodb)
    directory.close_project(1)

    for project in (1, 9):
        with pytest.raises(Exception, match=f"{project}"):
            directory.close_project(project)
