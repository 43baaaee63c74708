"""The service's HTTP API, as far as a worker needs it: is the attempt still running, and where does a file go?

`urllib` does it, because a layer should bring no packages of its own.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jobs_worker.events import Started

#: Seconds until a call is given up.
TIMEOUT = 10
UPLOAD_TIMEOUT = 300
CHUNK = 1024 * 1024


class _Stay(HTTPRedirectHandler):
    """Follows no redirect, which would take the key along."""

    def redirect_request(self, *_: Any) -> None:
        """See `HTTPRedirectHandler.redirect_request`: None makes the redirect an error."""


_open = build_opener(_Stay).open


class State(NamedTuple):
    """What a job is at the moment."""

    status: str
    attempt: int


class Service:
    """The service at `url`, opened by an API key of the scope `work`."""

    def __init__(self, url: str, key: str) -> None:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise ValueError("JOBS_URL must begin with https:// or http://")
        self._url = url.rstrip("/")
        self._key = key

    def state(self, of: Started) -> State:
        """Read what a job is.

        Raises:
            OSError: no answer came, or the service refused; `urllib.error.HTTPError` has the status.
        """
        job = self._call("GET", f"{self._job(of)}?include=details")
        return State(job["status"], job["attempt"])

    def attach(self, of: Started, name: str, path: Path, format_: str) -> None:
        """Announce a file and put it.

        Raises:
            OSError: no answer came, or the service or S3 refused; `urllib.error.HTTPError` has the status.
        """
        with path.open("rb") as file:
            digest = _sha256(file)
            size = file.tell()
            wanted = {"name": name, "size": size, "sha256": digest, "format": format_, "attempt": of.attempt}
            place = self._call("POST", f"{self._job(of)}/artifacts", wanted)
            file.seek(0)
            # A presigned address carries its own right: S3 refuses it if `Authorization` comes along.
            headers = {**place["headers"], "Content-Length": str(size)}
            upload = Request(place["url"], file if size else b"", headers, method="PUT")  # noqa: S310  # the service's
            with _open(upload, timeout=UPLOAD_TIMEOUT):
                return

    def _job(self, of: Started) -> str:
        return f"{self._url}/public/{of.project_key}/jobs/{of.job_id}"

    def _call(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = Request(url, content, headers, method=method)  # noqa: S310  # the scheme was checked
        with _open(request, timeout=TIMEOUT) as answer:
            return json.load(answer)["data"]


def why(error: OSError) -> str:
    """What an error of this module says, in a few words: the status, or the kind of failure."""
    return f"HTTP {error.code}" if isinstance(error, HTTPError) else type(error).__name__


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
