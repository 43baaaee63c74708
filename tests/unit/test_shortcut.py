"""The short way of a call to DynamoDB, beside botocore's own: the same requests, the same answers, the same tries."""

from __future__ import annotations

import json
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ChecksumError, ClientError, ConnectionClosedError, ReadTimeoutError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jobs.store import client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient

ITEM = {"pk": {"S": "1#0"}, "sk": {"S": "0000000001"}, "de": {"S": 'Gerät "1"\n'}}
KEY: Any = {"pk": {"S": "1#0"}, "sk": {"S": "0000000001"}}
TRIES = 2


class Heard(NamedTuple):
    """A request as it came in."""

    connection: int
    head: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What is sent back; `whole` is false if the connection ends within the body."""

    content: Any
    status: str = "200 OK"
    checksum: int | None = None
    whole: bool = True
    #: Bytes that follow and belong to nothing.
    beyond: bytes = b""


#: No answer at all.
SILENCE = Answer(None)
GOOD = Answer({"Item": ITEM})


class Table(ThreadingTCPServer):
    """Answers in the place of DynamoDB: each request by the next of its answers, the last of them for ever."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.heard: list[Heard] = []
        self.answers: list[Answer] = [GOOD]
        self.connections = 0
        self.ended = threading.Event()


class _Connection(StreamRequestHandler):
    server: Table

    def handle(self) -> None:
        self.server.connections += 1
        connection = self.server.connections
        while head := self.rfile.readline().decode().strip():
            lines = [line.decode().strip() for line in iter(self.rfile.readline, b"\r\n")]
            headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
            body = self.rfile.read(int(headers["content-length"]))
            self.server.heard.append(Heard(connection, head, headers, body))
            answers = self.server.answers
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if answer is SILENCE:
                self.server.ended.wait(5)
                return
            content = b"<>" if answer.content is None else json.dumps(answer.content).encode()
            checksum = crc32(content) if answer.checksum is None else answer.checksum
            told = f"HTTP/1.1 {answer.status}\r\nContent-Length: {len(content)}\r\nx-amz-crc32: {checksum}\r\n\r\n"
            # in pieces, as networks deliver
            for piece in (told.encode()[:30], told.encode()[30:], content[:7]):
                self.wfile.write(piece)
                self.wfile.flush()
            if not answer.whole:
                return
            self.wfile.write(content[7:] + answer.beyond)


@contextmanager
def served(context: ssl.SSLContext | None = None) -> Iterator[Table]:
    with Table() as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.ended.set()
        server.shutdown()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[..., DynamoDBClient]:
    """Makes a client of a table that has made a call: its first is botocore's, which opens the connection."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)

    def make(table: Table, scheme: str = "http", **environment: str) -> DynamoDBClient:
        told = {
            "AWS_ACCESS_KEY_ID": "AKID",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL_DYNAMODB": f"{scheme}://127.0.0.1:{table.server_address[1]}",
        }
        for name, value in (told | environment).items():
            monkeypatch.setenv(name, value)
        config = Config(read_timeout=0.3, retries={"mode": "standard", "total_max_attempts": TRIES})
        found = client.dynamodb_client(config)
        assert get(found) == {"Item": ITEM}
        return found

    return make


@pytest.fixture
def table() -> Iterator[Table]:
    with served() as server:
        yield server


def get(of: DynamoDBClient) -> dict[str, Any]:
    """What a read answers, without what botocore adds."""
    found: dict[str, Any] = dict(of.get_item(TableName="jobs", Key=KEY, ConsistentRead=True))
    found.pop("ResponseMetadata", None)
    return found


def signature_by_botocore(heard: Heard, token: str | None) -> str:
    """The signature that botocore gives the signed part of a request, at the request's own time."""
    names = heard.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    url = f"http://{heard.headers['host']}/"
    request = AWSRequest("POST", url, {name: heard.headers[name] for name in names}, heard.body)
    request.context["timestamp"] = heard.headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKID", "secret", token), "dynamodb", "eu-west-1")
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


@pytest.mark.parametrize("token", [None, "IQoJb3JpZ2luX2VjE+/="], ids=["lasting", "temporary"])
def test_the_short_way_asks_and_signs_as_botocore_does(
    table: Table, made: Callable[..., DynamoDBClient], token: str | None
) -> None:
    dynamodb = made(table, **({"AWS_SESSION_TOKEN": token} if token else {}))

    assert get(dynamodb) == {"Item": ITEM}

    usual, short = table.heard
    assert short.connection == usual.connection
    assert json.loads(short.body) == json.loads(usual.body)
    assert short.head == usual.head
    for name in ("x-amz-target", "content-type", "host", "x-amz-security-token"):
        assert short.headers.get(name) == usual.headers.get(name), name
    assert short.headers.get("x-amz-security-token") == token
    assert usual.headers["user-agent"].startswith(short.headers["user-agent"])  # Powertools adds to botocore's
    assert set(usual.headers) == set(short.headers)
    for heard in (usual, short):
        assert heard.headers["authorization"].endswith(f"Signature={signature_by_botocore(heard, token)}")
        assert "Credential=AKID/" in heard.headers["authorization"]


def test_both_ways_give_the_same_answer_to_each_kind_of_call(
    table: Table, made: Callable[..., DynamoDBClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    dynamodb = made(table)
    write: Any = {"Put": {"TableName": "jobs", "Item": ITEM}}
    calls: Sequence[tuple[str, dict[str, Any], Any]] = [
        ("query", {"TableName": "jobs", "Limit": 1}, {"Items": [ITEM], "Count": 1, "LastEvaluatedKey": KEY}),
        ("scan", {"TableName": "jobs"}, {"Items": [], "Count": 0}),
        ("update_item", {"TableName": "jobs", "Key": KEY}, {"Attributes": ITEM}),
        ("put_item", {"TableName": "jobs", "Item": ITEM}, {}),
        ("transact_write_items", {"TransactItems": [write]}, {}),
        ("batch_get_item", {"RequestItems": {"jobs": {"Keys": [KEY]}}}, {"Responses": {"jobs": [ITEM]}}),
    ]
    for name, asked, answer in calls:
        table.answers = [Answer(answer)]
        table.heard.clear()
        short = getattr(dynamodb, name)(**asked)
        with monkeypatch.context() as without:
            without.setattr("jobs.store.shortcut.Shortcut.call", lambda *_: None)
            usual = getattr(dynamodb, name)(**asked)

        usual.pop("ResponseMetadata")
        assert short == usual == answer
        first, second = (json.loads(heard.body) for heard in table.heard)
        tokens = [body.pop("ClientRequestToken", None) for body in (first, second)]
        assert first == second
        assert all(map(bool, tokens)) == (name == "transact_write_items")


def test_an_error_is_that_of_botocore_and_costs_one_request(table: Table, made: Callable[..., DynamoDBClient]) -> None:
    dynamodb = made(table)
    kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
    table.answers = [Answer({"__type": kind, "message": "The conditional request failed", "Item": ITEM}, "400 Bad")]
    table.heard.clear()

    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as failed:
        dynamodb.put_item(TableName="jobs", Item=KEY)

    response: Any = failed.value.response
    assert response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert response["Item"] == ITEM
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert len(table.heard) == 1


@pytest.mark.parametrize("kind", ["InvalidSignatureException", "IncompleteSignatureException"])
def test_a_signature_that_is_refused_ends_the_short_way(
    table: Table, made: Callable[..., DynamoDBClient], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    dynamodb = made(table)
    table.answers = [Answer({"__type": f"com.amazon.coral.service#{kind}"}, "400 Bad"), GOOD]
    table.heard.clear()

    assert get(dynamodb) == {"Item": ITEM}

    assert len(table.heard) == 2
    monkeypatch.setattr("jobs.store.shortcut.Shortcut.signed", None)
    assert get(dynamodb) == {"Item": ITEM}


FAULTS = {
    "failed": (Answer({"__type": "InternalServerError"}, "500 Internal"), ClientError),
    "throttled": (Answer({"__type": "ThrottlingException"}, "400 Bad"), ClientError),
    "changed": (Answer({"Item": ITEM}, checksum=1), ChecksumError),
    "cut short": (Answer({"Item": ITEM}, whole=False), ConnectionClosedError),
    "silent": (SILENCE, ReadTimeoutError),
    "no JSON": (Answer(None, checksum=crc32(b"<>") + 1), ChecksumError),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_botocore_goes_on_where_the_short_way_fails(
    table: Table, made: Callable[..., DynamoDBClient], fault: str
) -> None:
    dynamodb = made(table)
    table.answers = [FAULTS[fault][0], GOOD]
    table.heard.clear()

    assert get(dynamodb) == {"Item": ITEM}

    attempts = [heard.headers["amz-sdk-request"].partition(";")[0] for heard in table.heard]
    assert attempts[0] == "attempt=1"
    assert "attempt=2" in table.heard[1].headers["amz-sdk-request"]
    assert get(dynamodb) == {"Item": ITEM}


@pytest.mark.parametrize("fault", FAULTS)
def test_both_ways_together_try_no_more_often_than_they_may(
    table: Table, made: Callable[..., DynamoDBClient], fault: str
) -> None:
    dynamodb = made(table)
    answer, error = FAULTS[fault]
    table.answers = [answer]
    table.heard.clear()

    with pytest.raises(error):
        get(dynamodb)

    assert len(table.heard) == TRIES


def test_a_transaction_that_is_tried_again_keeps_its_token(table: Table, made: Callable[..., DynamoDBClient]) -> None:
    dynamodb = made(table)
    table.answers = [FAULTS["failed"][0], Answer({})]
    table.heard.clear()

    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "jobs", "Item": KEY}}])

    first, second = (json.loads(heard.body)["ClientRequestToken"] for heard in table.heard)
    assert first == second


def test_a_connection_that_was_closed_is_opened_again_at_no_failed_try(
    table: Table, made: Callable[..., DynamoDBClient]
) -> None:
    dynamodb = made(table)
    table.answers = [Answer({"Item": ITEM}, whole=False), GOOD]
    get(dynamodb)
    table.heard.clear()

    for _ in range(3):
        assert get(dynamodb) == {"Item": ITEM}

    assert len(table.heard) == 3
    assert len({heard.connection for heard in table.heard}) == 1


def test_an_answer_that_is_no_json_is_read_as_botocore_reads_it(
    table: Table, made: Callable[..., DynamoDBClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    dynamodb = made(table)
    table.answers = [Answer(None)]
    table.heard.clear()

    short = get(dynamodb)

    assert len(table.heard) == 1
    monkeypatch.setattr("jobs.store.shortcut.Shortcut.call", lambda *_: None)
    assert short == get(dynamodb)


def test_an_answer_longer_than_it_says_ends_its_connection(table: Table, made: Callable[..., DynamoDBClient]) -> None:
    dynamodb = made(table)
    table.answers = [Answer({"Item": ITEM}, beyond=b"HTTP/1.1 200 OK"), GOOD]
    table.heard.clear()

    assert [get(dynamodb) for _ in range(3)] == [{"Item": ITEM}] * 3

    assert table.heard[0].connection != table.heard[-1].connection


def test_what_only_botocore_can_write_goes_its_way(table: Table, made: Callable[..., DynamoDBClient]) -> None:
    dynamodb = made(table)

    dynamodb.put_item(TableName="jobs", Item={**ITEM, "bytes": {"B": b"abc"}})

    assert json.loads(table.heard[-1].body)["Item"]["bytes"] == {"B": "YWJj"}
    assert get(dynamodb) == {"Item": ITEM}


def test_threads_share_a_client(table: Table, made: Callable[..., DynamoDBClient]) -> None:
    dynamodb = made(table)
    found: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: found.extend(get(dynamodb) for _ in range(20))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [{"Item": ITEM}] * 80


def test_a_proxy_is_botocores(table: Table, made: Callable[..., DynamoDBClient]) -> None:
    address = f"http://127.0.0.1:{table.server_address[1]}"
    dynamodb = made(table, http_proxy=address, AWS_ENDPOINT_URL_DYNAMODB="http://dynamodb.invalid")

    assert get(dynamodb) == {"Item": ITEM}

    assert [heard.head for heard in table.heard] == ["POST http://dynamodb.invalid/ HTTP/1.1"] * 2


def test_the_short_way_goes_over_tls(
    made: Callable[..., DynamoDBClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = a_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with served(context) as table:
        dynamodb = made(table, "https", AWS_CA_BUNDLE=str(certificate))
        with monkeypatch.context() as without:
            without.setattr("botocore.httpsession.URLLib3Session.send", None)
            assert [get(dynamodb) for _ in range(3)] == [{"Item": ITEM}] * 3

    assert len({heard.connection for heard in table.heard}) == 1


def a_certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 and its key, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "certificate.pem").write_bytes(plain + made.public_bytes(pem))
    return folder / "certificate.pem"
