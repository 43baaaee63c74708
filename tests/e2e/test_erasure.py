"""The worker delete_user_data, seen over HTTP and by what is left in the bucket."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.e2e.embedded import far_ahead
from tests.e2e.test_events import Outside, until

if TYPE_CHECKING:
    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e

BATCH = 1_000


@dataclass
class Sessions:
    """The bucket, as a recorder of sessions sees it."""

    stack: Embedded
    tenant: Tenant

    def __post_init__(self) -> None:
        self.s3, self.bucket = self.stack.aws("s3"), self.stack.demo["sessionsBucket"]

    def prefix(self, user: str) -> str:
        return f"{self.tenant.project.project_key}/{quote(user, safe='')}/"

    def put(self, user: str, count: int = 1) -> None:
        """Put objects of a user. With an id alone, which the emulator takes, they need half of the time."""
        connection = HTTPConnection(self.stack.demo["awsEndpoint"].removeprefix("http://"))
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={self.stack.demo['awsAccessKeyId']}/"}
        for number in range(count):
            connection.request("PUT", f"/{self.bucket}/{quote(self.prefix(user))}{number:05}", b"{}", headers)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
        connection.close()

    def left(self, user: str) -> int:
        """The versions and delete markers that a user still has."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=self.prefix(user))
        return sum(len(page.get("Versions", [])) + len(page.get("DeleteMarkers", [])) for page in pages)

    def has(self, user: str, number: int) -> bool:
        """Whether an object exists."""
        key = f"{self.prefix(user)}{number:05}"
        return bool(self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key).get("Contents"))

    def delete(self, user: str) -> int:
        """Ask for the deletion of a user now, and return the job's number."""
        number: int = self.tenant.create(action="delete_user_data", referenceId=user)["jobId"]
        return number


@pytest.fixture
def sessions(stack: Embedded, tenant: Tenant) -> Sessions:
    return Sessions(stack, tenant)


@pytest.fixture
def outside(stack: Embedded, tenant: Tenant) -> Outside:
    return Outside(stack, tenant)


def test_all_of_a_user_s_objects_are_erased_and_nothing_of_a_neighbour_s(sessions: Sessions, outside: Outside) -> None:
    neighbours = ["ab", "a/b", "a/", "A", "a%2Fb", "%61", "a b"]
    for neighbour in neighbours:
        sessions.put(neighbour, 3)
    sessions.put("a", 2_500)
    number = sessions.delete("a")

    running = outside.job_is("running", number)
    until(lambda: sessions.tenant.details(number)["progress"])
    job = outside.job_is("completed", number)

    assert running["timeoutAt"] == running["startedAt"] + 43_200_000
    assert [change["to"] for change in job["history"]] == ["scheduled", "running", "completed"]
    assert job["progress"] == 100
    assert sessions.left("a") == 0
    assert {neighbour: sessions.left(neighbour) for neighbour in neighbours} == dict.fromkeys(neighbours, 3)
    said = [(message["status"], message["text"]) for message in outside.messages()]
    assert said == [(1, "Deleting 2500 object versions."), (1, "Deleted 2500 object versions.")]


def test_a_user_whose_id_has_a_slash_is_erased_alone(sessions: Sessions, outside: Outside) -> None:
    for user in ("a", "a/b", "a%2Fb"):
        sessions.put(user, 3)

    outside.job_is("completed", sessions.delete("a/b"))

    assert {user: sessions.left(user) for user in ("a", "a/b", "a%2Fb")} == {"a": 3, "a/b": 0, "a%2Fb": 3}


def test_the_same_user_of_another_project_is_not_touched(stack: Embedded, sessions: Sessions, outside: Outside) -> None:
    other = Sessions(stack, stack.new_tenant())
    for project in (sessions, other):
        project.put("someone", 3)

    outside.job_is("completed", sessions.delete("someone"))

    assert (sessions.left("someone"), other.left("someone")) == (0, 3)


def test_older_versions_and_delete_markers_are_erased_too(sessions: Sessions, outside: Outside) -> None:
    sessions.put("someone", 3)
    sessions.put("someone", 3)
    sessions.s3.delete_object(Bucket=sessions.bucket, Key=f"{sessions.prefix('someone')}00000")
    assert sessions.left("someone") == 7

    outside.job_is("completed", sessions.delete("someone"))

    assert sessions.left("someone") == 0


def test_a_user_without_objects_is_deleted_at_once(sessions: Sessions, outside: Outside) -> None:
    job = outside.job_is("completed", sessions.delete("nobody"))

    assert job["progress"] == 100


def test_a_cancelled_deletion_stops_within_a_batch_and_stays_cancelled(sessions: Sessions, outside: Outside) -> None:
    sessions.put("someone", 4 * BATCH)
    number = sessions.delete("someone")
    while sessions.has("someone", 0):  # until the first batch is erased
        time.sleep(0.005)
    cancelled = sessions.tenant.call("DELETE", f"{sessions.tenant.public}/jobs/{number}")
    then = sessions.left("someone")
    until(lambda: [message for message in outside.messages() if message["status"] == 2])
    outside.report("Job Completed", jobId=number)
    outside.put("Job Message", jobId=number, text="after the late report")
    until(lambda: outside.messages()[-1]["text"] == "after the late report")

    job: dict[str, Any] = sessions.tenant.details(number)
    left = sessions.left("someone")
    assert cancelled.json()["data"]["status"] == "cancelled"
    assert then - left <= BATCH
    assert left > 0
    assert (job["status"], job["errors"], job["history"][-1]["to"]) == ("cancelled", None, "cancelled")
    stopped = [message["text"] for message in outside.messages() if message["status"] == 2]
    assert stopped == [
        f"Stopped, as the job was cancelled: {4 * BATCH - left} of {4 * BATCH} object versions were deleted."
    ]


def test_what_a_cancelled_deletion_left_a_retry_erases(sessions: Sessions, outside: Outside) -> None:
    sessions.put("someone", 3)
    later = sessions.tenant.create(action="delete_user_data", referenceId="someone", startAt=far_ahead())
    sessions.tenant.call("DELETE", f"{sessions.tenant.public}/jobs/{later['jobId']}")

    retried = sessions.tenant.call("POST", f"{sessions.tenant.public}/jobs/{later['jobId']}/retry")

    assert retried.status_code == 200
    outside.job_is("completed", later["jobId"], attempt=2)
    assert sessions.left("someone") == 0
