"""The worker that erases a user's objects: whose objects, how far it goes, when it stops, and what it reports."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.erasure import erasing
from jobs.erasure.erasing import prefix_of
from jobs.erasure.order import Order, Tally
from jobs.erasure.ports import ObjectVersion, SessionsRefused
from jobs.erasure.reports import Outcome
from jobs.errors import Busy, ProjectNotFound
from jobs.model import DELETE_USER_DATA, Status

from tests.builders import NOW, a_job, a_project
from tests.fakes import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.model import Job

PROJECT = a_project()
USER = "user/1"
AT = prefix_of(PROJECT.project_key, USER)


class Worker:
    """The worker, its world in memory, and a job that runs."""

    def __init__(self, user: str = USER) -> None:
        self.world = World()
        self.world.directory.projects[PROJECT.project_key] = PROJECT
        self.sessions, self.bus, self.queue = self.world.sessions, self.world.bus, self.world.worker_queue
        self.job = a_job(action=DELETE_USER_DATA, reference_id=user, status=Status.RUNNING)

    @property
    def job(self) -> Job:
        return self.world.store.jobs[1, 1]

    @job.setter
    def job(self, job: Job) -> None:
        self.world.store.jobs[1, 1] = job

    def cancel(self) -> None:
        self.world.store.cancel_job(1, 1, NOW, "key-1")

    def work(self, body: str | None = None, batches: int | None = None) -> Outcome:
        """Deliver a message, by default the event of the start, with time for `batches` batches."""
        last = None if batches is None else len(self.sessions.batches) + batches
        order = Order.from_body(body or a_body())
        return erasing.erase(self.world, order, lambda _: last is None or len(self.sessions.batches) < last)

    def said(self, detail_type: str) -> list[dict[str, Any]]:
        return [dict(event.detail) for event in self.bus.events if event.detail_type == f"Job {detail_type}"]

    @property
    def progress(self) -> list[int]:
        return [detail["progress"] for detail in self.said("Progress")]

    @property
    def errors(self) -> list[str]:
        (failed,) = self.said("Failed")
        assert not self.said("Completed")
        errors: list[str] = failed["errors"]
        return errors


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def small_batches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erasing, "BATCH", 3)
        yield


def a_body(**detail: Any) -> str:
    """The event of the start as EventBridge puts it on a queue."""
    told = {
        "jobId": 1,
        "description": "",
        "status": "running",
        "projectId": 1,
        "action": DELETE_USER_DATA,
        "referenceId": USER,
        "createdAt": NOW,
        "updatedAt": NOW,
        "startAt": NOW,
        "errors": None,
        "attempt": 1,
        "params": {},
        "projectKey": PROJECT.project_key,
        "deduplicationId": "1-1-2",
        **detail,
    }
    return json.dumps({"version": "0", "id": "e", "source": "jobs", "detail-type": "Job Started", "detail": told})


def fill(worker: Worker, count: int) -> None:
    for number in range(count):
        worker.sessions.put(f"{AT}{number:05}")


# ------------------------------------------------------------------------------------------------------------- whose

tricky = st.text(st.sampled_from("ab/%25F.é💡 ?#+\\!'()*"), min_size=1, max_size=4)
users = tricky | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def place_of(user: str, beside: str = "") -> str:
    """Only the characters that no encoding touches stay as they are; JavaScript's leaves five others `beside` them."""
    letters = string.ascii_letters + string.digits + "-._~" + beside
    encoded = "".join(c if c in letters else "".join(f"%{byte:02X}" for byte in c.encode()) for c in user)
    return f"{PROJECT.project_key}/{encoded}/"


@pytest.mark.parametrize(
    ("user", "prefix"),
    [
        ("a", "key/a/"),
        ("a/b", "key/a%2Fb/"),
        ("a%2Fb", "key/a%252Fb/"),
        ("../x", "key/..%2Fx/"),
        ("é 💡", "key/%C3%A9%20%F0%9F%92%A1/"),
    ],
)
def test_a_user_s_objects_are_where_the_contract_says(user: str, prefix: str) -> None:
    assert prefix_of("key", user) == prefix


@given(users, st.lists(users, max_size=4), st.data())
def test_exactly_the_user_s_objects_go_whatever_the_ids_are(user: str, others: list[str], data: st.DataObject) -> None:
    worker = Worker(user)
    ids = [*others, user, user + "/", user + "b", f"{user}/b", user.replace("/", "%2F"), user[:-1]]
    for each in ids:
        for rest in ("object", *data.draw(st.lists(users, max_size=2))):
            # where the objects are, and where a careless implementation would look for them
            for key in (
                place_of(each) + rest,
                place_of(each, "!'()*") + rest,
                f"{PROJECT.project_key}/{each}/{rest}",
                f"other/{each}/{rest}",
            ):
                worker.sessions.put(key, versions=data.draw(st.integers(1, 2)))
    own = (place_of(user), place_of(user, "!'()*"))
    neighbours = {key for key in worker.sessions.keys if not key.startswith(own)}

    assert worker.work() is Outcome.COMPLETED

    assert worker.sessions.keys == neighbours
    places = {place_of(each, beside) for each in ids if each != user for beside in ("", "!'()*")}
    assert all(place + "object" in neighbours for place in places)


def test_both_spellings_are_erased_batch_by_batch_and_what_is_refused_in_either_fails_the_job() -> None:
    worker = Worker("it's (me)!*")
    spellings = [place_of("it's (me)!*", beside) for beside in ("", "!'()*")]
    assert [*erasing.prefixes_of(PROJECT.project_key, "it's (me)!*")] == spellings
    for spelling in spellings:
        for number in range(1_500):
            worker.sessions.put(f"{spelling}{number:05}")
    worker.sessions.refuses = {f"{spelling}00003": "AccessDenied" for spelling in spellings}

    assert worker.work(batches=2) is Outcome.CONTINUED
    assert worker.work(worker.queue.bodies[-1]) is Outcome.FAILED

    assert worker.errors == ["2 of 3000 object versions could not be deleted: AccessDenied"]
    assert worker.sessions.keys == set(worker.sessions.refuses)
    assert worker.said("Message")[0]["text"] == "Deleting 3000 object versions."


@pytest.mark.parametrize("user", ["a", "a/b", "a~b"])
def test_an_id_that_javascript_spells_alike_is_looked_for_once(user: str) -> None:
    assert erasing.prefixes_of("key", user) == [prefix_of("key", user)]


def test_the_job_says_whose_data_goes_and_not_the_event(worker: Worker) -> None:
    fill(worker, 2)
    worker.sessions.put(prefix_of(PROJECT.project_key, "other") + "object")

    worker.work(a_body(referenceId="other"))

    assert worker.sessions.keys == {prefix_of(PROJECT.project_key, "other") + "object"}


def test_an_event_that_names_a_project_by_another_s_key_erases_nothing(worker: Worker) -> None:
    fill(worker, 2)

    for detail in ({"projectKey": "other"}, {"projectId": 2}):
        with pytest.raises(ProjectNotFound):
            worker.work(a_body(**detail))

    assert len(worker.sessions.keys) == 2


def test_a_job_that_was_cancelled_after_a_later_attempt_is_nothing_to_say_of(worker: Worker) -> None:
    fill(worker, 2_000)

    def overtake(_: int) -> None:
        worker.job = worker.job._replace(attempt=2, status=Status.CANCELLED)

    worker.sessions.after_batch = overtake

    assert worker.work() is Outcome.STOPPED

    assert [event.detail_type for event in worker.bus.events] == ["Job Message", "Job Progress"]


def test_what_is_written_meanwhile_is_counted_too(worker: Worker) -> None:
    fill(worker, 1_001)
    worker.sessions.after_batch = lambda number: worker.sessions.put(f"{AT}a", versions=9) if number == 1 else None
    worker.sessions.refuses = {f"{AT}a": "AccessDenied"}

    worker.work()

    assert worker.errors == ["9 of 1010 object versions could not be deleted: AccessDenied"]


def test_a_job_that_names_no_user_fails(worker: Worker) -> None:
    worker.job = worker.job._replace(reference_id="")
    worker.sessions.put(f"{PROJECT.project_key}//object")

    assert worker.work() is Outcome.FAILED

    assert worker.errors == ["the job names no user"]
    assert [detail["retryable"] for detail in worker.said("Failed")] == [False]
    assert worker.sessions.keys


# -------------------------------------------------------------------------------------------------------- what it says


def test_it_reports_as_any_other_worker_would(worker: Worker) -> None:
    fill(worker, 2_500)

    assert worker.work() is Outcome.COMPLETED

    assert worker.sessions.batches == [1_000, 1_000, 500]
    assert worker.progress == [40, 80, 100, 100]
    of = {"projectKey": PROJECT.project_key, "jobId": 1}
    assert {event.source for event in worker.bus.events} == {"jobs.delete_user_data"}
    assert worker.said("Message") == [
        {**of, "status": 1, "text": "Deleting 2500 object versions.", "toolId": 0, "at": NOW},
        {**of, "status": 1, "text": "Deleted 2500 object versions.", "toolId": 0, "at": NOW},
    ]
    assert worker.said("Progress")[0] == {**of, "attempt": 1, "progress": 40}
    assert worker.said("Completed") == [{**of, "attempt": 1, "outputs": [{"deletedObjectVersions": 2_500}]}]
    assert worker.bus.events[-1].detail_type == "Job Completed"
    assert worker.world.meter.counts["ObjectVersionsDeleted"] == 2_500


def test_where_nothing_is_stored_it_completes_at_once_with_a_warning(worker: Worker) -> None:
    assert worker.work() is Outcome.COMPLETED

    assert worker.sessions.batches == []
    assert worker.progress == [100]
    assert worker.said("Message")[-1]["status"] == 2
    assert worker.said("Message")[-1]["text"].startswith("Nothing was deleted")
    assert [detail["outputs"] for detail in worker.said("Completed")] == [[{"deletedObjectVersions": 0}]]


def test_progress_stays_below_all_of_it_while_nobody_knows_how_much_there_is(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "MAX_COUNTED", 2_000)
    fill(worker, 3_500)

    worker.work()

    assert worker.progress == [50, 99, 99, 99, 100]
    assert worker.said("Message")[0]["text"] == "Deleting at least 2000 object versions."
    assert worker.said("Message")[1]["text"] == "Deleted 3500 object versions."


def test_nothing_it_says_names_the_user_or_an_object(worker: Worker) -> None:
    worker.sessions.put(f"{AT}holiday", 5)
    worker.sessions.refuses = {f"{AT}holiday": "AccessDenied"}
    worker.work()
    worker.cancel()
    worker.work()

    said = json.dumps([event.detail for event in worker.bus.events])

    assert "user" not in said
    assert "holiday" not in said


@pytest.mark.parametrize("end", ["Job Completed", "Job Failed"])
def test_an_end_that_the_bus_refuses_comes_again_with_the_message(worker: Worker, end: str) -> None:
    fill(worker, 3)
    if end == "Job Failed":
        worker.sessions.refuses = {f"{AT}00001": "AccessDenied"}
    worker.bus.refuses = {end}
    with pytest.raises(Busy):
        worker.work()

    worker.bus.refuses = set()
    worker.work()

    assert len([event for event in worker.bus.events if event.detail_type == end]) == 1


def test_a_lost_word_or_sign_of_life_stops_nothing(worker: Worker) -> None:
    fill(worker, 1_500)
    worker.bus.refuses = {"Job Progress", "Job Message"}

    assert worker.work() is Outcome.COMPLETED

    assert worker.world.meter.counts["ReportRefused"] == 5
    assert [event.detail_type for event in worker.bus.events] == ["Job Completed"]


# ------------------------------------------------------------------------------------------------------ when it stops


def test_it_stops_within_one_batch_once_its_job_is_cancelled(worker: Worker) -> None:
    fill(worker, 5_000)
    worker.sessions.after_batch = lambda number: worker.cancel() if number == 2 else None

    assert worker.work() is Outcome.STOPPED

    assert worker.sessions.batches == [1_000, 1_000]
    assert not worker.said("Completed")
    assert not worker.said("Failed")
    assert worker.said("Message")[-1]["text"] == (
        "Stopped, as the job was cancelled: 2000 of 5000 object versions were deleted."
    )
    assert worker.said("Message")[-1]["status"] == 2


def test_it_stops_in_silence_once_another_attempt_runs(worker: Worker) -> None:
    fill(worker, 3_000)

    def overtake(_: int) -> None:
        worker.job = worker.job._replace(attempt=2)

    worker.sessions.after_batch = overtake

    assert worker.work() is Outcome.STOPPED

    assert worker.sessions.batches == [1_000]
    assert [event.detail_type for event in worker.bus.events] == ["Job Message", "Job Progress"]


@pytest.mark.parametrize(
    "changes",
    [{"status": status} for status in Status if status is not Status.RUNNING]
    + [{"attempt": 2}, {"action": "export"}, {"project_id": 2}],
)
def test_a_job_that_is_not_this_attempt_s_is_left_alone(worker: Worker, changes: dict[str, Any]) -> None:
    fill(worker, 3)
    job = worker.job._replace(**changes)
    worker.world.store.jobs = {(job.project_id, job.job_id): job}

    assert worker.work() is Outcome.STOPPED

    assert (worker.sessions.batches, worker.bus.events) == ([], [])


# ------------------------------------------------------------------------------------------------------ how it goes on


def test_what_its_time_is_too_short_for_goes_on_with_a_message_of_its_own(worker: Worker) -> None:
    fill(worker, 3_500)

    assert worker.work(batches=1) is Outcome.CONTINUED
    assert worker.work(worker.queue.bodies[0], batches=2) is Outcome.CONTINUED
    assert worker.work(worker.queue.bodies[1]) is Outcome.COMPLETED

    assert worker.progress == [28, 57, 85, 100, 100]
    assert [message["text"] for message in worker.said("Message")] == [
        "Deleting 3500 object versions.",
        "Deleted 3500 object versions.",
    ]
    assert json.loads(worker.queue.bodies[1])["detail"] == json.loads(a_body())["detail"]


def test_one_batch_is_done_however_short_the_time_is(worker: Worker) -> None:
    fill(worker, 1_500)

    assert worker.work(batches=0) is Outcome.CONTINUED

    assert worker.sessions.batches == [1_000]


def test_a_continuation_that_the_queue_refuses_is_made_good_by_the_message_itself(worker: Worker) -> None:
    fill(worker, 1_500)
    worker.queue.refuses = True
    with pytest.raises(Busy):
        worker.work(batches=1)

    assert worker.work() is Outcome.COMPLETED

    assert worker.sessions.batches == [1_000, 500]


def test_after_a_crash_it_goes_on_with_what_is_left(worker: Worker) -> None:
    fill(worker, 2_500)

    def crash(number: int) -> None:
        if number == 2:
            raise MemoryError

    worker.sessions.after_batch = crash
    with pytest.raises(MemoryError):
        worker.work()

    assert worker.work() is Outcome.COMPLETED

    assert worker.sessions.batches == [1_000, 1_000, 500]
    assert worker.sessions.keys == set()


def test_two_workers_on_one_job_are_harmless(worker: Worker) -> None:
    fill(worker, 2_500)

    def join(number: int) -> None:
        if number == 1:
            worker.work()

    worker.sessions.after_batch = join

    assert worker.work() is Outcome.COMPLETED

    assert worker.sessions.keys == set()
    assert not worker.said("Failed")


# ---------------------------------------------------------------------------------------------------- what S3 refuses


def test_what_s3_refuses_is_tried_three_times_and_then_the_job_says_what_is_left(worker: Worker) -> None:
    fill(worker, 2_500)
    worker.sessions.refuses = {f"{AT}{number:05}": "AccessDenied" for number in range(990, 1_002)}

    assert worker.work() is Outcome.FAILED

    assert worker.errors == ["12 of 2500 object versions could not be deleted: AccessDenied"]
    assert len(worker.sessions.keys) == 12
    assert sum(worker.sessions.batches) == 2_488 + 3 * 12
    assert worker.world.clock.slept == [1_000, 2_000]
    assert max(worker.progress) < 100
    assert worker.said("Message")[-1]["status"] == 3


def test_what_s3_refuses_first_and_deletes_later_is_no_failure(worker: Worker) -> None:
    fill(worker, 10)
    worker.sessions.refuses = {f"{AT}00003": "AccessDenied"}
    worker.sessions.after_batch = lambda _: worker.sessions.refuses.clear()

    assert worker.work() is Outcome.COMPLETED

    assert worker.sessions.batches == [10, 1]


@pytest.mark.usefixtures("small_batches")
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 5), st.booleans()), max_size=12), st.data())
def test_all_goes_but_what_s3_refuses_wherever_it_stands_and_however_often_time_runs_short(
    objects: list[tuple[int, int, bool]], data: st.DataObject
) -> None:
    worker = Worker()
    for number, versions, refused in objects:
        key = f"{AT}{number:02}"
        worker.sessions.put(key, versions)
        if refused:
            worker.sessions.refuses[key] = data.draw(st.sampled_from(["AccessDenied", "InvalidArgument"]))
    before = len(worker.sessions.versions)
    left = [version for version in worker.sessions.versions if version.key in worker.sessions.refuses]
    codes = [worker.sessions.refuses[version.key] for version in left]

    outcome = worker.work(batches=data.draw(st.integers(1, 4)))
    while outcome is Outcome.CONTINUED:
        outcome = worker.work(worker.queue.bodies[-1], batches=data.draw(st.integers(1, 4)))

    assert sorted(worker.sessions.versions) == sorted(left)
    assert outcome is (Outcome.FAILED if left else Outcome.COMPLETED)
    if left:
        assert worker.errors == [
            f"{codes.count(code)} of {before} object versions could not be deleted: {code}"
            for code in sorted(set(codes))
        ]


def test_a_user_who_goes_on_being_recorded_does_not_keep_the_worker_busy_for_ever(worker: Worker) -> None:
    fill(worker, 5)
    worker.sessions.after_batch = lambda number: worker.sessions.put(f"{AT}new-{number}")

    assert worker.work() is Outcome.FAILED

    assert worker.errors == ["at least 1 object versions were written while the user's data was deleted"]
    assert worker.sessions.batches == [5, 1, 1]


def test_a_bucket_that_may_not_be_listed_fails_the_job_with_its_code(worker: Worker) -> None:
    worker.sessions.closed = SessionsRefused("NoSuchBucket")

    assert worker.work() is Outcome.FAILED

    assert worker.errors == ["the object versions could not be listed: NoSuchBucket"]


def test_a_throttled_s3_sends_the_message_back_to_its_queue_and_ends_nothing(worker: Worker) -> None:
    worker.sessions.closed = Busy()

    with pytest.raises(Busy):
        worker.work()

    assert worker.bus.events == []


# ------------------------------------------------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        '"x"',
        "{}",
        "[" * 100_000,
        json.dumps({"source": "jobs", "detail-type": "Job Started", "detail": None}),
        a_body(action="export"),
        a_body(projectId="1"),
        a_body(jobId=True),
        a_body(attempt=1.5),
        a_body(projectKey=None),
        a_body().replace("Job Started", "Job Completed"),
        a_body().replace('"source": "jobs"', '"source": "other"'),
        a_body()[:-1] + ', "continuation": {}}',
        a_body()[:-1] + ', "continuation": {"total":1,"exact":true,"done":0,"walks":0,"after":["a"],"refused":{}}}',
        a_body()[:-1] + ', "continuation": {"total":1e999,"exact":true,"done":0,"walks":0,"after":null,"refused":{}}}',
    ],
)
def test_what_is_no_order_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"^(not an order|Expecting value)"):
        Order.from_body(body)


@given(users, st.integers(0, 3), st.booleans(), st.dictionaries(users, st.integers(0, 9)))
def test_a_continuation_is_read_as_it_was_sent(key: str, walks: int, exact: bool, refused: dict[str, int]) -> None:  # noqa: FBT001
    tally = Tally(total=9, exact=exact, done=4, walks=walks)
    tally.book(1, [(ObjectVersion(key, "v"), code) for code in refused])

    assert Order.from_body(Order.from_body(a_body()).to_body(tally)).tally == tally
