"""A stand-in for DynamoDB on 127.0.0.1, in a process of its own, with canned answers and real check sums.

It keeps nothing and judges nothing. What it answers has the form and the size that DynamoDB's answers have, so a client
has the same work with them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any
from zlib import crc32

from jobs.model import Change, Job, Status
from jobs.store import directory_items, items, keys
from jobs.tenancy import access

from tests.builders import NOW, a_credential, a_job, a_project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.store.items import Item

#: The credentials of the files of `events/`.
API_KEY = "jk_0123456789abcdef0123456789abcdef012345672a342d20"
#: How many jobs the project seems to have.
JOBS = 10_000


def a_row(job_id: int) -> Item:
    """The row of a job that is scheduled, of less than 400 bytes, as the deletion of a user has it."""
    return items.job_to_item(the_job(job_id), "token-of-16-chars", 32)


def the_job(job_id: int) -> Job:
    """The same job for every measured way of storing it."""
    return a_job(
        job_id=job_id,
        action="delete_user_data",
        description="Delete user sessions of userId = someone@example.com",
        reference_id="someone@example.com",
        history=(Change(Status.SCHEDULED, NOW, "key:0123456789abcdef"),),
    )


def tenants() -> dict[str, Item]:
    """The rows that let a caller in, by their partition keys."""
    project = a_project()
    rows = (
        directory_items.credential_to_item(a_credential(), access.digest_of(API_KEY)),
        directory_items.project_to_item(project),
        directory_items.pointer_to_item(project),
    )
    return {row["pk"]["S"]: row for row in rows}


def _compact(answer: object) -> bytes:
    """JSON without spaces, as DynamoDB writes it."""
    return json.dumps(answer, separators=(",", ":")).encode()


class Answers:
    """What is answered to each kind of call."""

    def __init__(self) -> None:
        self._tenants = tenants()
        self._row = a_row(1)
        self._pages: dict[tuple[int, int, str], bytes] = {}
        self._changed = _compact({"Attributes": self._row})

    def answer(self, operation: str, asked: dict[str, Any]) -> bytes:
        """The body of an answer."""
        match operation:
            case "GetItem":
                pk = asked["Key"]["pk"]["S"]
                row = self._row if keys.is_job(pk) else self._tenants.get(pk)
                return _compact({"Item": row} if row else {})
            case "Query":
                return self._page(asked)
            case "UpdateItem":
                return self._changed
            case "BatchExecuteStatement":
                return _compact({"Responses": [{"TableName": "jobs"} for _ in asked["Statements"]]})
            case _:
                return b"{}"

    def _page(self, asked: dict[str, Any]) -> bytes:
        """As many rows as the bounds of a page say. The newest row alone, to a call that asks which that is."""
        values = asked["ExpressionAttributeValues"]
        projection = asked.get("ProjectionExpression", "")
        if ":first" not in values and not projection:
            return _compact({"Items": [], "Count": 0, "ScannedCount": 0})  # nothing is due
        first, last = (int(values[name]["S"]) for name in (":first", ":last")) if ":first" in values else (JOBS, JOBS)
        page = first, last, projection
        if page not in self._pages:
            rows = [a_row(number) for number in range(first, last + 1)]
            if projection:
                names = projection.split(", ")
                rows = [{name: row[name] for name in names if name in row} for row in rows]
            count = len(rows)
            self._pages[page] = _compact({"Items": rows, "Count": count, "ScannedCount": count})
        return self._pages[page]


class _Connection(StreamRequestHandler):
    # Head and body leave together. Waiting for an acknowledgement between them would be most of the time.
    wbufsize = -1
    disable_nagle_algorithm = True
    answers = Answers()

    def handle(self) -> None:
        while self.rfile.readline():
            told = dict(iter(self._header, ("", "")))
            asked = json.loads(self.rfile.read(int(told["content-length"])) or b"{}")
            body = self.answers.answer(told.get("x-amz-target", "").rpartition(".")[2], asked)
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nServer: Server\r\nContent-Type: application/x-amz-json-1.0\r\n"
                b"Content-Length: %d\r\nConnection: keep-alive\r\n"
                b"x-amzn-RequestId: ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOPQR\r\n"
                b"x-amz-crc32: %d\r\n\r\n" % (len(body), crc32(body))
            )
            self.wfile.write(body)
            self.wfile.flush()

    def _header(self) -> tuple[str, str]:
        name, _, value = self.rfile.readline().decode().strip().partition(":")
        return name.lower(), value.strip()


class _Server(ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def stand_in() -> Iterator[str]:
    """Run the stand-in, and give its address."""
    command = [sys.executable, "-m", "tests.performance.stand_in"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


if __name__ == "__main__":
    with _Server(("127.0.0.1", 0), _Connection) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
