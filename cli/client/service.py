"""The public API over HTTP: one request at a time, and one sentence about each that goes wrong."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from cli.client.errors import Problem
from cli.client.profiles import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.client.profiles import Profile

#: How often a request is sent, and the seconds between two tries if the service names none.
TRIES = 5
PAUSES = (0.5, 1.0, 2.0, 4.0)
#: A longer wait is the person's to decide.
MAX_WAIT = 30.0
TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_PASSING = {httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT}
#: What an answer may say, and what to do about it.
_KNOWN = {
    "job not found": "there is no such job: `jobs list` shows those of the project",
    "schedule not found": "there is no such schedule: `jobs schedule list` shows those of the project",
    "the schedule has changed meanwhile: read it again": (
        "somebody has changed the schedule meanwhile: look at it with `jobs schedule show`, then try again"
    ),
    "project not found": "the project is not one of this key's at {}: check it with `jobs profile`",
}


class Service:
    """A project of a service, as its key sees it."""

    def __init__(
        self,
        profile: Profile,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.profile = profile
        self._transport = transport
        self._sleep = sleep
        self._client = _client(profile.url, transport)

    def read(self, path: str, **query: Any) -> Any:
        """Read something of the project."""
        return self.send("GET", path, params=query)["data"]

    def read_tagged(self, path: str) -> tuple[Any, str]:
        """Read something with the tag of its version, which `If-Match` takes."""
        body, answer = self._answer("GET", path)
        return body["data"], answer.headers["ETag"]

    def send(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Send a request, and return its body, which has `data`: None if the answer has no content.

        `changes=False` says that the request changes nothing, whatever its method.
        """
        return self._answer(method, path, **request)[0]

    def pages(self, path: str, **query: Any) -> Iterator[tuple[list[dict[str, Any]], dict[str, str] | None]]:
        """Yield the pages of a list, each with the query of the next one.

        Only the query of a link is taken: the key goes nowhere but to the address of the profile.
        """
        following: dict[str, str] | None = query
        while following is not None:
            body, answer = self._answer("GET", path, params=following)
            link = answer.links.get("next", {}).get("url")
            following = dict(parse_qsl(urlsplit(link).query)) if link else None
            yield body["data"], following

    def fetch(self, address: str) -> Iterator[bytes]:
        """Yield the content at a presigned address. It refuses a key, and the key is none of its business."""
        try:
            with _client("", self._transport) as plain, plain.stream("GET", address) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise Problem(
                        f"the file store answered {answer.status_code}: try again, addresses end after minutes"
                    )
                yield from answer.iter_bytes()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Problem(f"the file store did not send the whole file ({type(error).__name__}): try again") from None

    def _answer(self, method: str, path: str, **request: Any) -> tuple[dict[str, Any], httpx.Response]:
        """Send a request until it is answered. Only what may be sent twice is sent again after a lost answer."""
        headers = {"Authorization": f"Bearer {self.profile.key}", "Accept": "application/json"}
        headers |= request.pop("headers", {})
        repeatable = not request.pop("changes", method != "GET") or "Idempotency-Key" in headers
        target = f"/public/{self.profile.project}{path}"
        # where a person sees whether a request that got no answer was done
        look = "jobs schedule list" if path.startswith("/schedules") and not path.endswith("/run") else "jobs list"
        for left in range(TRIES - 1, -1, -1):
            try:
                answer = self._client.request(method, target, headers=headers, **request)
            except (httpx.ConnectError, httpx.ConnectTimeout, UnicodeError) as error:
                raise Problem(self._unreachable(error)) from None
            except httpx.HTTPError as error:
                if not (repeatable and left):
                    raise Problem(self._lost(look, repeatable=repeatable, why=type(error).__name__)) from None
                self._sleep(PAUSES[TRIES - 1 - left])
                continue
            wait = self._wait(answer, TRIES - 1 - left, repeatable=repeatable) if left else None
            if wait is None:
                return self._body(answer, look, repeatable=repeatable), answer
            self._sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _wait(self, answer: httpx.Response, tried: int, *, repeatable: bool) -> float | None:
        """Seconds until a request is worth another try; None if it is not."""
        if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            return PAUSES[tried] if repeatable and answer.status_code in _PASSING else None
        named = answer.headers.get("Retry-After", "")
        wait = float(named) if named.isascii() and named.isdecimal() else PAUSES[tried]
        return wait if wait <= MAX_WAIT else None

    def _body(self, answer: httpx.Response, look: str, *, repeatable: bool) -> dict[str, Any]:
        """The body of a success.

        Raises:
            Problem: it is none.
        """
        if answer.status_code == httpx.codes.NO_CONTENT:
            return {"data": None}
        try:
            body = answer.json()
        except (ValueError, RecursionError):
            body = None
        if answer.is_success and isinstance(body, dict) and "data" in body:
            return body
        said = body.get("error") or body.get("message") if isinstance(body, dict) else None
        raise Problem(self._refusal(answer, said if isinstance(said, str) else None, look, repeatable=repeatable))

    def _refusal(self, answer: httpx.Response, said: str | None, look: str, *, repeatable: bool) -> str:
        code, where = answer.status_code, f"{self.profile.url} ({self.profile.source})"
        after = answer.headers.get("Retry-After")
        if said in _KNOWN:
            return _KNOWN[said].format(where)
        if code >= httpx.codes.INTERNAL_SERVER_ERROR:
            again = "try again later" if repeatable else f"look with `{look}` before you try again"
            return f"the service failed ({code}{f': {said}' if said else ''}): {again}"
        sentences: dict[int, str] = {
            httpx.codes.UNAUTHORIZED: f"the key is unknown, expired or revoked at {where}: set one with `jobs login`",
            httpx.codes.FORBIDDEN: f"this key may not do that: {said or 'forbidden'}. Use a key with that scope",
            httpx.codes.TOO_MANY_REQUESTS: f"the service is busy: try again {f'in {after} s' if after else 'later'}",
        }
        unknown = f"{where} answered {code}, and not as a jobs service does: check the address with `jobs profile`"
        return sentences.get(code) or said or unknown

    def _unreachable(self, error: Exception) -> str:
        if "CERTIFICATE" in str(error).upper():
            return f"the certificate of {self.profile.url} is not trusted: check the address with `jobs profile`"
        return (
            f"nothing answers at {self.profile.url} ({self.profile.source}): is it running, and is the address right?"
        )

    def _lost(self, look: str, *, repeatable: bool, why: str) -> str:
        again = "try again" if repeatable else f"it may have been done: look with `{look}` before you try again"
        return f"{self.profile.url} did not answer ({why}): {again}"


def _client(base: str, transport: httpx.BaseTransport | None) -> httpx.Client:
    """A client that follows no redirect. On this machine there is no proxy and no certificate to read."""
    local = urlsplit(base).hostname in LOOPBACK and base.startswith("http:")
    trusted: ssl.SSLContext | bool = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if local else True
    return httpx.Client(base_url=base, timeout=TIMEOUT, transport=transport, trust_env=not local, verify=trusted)
