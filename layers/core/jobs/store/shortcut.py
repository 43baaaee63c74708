"""The short way of a call to DynamoDB: one request on a connection that is open, signed and read by hand.

botocore takes most of a call's processor time to work out again what does not change from call to call. The short way
makes the first try only, and only the whole answer of a success ends there. Any other outcome goes to botocore as that
of its own first try. So errors, retries, waits, new connections and proxies stay botocore's (decision 0048).
"""

from __future__ import annotations

import hmac
import re
import time
from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from threading import local
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zlib import crc32

import orjson
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.awsrequest import AWSPreparedRequest

#: Bytes that are read at a time.
READ = 1 << 18
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+) *\r\n", re.IGNORECASE)
_CHECKSUM = re.compile(rb"\r\nx-amz-crc32: *([0-9]+) *\r\n", re.IGNORECASE)
#: What DynamoDB's refusal of a signature says in its type.
_REFUSED = b"SignatureException"
#: What is signed, in the order of the alphabet. Only temporary credentials have a token.
_SIGNED = "content-type;host;x-amz-date;x-amz-target"
_SIGNED_WITH_TOKEN = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"  # noqa: S105  # names of headers


class ShortCalls:
    """A base of DynamoDB's client whose calls take the short way."""

    shortcut: Shortcut

    def _make_api_call(self, operation_name: str, api_params: dict[str, Any]) -> dict[str, Any]:
        answer = self.shortcut.call(operation_name, api_params)
        if answer is None:
            try:
                answer = super()._make_api_call(operation_name, api_params)  # type: ignore[misc]  # botocore's, private
            finally:
                self.shortcut.session.forget()
        return answer


class Session:
    """An HTTP session of botocore that may know the outcome of a call's first try already."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._first = local()
        #: Where the last request went, once one did.
        self.url = ""

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Send a request, or hand over the outcome of the try before it."""
        outcome = self.forget()
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is None:
            outcome = self._session.send(request)
            self.url = request.url
        return outcome

    def remember(self, outcome: AWSResponse | Exception) -> None:
        """Keep the outcome of a first try for this thread's next `send`."""
        self._first.outcome = outcome

    def forget(self) -> AWSResponse | Exception | None:
        """Take back what was kept."""
        outcome: AWSResponse | Exception | None = self._first.__dict__.pop("outcome", None)
        return outcome

    def pool(self) -> Any:
        """The connections to the one host; None before a request went there, and behind a proxy."""
        if not self.url or self._session._proxy_config.proxy_url_for(self.url):
            return None
        return self._session._manager.connection_from_url(self.url)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


class _Body(BytesIO):
    """A body as urllib3 hands it over."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


class Shortcut:
    """The short way of the calls of one client."""

    def __init__(self, client: Any) -> None:
        self.session = Session(client._endpoint.http_session)
        client._endpoint.http_session = self.session
        self._credentials = client._request_signer._credentials
        self._model = client.meta.service_model
        self._region = client.meta.region_name
        self._agent = client.meta.config.user_agent
        self._pool: Any = None
        self._host = ""
        self._tokens: dict[str, list[str]] = {}
        self._key: tuple[tuple[str, str], bytes] = ("", ""), b""
        self._is_closed = False

    def call(self, operation: str, asked: dict[str, Any]) -> dict[str, Any] | None:
        """Answer a call; None if it is botocore's to go on."""
        if self._is_closed or (self._pool is None and not self._find_pool()):
            return None
        if operation not in self._tokens:
            self._tokens[operation] = self._model.operation_model(operation).idempotent_members
        for member in self._tokens[operation]:
            asked.setdefault(member, str(uuid4()))  # botocore's own tries must repeat it
        try:
            body = orjson.dumps(asked)
        except TypeError:  # what only botocore can write
            return None
        request = self.signed(operation, body) + body
        connection = self._pool._get_conn()
        if connection.sock is None:  # no open connection waits
            self._pool._put_conn(connection)
            return None
        try:
            connection.sock.sendall(request)
            head, answer = _read(connection.sock)
        except OSError as error:
            connection.close()
            self._pool._put_conn(connection)
            kind = ReadTimeoutError if isinstance(error, TimeoutError) else ConnectionClosedError
            self.session.remember(kind(endpoint_url=self.session.url, error=error))
            return None
        self._pool._put_conn(connection)
        if head.startswith(b"HTTP/1.1 200 "):
            told = _CHECKSUM.search(head)
            if told is None or int(told[1]) == crc32(answer):
                with suppress(ValueError):  # no JSON
                    found: dict[str, Any] = orjson.loads(answer)
                    return found
        # A refused signature means that nothing was done: botocore makes the first try itself, of all later calls too.
        self._is_closed = _REFUSED in answer
        if not self._is_closed:
            self.session.remember(self._response(head, answer))
        return None

    def _find_pool(self) -> bool:
        """Find the connections to the host; False if there are none to be shared."""
        self._pool = self.session.pool()
        if self._pool is None:
            return False
        port = f":{self._pool.port}" if self._pool.port not in {None, 80, 443} else ""
        self._host = f"{self._pool.host}{port}"
        return True

    def _response(self, head: bytes, body: bytes) -> AWSResponse:
        """An answer as botocore's session hands it over."""
        status, *lines = head.decode("latin-1").split("\r\n")
        headers: Any = HeadersDict(tuple(part.strip() for part in line.split(":", 1)) for line in lines if line)
        raw: Any = _Body(body)
        return AWSResponse(self.session.url, int(status.split(" ", 2)[1]), headers, raw)

    def signed(self, operation: str, body: bytes) -> bytes:
        """The head of a request, with its signature (AWS Signature Version 4)."""
        credentials = self._credentials.get_frozen_credentials()
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        day = now[:8]
        kind, target = self._kind(operation)
        signed = [f"content-type:{kind}", f"host:{self._host}", f"x-amz-date:{now}", f"x-amz-target:{target}"]
        if credentials.token:
            signed.insert(3, f"x-amz-security-token:{credentials.token}")
        names = _SIGNED_WITH_TOKEN if credentials.token else _SIGNED
        headers = "\n".join(signed)
        canonical = f"POST\n/\n\n{headers}\n\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{day}/{self._region}/dynamodb/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key_of(credentials.secret_key, day), to_sign.encode(), "sha256").hex()
        authorization = (
            f"Credential={credentials.access_key}/{scope}",
            f"SignedHeaders={names}",
            f"Signature={signature}",
        )
        return "\r\n".join(
            (
                "POST / HTTP/1.1",
                *signed,
                f"authorization:AWS4-HMAC-SHA256 {', '.join(authorization)}",
                f"user-agent:{self._agent}",
                "accept-encoding:identity",
                f"amz-sdk-invocation-id:{uuid4()}",
                "amz-sdk-request:attempt=1",
                f"content-length:{len(body)}",
                "\r\n",
            )
        ).encode()

    def _kind(self, operation: str) -> tuple[str, str]:
        """The content type and the target of an operation."""
        told = self._model.metadata
        return f"application/x-amz-json-{told['jsonVersion']}", f"{told['targetPrefix']}.{operation}"

    def _key_of(self, secret: str, day: str) -> bytes:
        """The key that signs on a day."""
        of, key = self._key
        if of != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, "dynamodb", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = (secret, day), key
        return key


def _read(sock: Any) -> tuple[bytes, bytes]:
    """Read the head and the body of an answer.

    Raises:
        OSError: it does not end as it should.
    """
    found = sock.recv(READ)
    while (end := found.find(b"\r\n\r\n")) < 0:
        found += _more(sock)
    head, parts = found[: end + 2], [found[end + 4 :]]
    length = _LENGTH.search(head)
    if length is None:
        raise ConnectionError("no length")
    left = int(length[1]) - len(parts[0])
    if left < 0:
        raise ConnectionError("more than its length")
    while left > 0:
        parts.append(_more(sock))
        left -= len(parts[-1])
    return head, b"".join(parts)


def _more(sock: Any) -> bytes:
    more: bytes = sock.recv(READ)
    if not more:
        raise ConnectionError("closed")
    return more
