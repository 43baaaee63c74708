"""What committed writes put on the bus: one event for each status change, with the same id at every delivery."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.adapters.eventbridge import TOO_LARGE, to_detail
from jobs.dialects.bodies import MAX_PARAMS_BYTES
from jobs.dialects.report_bodies import MAX_ENTRIES, MAX_ENTRY_BYTES
from jobs.events.publishing import Committed, ScheduleChange, deduplication_id, events_of, publish
from jobs.model import TRANSITIONS, Change, Occasion, Status
from jobs.store import items, keys, stream

from tests.builders import NOW, a_job, a_project
from tests.fakes import FakeBus, FakeDirectory, FakeStore, World

if TYPE_CHECKING:
    from jobs.model import Event, Job

PROJECT = a_project()


class Publisher:
    """The use case over its fakes."""

    def __init__(self) -> None:
        self.bus, self.store, self.registry = FakeBus(), FakeStore(), FakeDirectory()
        self.registry.projects[PROJECT.project_key] = PROJECT

    def publish(self, *writes: Committed | ScheduleChange) -> set[int]:
        return publish(World(bus=self.bus, store=self.store, directory=self.registry), writes)

    @property
    def events(self) -> list[Event]:
        return self.bus.events


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


def walk(*states: Status, **job: Any) -> list[Committed]:
    """The writes of a job that goes through some states after its creation."""
    jobs = [a_job(**job)]
    for position, state in enumerate(states, 1):
        last = jobs[-1]
        changes: dict[str, Any] = {
            "status": state,
            "history": (*last.history, Change(state, NOW + position, "x")),
            "attempt": last.attempt + (state is Status.SCHEDULED),
        }
        jobs.append(last._replace(**changes))
    return [Committed(before, after) for before, after in zip([None, *jobs], jobs, strict=False)]


def test_a_creation_is_told_with_the_job_its_params_and_its_project(publisher: Publisher) -> None:
    job = a_job(description="d", reference_id="r", has_params=True, max_attempts=3, timeout_seconds=60)
    publisher.store.params[1, 1] = {"a": [1.5, None]}

    assert publisher.publish(Committed(None, job)) == set()

    (event,) = publisher.events
    assert (event.source, event.detail_type) == ("jobs", "Job Scheduled")
    assert list(event.detail.items()) == [
        ("jobId", 1),
        ("description", "d"),
        ("status", "scheduled"),
        ("projectId", 1),
        ("action", "export"),
        ("referenceId", "r"),
        ("createdAt", NOW),
        ("updatedAt", None),
        ("startAt", NOW),
        ("errors", None),
        ("errorList", None),
        ("attempt", 1),
        ("maxAttempts", 3),
        ("timeoutSeconds", 60),
        ("params", {"a": [1.5, None]}),
        ("projectKey", PROJECT.project_key),
        ("deduplicationId", "1-1-1"),
    ]


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ([Status.RUNNING], "Job Started"),
        ([Status.RUNNING, Status.COMPLETED], "Job Completed"),
        ([Status.RUNNING, Status.FAILED], "Job Failed"),
        ([Status.CANCELLED], "Job Cancelled"),
        ([Status.RUNNING, Status.CANCELLED], "Job Cancelled"),
        ([Status.RUNNING, Status.SCHEDULED], "Job Retried"),
        ([Status.CANCELLED, Status.SCHEDULED], "Job Retried"),
    ],
)
def test_each_change_has_its_own_name(publisher: Publisher, states: list[Status], told: str) -> None:
    publisher.publish(walk(*states)[-1])

    (event,) = publisher.events
    assert event.detail_type == told
    assert event.detail["status"] == states[-1]
    assert event.detail["updatedAt"] == NOW + len(states)
    assert event.detail["attempt"] == 1 + (states[-1] is Status.SCHEDULED)


def test_the_largest_failure_fits_on_the_bus(publisher: Publisher) -> None:
    control = "\x01"  # six bytes of JSON
    text = {"description": control * 1_024, "reference_id": control * 256, "action": "a" * 64}
    (_, failed) = walk(Status.FAILED, errors=(control * (MAX_ENTRY_BYTES // 6),) * MAX_ENTRIES, has_params=True, **text)
    publisher.store.params[1, 1] = {"": "x" * MAX_PARAMS_BYTES}

    publisher.publish(failed)

    (event,) = publisher.events
    assert event.detail["errors"] == "\n".join(event.detail["errorList"])
    assert len(to_detail(event.detail).encode()) < TOO_LARGE // 2


def test_a_write_that_changes_no_status_is_not_told(publisher: Publisher) -> None:
    (_, started) = walk(Status.RUNNING)
    beaten = started.after._replace(progress=50, next_at=NOW + 99)

    assert publisher.publish(Committed(started.after, beaten)) == set()

    assert publisher.events == []


def test_each_move_is_told_by_itself_with_who_made_it_and_an_id_of_its_own(publisher: Publisher) -> None:
    created = a_job()
    moved = created._replace(start_at=NOW + 9, next_at=NOW + 9, moves=1, moved_by="key:1")
    again = moved._replace(start_at=NOW + 5, next_at=NOW + 5, moves=2, moved_by="key:2")
    started = again._replace(status=Status.RUNNING, history=(*again.history, Change(Status.RUNNING, NOW + 5, "x")))
    jobs = [None, created, moved, again, started]
    writes = [Committed(before, after) for before, after in pairwise(jobs) if after is not None]

    publisher.publish(*writes)
    publisher.publish(writes[1])

    first, *told, start, repeated = publisher.events
    assert [(event.detail_type, event.detail["by"], event.detail["startAt"]) for event in told] == [
        ("Job Rescheduled", "key:1", NOW + 9),
        ("Job Rescheduled", "key:2", NOW + 5),
    ]
    assert all(event.detail["updatedAt"] is None for event in told)
    assert repeated == told[0]
    ids = [event.detail["deduplicationId"] for event in (first, *told, start)]
    assert ids == ["1-1-1", "1-1-1-m1", "1-1-1-m2", "1-1-2"]
    assert [list(event.detail) for event in told] == [[*list(first.detail)[:-1], "by", "deduplicationId"]] * 2
    assert "by" not in start.detail


@given(st.data())
def test_a_walk_is_told_change_by_change_with_ids_that_every_delivery_repeats(data: st.DataObject) -> None:
    states = [Status.SCHEDULED]
    while (onward := sorted(TRANSITIONS[states[-1]])) and len(states) < 9 and data.draw(st.booleans()):
        states.append(data.draw(st.sampled_from(onward)))
    writes = walk(*states[1:])
    deliveries = data.draw(st.lists(st.sampled_from(writes), max_size=20))
    publisher = Publisher()

    publisher.publish(*writes)
    told = {write.after.history: event for write, event in zip(writes, publisher.events, strict=True)}
    for write in deliveries:
        publisher.publish(write)

    assert publisher.events[len(writes) :] == [told[write.after.history] for write in deliveries]
    assert len({event.detail["deduplicationId"] for event in told.values()}) == len(writes)


def test_ids_tell_apart_changes_jobs_and_projects() -> None:
    jobs = [a_job(project_id=project, job_id=number) for project, number in [(1, 11), (11, 1), (1, 1), (1, 111)]]

    assert len({deduplication_id(job, length) for job in jobs for length in (1, 11, 111)}) == 12


def test_the_writes_whose_events_are_refused_are_told_by_their_places(publisher: Publisher) -> None:
    publisher.bus.refuses = {"Job Started"}
    created, started, completed = walk(Status.RUNNING, Status.COMPLETED)
    beaten = Committed(started.after, started.after._replace(progress=1))

    assert publisher.publish(created, beaten, started, completed, started) == {2, 4}

    assert [event.detail_type for event in publisher.events] == ["Job Scheduled", "Job Completed"]


def test_changes_that_one_write_made_together_are_told_one_by_one() -> None:
    *_, last = walk(Status.RUNNING, Status.CANCELLED)

    told = list(events_of(World(store=FakeStore(), directory=FakeDirectory()), Committed(a_job(), last.after)))

    assert [event.detail_type for event in told] == ["Job Started", "Job Cancelled"]
    assert [event.detail["deduplicationId"] for event in told] == ["1-1-2", "1-1-3"]
    assert told[0].detail["projectKey"] is None  # the project does not exist


# ---- the stream ---------------------------------------------------------------------------------------------------


def a_record(number: int, old: Job | None, new: Job | None) -> dict[str, Any]:
    images = {"OldImage": old, "NewImage": new}
    shown = {name: items.job_to_item(job, "t", 4) for name, job in images.items() if job is not None}
    return {"dynamodb": {"SequenceNumber": f"{number}00", **shown}}


def test_the_stream_s_records_are_the_writes_of_jobs_in_their_order() -> None:
    created, started = walk(Status.RUNNING, has_params=True)
    others = [
        {"dynamodb": {"SequenceNumber": "9", "NewImage": {"pk": {"S": pk}, "sk": {"S": "x"}}}}
        for pk in ("payload#1#1", "event#00", "idempotency#1#0", "deletion#1#0", "project#1", "dispatch")
    ]

    writes = stream.written([a_record(1, None, created.after), *others, a_record(2, created.after, started.after)])

    assert [(write.sequence_number, write.change) for write in writes] == [("100", created), ("200", started)]


def test_a_row_that_is_deleted_was_no_status_change() -> None:
    assert stream.written([a_record(1, a_job(), None)]) == []


SCHEDULE = f"{1:024x}"


def a_spec_row(version: int, *, enabled: bool = True) -> dict[str, Any]:
    text = json.dumps({"name": "nightly", "enabled": enabled, "job": {"params": {"secret": 1}}})
    key = items.key(keys.schedule_spec(1, SCHEDULE))
    return {**key, "v": items.number(version), "ca": items.number(NOW), "json": items.string(text)}


def a_state_row(missed: int = 0, skipped: int = 0, due: int = NOW) -> dict[str, Any]:
    counts = {"rc": 1, "mc": missed, "sc": skipped, "due": due}
    return {
        **items.key(keys.schedule_state(1, SCHEDULE)),
        **{name: items.number(value) for name, value in counts.items()},
    }


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, a_spec_row(1), [("Schedule Created", {"name": "nightly", "enabled": True, "version": 1}, "1")]),
        (
            a_spec_row(1),
            a_spec_row(2, enabled=False),
            [("Schedule Updated", {"name": "nightly", "enabled": False, "version": 2}, "2")],
        ),
        (a_spec_row(2), None, [("Schedule Deleted", {"name": "nightly", "enabled": True, "version": 2}, "2-deleted")]),
        (
            a_state_row(missed=1),
            a_state_row(missed=4, due=NOW + 1),
            [("Schedule Missed", {"missed": 3, "missedCount": 4, "scheduledFor": NOW}, "missed-4")],
        ),
        (
            a_state_row(skipped=1),
            a_state_row(missed=2, skipped=2),
            [
                ("Schedule Missed", {"missed": 2, "missedCount": 2, "scheduledFor": NOW}, "missed-2"),
                ("Schedule Skipped", {"skipped": 1, "skippedCount": 2, "scheduledFor": NOW}, "skipped-2"),
            ],
        ),
        # the job of an occurrence has an event of its own
        (a_state_row(), a_state_row(due=NOW + 1), []),
        (None, a_state_row(), []),
        (a_state_row(), None, []),
    ],
)
def test_changes_of_schedules_are_told_without_what_their_jobs_get(
    publisher: Publisher,
    old: dict[str, Any] | None,
    new: dict[str, Any] | None,
    expected: list[tuple[str, dict[str, Any], str]],
) -> None:
    images = {name: row for name, row in (("OldImage", old), ("NewImage", new)) if row is not None}

    writes = stream.written([{"dynamodb": {"SequenceNumber": "1", **images}}])

    assert publisher.publish(*(write.change for write in writes)) == set()
    assert [(event.source, event.detail_type, event.detail) for event in publisher.events] == [
        (
            "jobs",
            detail_type,
            {
                "scheduleId": SCHEDULE,
                "projectId": 1,
                **about,
                "projectKey": PROJECT.project_key,
                "deduplicationId": f"{SCHEDULE}-{change}",
            },
        )
        for detail_type, about, change in expected
    ]


def test_a_job_of_a_schedule_tells_its_occurrence(publisher: Publisher) -> None:
    publisher.publish(Committed(None, a_job(made_by=Occasion(SCHEDULE, NOW))), Committed(None, a_job(job_id=2)))

    assert [event.detail.get("scheduleId") for event in publisher.events] == [SCHEDULE, None]
    assert publisher.events[0].detail["scheduledFor"] == NOW
    assert "scheduledFor" not in publisher.events[1].detail
