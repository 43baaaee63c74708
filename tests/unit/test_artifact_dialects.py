"""Artifacts on the outside: the body that announces one, the answers, and what the signed addresses allow."""

from __future__ import annotations

import base64
import json
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.session
import pytest
from jobs.adapters.artifacts import S3ArtifactFiles
from jobs.artifacts.announcing import Announced
from jobs.artifacts.model import Address, NewArtifact
from jobs.dialects import artifacts
from jobs.dialects.artifact_bodies import MAX_NAME_BYTES, MAX_SIZE, parse_artifact
from jobs.dialects.registry import ALTERYX_V3, PUBLIC, dialect_of
from jobs.dialects.report_bodies import MAX_ENTRY_BYTES
from jobs.errors import ArtifactNotFound, ArtifactRefused, InvalidRequest
from jobs.runtime import wiring
from jobs.runtime.unrouted import answer_unrouted

from tests.builders import NOW, a_job, an_artifact
from tests.fakes import FakeClock
from tests.integration.conftest import Context

LEAST = {"name": "report.csv", "size": 3, "sha256": "ab" * 32}
DOWNLOAD = Address("https://files/1?get", NOW, {})

# ---- the body -----------------------------------------------------------------------------------------------------


def body(**changes: Any) -> str:
    return json.dumps({**LEAST, **changes}, ensure_ascii=False)


def test_a_body_of_the_least_is_for_the_running_attempt_and_raw() -> None:
    assert parse_artifact(body()) == NewArtifact("report.csv", 3, "ab" * 32, "Raw", None)
    assert parse_artifact(body(format=None, attempt=None)) == parse_artifact(body())


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "x"},
        {"name": "ü" * 255},
        {"name": '"a" 🙂 \\..'},
        {"size": 0},
        {"size": MAX_SIZE},
        {"format": "Yxdb"},
        {"format": "x" * 64},
        {"attempt": 1},
        {"attempt": 20},
    ],
)
def test_what_is_within_the_bounds_is_taken(changes: dict[str, Any]) -> None:
    [(field, value)] = changes.items()

    assert getattr(parse_artifact(body(**changes)), field) == value


def test_a_checksum_is_taken_in_either_case() -> None:
    assert parse_artifact(body(sha256="AB" * 32)).sha256 == "ab" * 32


@pytest.mark.parametrize(
    "changes",
    [
        *({"name": name} for name in ("", "a/b", "a\nb", "a\x7f", "x" * 256, "🙂" * 251, "\ufffe", None, 1)),
        *({"size": size} for size in (-1, MAX_SIZE + 1, "3", 2.5, True, None)),
        *({"sha256": digest} for digest in ("", "ab" * 31, "ab" * 33, "gg" * 32, "ab" * 32 + "\n", None)),
        *({"format": name} for name in ("", "a b", "a/b", "x" * 65, 1)),
        *({"attempt": attempt} for attempt in (0, 21, "1", True)),
        {"unknown": 1},
    ],
)
def test_what_is_out_of_bounds_is_refused_by_its_name(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_artifact(body(**changes))

    # a text that cannot travel is refused before anything is known of its field
    assert refused.value.field in {*changes, "body"}


@pytest.mark.parametrize("field", LEAST)
def test_what_is_needed_may_not_be_left_out(field: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{field}: "):
        parse_artifact(json.dumps({name: value for name, value in LEAST.items() if name != field}))


@pytest.mark.parametrize("name", ["🙂" * 250, '"' * 255, "\\" * 6 + "🙂" * 248])
def test_an_output_that_names_an_artifact_is_never_too_long(name: str) -> None:
    assert len(name.encode()) <= MAX_NAME_BYTES
    parse_artifact(body(name=name))

    assert len(json.dumps({"artifact": name}, ensure_ascii=False).encode()) <= MAX_ENTRY_BYTES


# ---- the answers --------------------------------------------------------------------------------------------------


def test_an_announcement_is_answered_with_what_the_upload_must_send() -> None:
    artifact = an_artifact()
    answer = artifacts.render_announced(
        Announced(artifact, Address("https://files/1?put", NOW, {"If-None-Match": "*"}))
    )

    assert (answer.status, answer.headers) == (201, {"Cache-Control": "no-store"})
    assert answer.body == (
        '{"data":{"artifactId":"0123456789abcdef01234567","url":"https://files/1?put",'
        f'"headers":{{"If-None-Match":"*"}},"expiresAt":{NOW}}}}}'
    )


def test_a_list_shows_six_fields() -> None:
    assert artifacts.render_artifacts([an_artifact()]).body == (
        '{"data":[{"artifactId":"0123456789abcdef01234567","name":"report.csv","size":3,'
        f'"sha256":"{"0" * 64}","format":"Raw","attempt":1}}]}}'
    )


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "text/html, application/json;q=0.1",
        "application/json, text/plain, */*",
    ],
)
def test_who_takes_json_gets_the_address(accept: str) -> None:
    answer = artifacts.render_artifact({"accept": accept}, DOWNLOAD)

    assert (answer.status, answer.body) == (200, f'{{"data":{{"url":"{DOWNLOAD.url}","expiresAt":{NOW}}}}}')
    assert answer.headers == {"Cache-Control": "no-store", "Vary": "Accept"}


@pytest.mark.parametrize(
    "accept",
    ["", "*/*", "text/csv", "application/*", "application/json;q=0", "application/json; q=0.00", "xapplication/json"],
)
def test_everybody_else_is_sent_to_the_file(accept: str) -> None:
    answer = artifacts.render_artifact({"accept": accept} if accept else {}, DOWNLOAD)

    assert (answer.status, json.loads(answer.body)["data"]["url"]) == (302, DOWNLOAD.url)
    assert answer.headers == {"Location": DOWNLOAD.url, "Cache-Control": "no-store", "Vary": "Accept"}


def test_v3_sends_to_the_file_without_an_envelope() -> None:
    answer = artifacts.render_output(DOWNLOAD)

    assert (answer.status, answer.body) == (302, f'{{"url":"{DOWNLOAD.url}","expiresAt":{NOW}}}')
    assert answer.headers == {"Location": DOWNLOAD.url, "Cache-Control": "no-store"}


def test_v3_shows_an_artifact_as_an_output() -> None:
    outputs = [an_artifact(format="Csv"), {"artifact": "unknown"}]
    shown = json.loads(ALTERYX_V3.render_job(a_job(), outputs, None).body)["outputs"]

    assert shown == [
        {"id": "0123456789abcdef01234567", "availableFormats": ["Csv"], "fileName": "report.csv"},
        {"id": "", "availableFormats": [], "fileName": '{"artifact":"unknown"}'},
    ]


def test_each_dialect_has_its_words_for_what_is_not_there_and_public_for_what_is_refused() -> None:
    missing, refused = ArtifactNotFound(), ArtifactRefused("attempt 1 does not run: attempt 2 does")

    assert (PUBLIC.render_error(missing).status, PUBLIC.render_error(missing).body) == (
        404,
        '{"error":"artifact not found"}',
    )
    assert (ALTERYX_V3.render_error(missing).status, ALTERYX_V3.render_error(missing).body) == (
        404,
        '{"message":"Output not found."}',
    )
    assert (PUBLIC.render_error(refused).status, PUBLIC.render_error(refused).body) == (
        409,
        '{"error":"attempt 1 does not run: attempt 2 does"}',
    )


def test_the_prefix_of_alteryx_s_one_download_is_of_its_dialect() -> None:
    paths = ("/webapi/v1", "/webapi/v1/jobs/x/output/y", "/webapi/v1/nothing", "/webapi/v1x", "/webapi/v10/jobs")

    assert [dialect_of(path) for path in paths] == [ALTERYX_V3, ALTERYX_V3, ALTERYX_V3, None, None]


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("POST", "/webapi/v1/jobs/x/output/y", (405, '{"message":"method not allowed"}', "GET")),
        ("GET", "/webapi/v1/jobs/x", (404, '{"message":"Not found."}', None)),
        ("PUT", "/public/p/jobs/1/artifacts", (405, '{"error":"method not allowed"}', "GET, POST")),
        ("DELETE", "/public/p/jobs/1/artifacts/a", (405, '{"error":"method not allowed"}', "GET")),
    ],
)
def test_other_methods_and_paths_are_answered_in_the_dialect(
    method: str, path: str, answer: tuple[int, str, str | None]
) -> None:
    event = {"routeKey": "$default", "rawPath": path, "requestContext": {"http": {"method": method}, "requestId": "r"}}

    answered = answer_unrouted(event, cast("Any", Context()))

    assert (answered["statusCode"], answered["body"], answered["headers"].get("Allow")) == answer


# ---- the addresses ------------------------------------------------------------------------------------------------


@pytest.fixture(params=["eu-west-3", "us-east-1"])
def files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> S3ArtifactFiles:
    """Signed by the client of the functions, with credentials as Lambda has them."""
    for name, value in {"ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "secret", "SESSION_TOKEN": "session"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", request.param)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(wiring, "_session", botocore.session.get_session)  # the shared one may have other credentials
    client = wiring.s3_signer.__wrapped__()
    return S3ArtifactFiles(lambda: client, "artifacts", FakeClock(NOW + 999))


ARTIFACT = an_artifact(project_id=4, job_id=1_001, attempt=2, size=11, sha256="ab" * 32, name='Bericht "ü"\\;.csv')
PATH = "/4/1001/2/0123456789abcdef01234567"


def query_of(address: Address) -> dict[str, list[str]]:
    parts = urlsplit(address.url)
    query = parse_qs(parts.query, strict_parsing=True)
    # the host of the bucket's own region; another one would redirect, and a redirected request is not what was signed
    region = query["X-Amz-Credential"][0].split("/")[2]
    assert (parts.scheme, parts.netloc, parts.path) == ("https", f"artifacts.s3.{region}.amazonaws.com", PATH)
    return query


def test_an_upload_has_size_checksum_and_that_nothing_is_overwritten_signed(files: S3ArtifactFiles) -> None:
    upload = files.sign_upload(ARTIFACT)
    query = query_of(upload)

    checksum = base64.b64encode(bytes.fromhex("ab" * 32)).decode()
    assert upload.headers == {"Content-Length": "11", "x-amz-checksum-sha256": checksum, "If-None-Match": "*"}
    # what is signed is what the answer says must be sent, and the host
    assert query["X-Amz-SignedHeaders"] == [";".join(sorted({*map(str.lower, upload.headers), "host"}))]
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-Security-Token"] == ["session"]
    assert upload.expires_at == NOW + 900_000


def test_an_address_is_for_one_size_checksum_file_and_kind_of_request(files: S3ArtifactFiles) -> None:
    changes: tuple[dict[str, Any], ...] = (
        {"size": 12},
        {"sha256": "cd" * 32},
        {"artifact_id": "f" * 24},
        {"attempt": 3},
        {"job_id": 1},
        {},
    )
    addresses = [files.sign_upload(an_artifact(**{**ARTIFACT._asdict(), **change})) for change in changes]
    addresses.append(files.sign_download(ARTIFACT))

    signatures = {parse_qs(urlsplit(address.url).query)["X-Amz-Signature"][0] for address in addresses}
    assert len(signatures) == len(addresses)


def test_a_download_is_saved_under_the_file_s_name_and_never_shown_as_a_page(files: S3ArtifactFiles) -> None:
    download = files.sign_download(ARTIFACT)
    query = query_of(download)

    [disposition] = query["response-content-disposition"]
    assert disposition.isascii()
    assert unquote(disposition) == "attachment; filename*=UTF-8''" + ARTIFACT.name
    assert disposition.partition("''")[2] == "Bericht%20%22%C3%BC%22%5C%3B.csv"
    assert query["response-content-type"] == ["application/octet-stream"]
    assert (query["X-Amz-SignedHeaders"], query["X-Amz-Expires"]) == (["host"], ["300"])
    assert (download.expires_at, download.headers) == (NOW + 300_000, {})
