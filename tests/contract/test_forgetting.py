"""One suite for every store: what is left of a job that is forgotten, and what keeps it from being forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from jobs.forgetting.ports import Reference, RetentionWalk
from jobs.lifecycle import retrying
from jobs.model import DELETE_USER_DATA, Change, DueJob, Forgotten, Message, Run, SeenEvent, Severity, Status
from jobs.outcomes import AppendOutcome, Attempt, Failure, NewRow, Stamp
from jobs.tenants import Retention

from tests.builders import NOW, a_full_job, a_job, an_artifact, append, start
from tests.contract.conftest import SHARDS
from tests.fakes import FakeStore
from tests.stores import Store, a_store, an_admin

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.model import Job

DUE = NOW + 86_400_000
FIRST = Attempt(1, 1, 1)


def ended(store: Store, job_id: int = 1, due: int = DUE, **fields: object) -> Job:
    """A failed job with a payload."""
    append(store, a_job(job_id=job_id, has_params=True, **fields), "create", {"user": "ann"})
    start(store, job_id, NOW)
    store.put_artifact(0, an_artifact(job_id=job_id), None)
    said = Message(NOW, Severity.NONE, "ann")
    store.add_message(1, job_id, said, SeenEvent(f"{job_id}".zfill(64), NOW))
    store.fail_job(Attempt(1, job_id, 1), Stamp(NOW + 1, "worker", "end", due), Failure(["ann", "bob"]))
    return the_job(store, job_id)


def the_job(store: Store, job_id: int = 1) -> Job:
    job = store.get_job(1, job_id)
    assert job is not None
    return job


def forgettable(store: Store, now: int) -> list[DueJob]:
    return sorted(row for shard in range(SHARDS) for row in store.list_forgettable(shard, now, 100))


def test_ended_jobs_are_listed_once_they_are_due_the_longest_due_first(store: Store) -> None:
    for number in range(1, 9):
        ended(store, number, DUE + number)
    append(store, a_job(job_id=9), "create")

    assert forgettable(store, DUE) == []
    assert forgettable(store, DUE + 5) == [DueJob(DUE + number, 1, number) for number in range(1, 6)]
    for shard in range(SHARDS):
        of_shard = store.list_forgettable(shard, DUE + 9, 100)
        assert of_shard == sorted(of_shard)
        assert store.list_forgettable(shard, DUE + 9, 1) == of_shard[:1]


def test_a_payload_is_listed_and_deleted_and_no_other_job_s(store: Store) -> None:
    ended(store)
    other = ended(store, 2)

    found = store.list_payload(1, 1, 100)
    assert (len(found.names), found.has_files) == (4, True)
    assert len(store.list_payload(1, 1, 3).names) == 3
    store.delete_payload(1, 1, found.names)
    store.delete_payload(1, 1, found.names)

    assert store.list_payload(1, 1, 100).names == ()
    assert not store.list_payload(1, 1, 100)
    job = the_job(store)
    assert (store.get_params(1, 1), store.get_evidence(job)) == ({}, {})
    assert (store.list_messages(1, 1, None, 9).messages, store.list_artifacts(1, 1)) == ([], {})
    assert (store.get_params(1, 2), len(store.list_payload(1, 2, 100).names)) == ({"user": "ann"}, 4)
    assert the_job(store, 2) == other


def test_a_payload_of_more_rows_than_one_call_deletes_is_deleted(store: Store) -> None:
    append(store, a_job(), "create")
    for number in range(60):
        store.add_message(1, 1, Message(NOW + number, Severity.NONE, "x"), SeenEvent(f"{number}".zfill(64), NOW))

    store.delete_payload(1, 1, store.list_payload(1, 1, 100).names)

    assert not store.list_payload(1, 1, 100)


#: What may be left of a job: each differs from what it was in another way.
LEFT: dict[str, Callable[[Job], Job]] = {
    "without its payload": lambda job: job._replace(forgotten=Forgotten.PAYLOAD, has_params=False, outputs_token=None),
    "redacted": lambda job: job._replace(
        forgotten=Forgotten.REDACTED,
        reference_id="redacted:0",
        description="",
        errors=("redacted",),
        run=job.run._replace(owner_id="redacted:1"),
        next_at=None,
    ),
    "due later": lambda job: job._replace(next_at=DUE + 5),
    "out of the index": lambda job: job._replace(next_at=None),
}


@pytest.mark.parametrize("left", LEFT)
def test_what_is_left_of_a_job_is_written_if_it_is_as_it_was_seen(store: Store, left: str) -> None:
    seen = ended(store, description="for Ann", reference_id="ann", run=Run("wf", "ann", ("c",), "High", "gpu"))
    then = LEFT[left](seen)

    assert store.forget_job(seen, then)

    assert the_job(store) == then
    assert forgettable(store, DUE + 5) == ([] if then.next_at is None else [DueJob(then.next_at, 1, 1)])


def test_a_job_that_was_in_no_index_can_be_forgotten(store: Store) -> None:
    seen = ended(store)
    store.forget_job(seen, out := seen._replace(next_at=None))
    then = LEFT["redacted"](out)

    assert store.forget_job(out, then)
    assert the_job(store) == then
    assert not store.forget_job(seen, out)


def test_a_job_that_was_retried_is_not_forgotten(store: Store) -> None:
    seen = ended(store)
    retried = retrying._retried(seen, NOW + 5, "key-1")
    assert store.retry_job(seen, retried, "retry", None) is AppendOutcome.DONE

    for left in LEFT.values():
        assert not store.forget_job(seen, left(seen))

    assert the_job(store) == retried


def test_of_two_runs_that_saw_the_same_one_writes(store: Store) -> None:
    seen = ended(store)

    assert store.forget_job(seen, LEFT["without its payload"](seen))
    assert not store.forget_job(seen, LEFT["redacted"](seen))

    assert the_job(store).forgotten is Forgotten.PAYLOAD


def test_a_write_that_is_sent_again_has_won(store: Store) -> None:
    seen = ended(store)
    then = LEFT["redacted"](seen)
    assert store.forget_job(seen, then)

    assert store.forget_job(seen, then)

    assert the_job(store) == then


def test_a_job_that_does_not_exist_is_not_made(store: Store) -> None:
    seen = a_job(status=Status.FAILED, history=(Change(Status.FAILED, NOW, "x"),))

    assert not store.forget_job(seen, LEFT["redacted"](seen))

    assert store.get_job(1, 1) is None


def test_the_full_job_can_be_redacted(store: Store) -> None:
    full = a_full_job()._replace(status=Status.FAILED, next_at=DUE)
    append(store, full, "create")

    assert store.forget_job(full, LEFT["redacted"](full))
    assert the_job(store) == LEFT["redacted"](full)


def test_a_job_is_found_by_its_person_until_that_is_deleted(store: Store) -> None:
    for number, person in enumerate(("ann", "bob", "ann", "", "ann"), 1):
        action = DELETE_USER_DATA if number == 5 else "export"
        store.append([NewRow(a_job(job_id=number, action=action), "t", {}, None, person)])

    of_ann = [Reference(1), Reference(3), Reference(5, is_deletion=True)]
    assert store.list_references(1, "ann", 0, 9) == of_ann
    assert store.list_references(1, "ann", 1, 1) == of_ann[1:2]
    assert store.list_references(1, "nobody", 0, 9) == store.list_references(2, "ann", 0, 9) == []
    assert store.list_references(1, "bob", 0, 9) == [Reference(2)]


def test_a_redacted_job_is_no_longer_found_by_its_person(store: Store) -> None:
    for number in (1, 2):
        store.append([NewRow(a_job(job_id=number), "t", {}, None, "ann")])
        start(store, number, NOW)
        store.fail_job(Attempt(1, number, 1), Stamp(NOW + 1, "worker", "end", DUE), Failure(["x"]))
    seen = the_job(store)
    then = LEFT["redacted"](seen)

    assert store.forget_job(seen, then, "ann")
    assert store.forget_job(seen, then, "ann")
    assert not store.forget_job(seen, LEFT["due later"](seen), "ann")

    assert the_job(store) == then
    assert store.list_references(1, "ann", 0, 9) == [Reference(2)]


def test_a_job_that_another_change_overtook_is_still_found_by_its_person(store: Store) -> None:
    store.append([NewRow(a_job(), "t", {}, None, "ann")])
    start(store, 1, NOW)
    store.fail_job(FIRST, Stamp(NOW + 1, "worker", "end", DUE), Failure(["x"]))
    seen = the_job(store)
    store.retry_job(seen, retrying._retried(seen, NOW + 5, "key-1"), "retry", None)

    assert not store.forget_job(seen, LEFT["redacted"](seen), "ann")

    assert store.list_references(1, "ann", 0, 9) == [Reference(1)]


def test_the_first_count_of_a_deletion_is_kept(store: Store) -> None:
    store.append([NewRow(a_job(action=DELETE_USER_DATA), "t", {}, None, "ann")])

    for count in (7, 0):
        store.note_deleted(1, "ann", 1, count)

    assert store.list_references(1, "ann", 0, 9) == [Reference(1, is_deletion=True, deleted=7)]


def test_the_count_of_a_deletion_that_nobody_could_find_is_kept(store: Store) -> None:
    store.note_deleted(1, "ann", 1, 2)

    assert store.list_references(1, "ann", 0, 9) == [Reference(1, is_deletion=True, deleted=2)]


def test_an_old_job_is_entered_if_it_is_as_it_was_seen(store: Store) -> None:
    old = ended(store)._replace(next_at=None)
    store.forget_job(the_job(store), old)

    for due in (DUE + 3, DUE + 3, DUE + 5):
        assert store.enter_job(the_job(store), due, "ann")
    assert not store.enter_job(old, DUE, "ann")
    assert not store.enter_job(old, DUE, "")

    assert the_job(store) == old._replace(next_at=DUE + 5)
    assert forgettable(store, DUE + 9) == [DueJob(DUE + 5, 1, 1)]
    assert store.list_references(1, "ann", 0, 9) == [Reference(1)]


def test_an_active_job_is_found_by_its_person_and_stays_as_it_is(store: Store) -> None:
    append(store, a_job(action=DELETE_USER_DATA), "create")
    seen = the_job(store)

    assert store.enter_job(seen, seen.next_at, "ann")
    start(store, 1, NOW)
    assert not store.enter_job(seen, seen.next_at, "bob")

    assert store.list_references(1, "ann", 0, 9) == [Reference(1, is_deletion=True)]
    assert store.list_references(1, "bob", 0, 9) == []
    assert the_job(store).status is Status.RUNNING


def test_entering_a_deletion_again_leaves_its_count(store: Store) -> None:
    append(store, a_job(action=DELETE_USER_DATA), "create")
    store.note_deleted(1, "ann", 1, 5)

    assert store.enter_job(the_job(store), the_job(store).next_at, "ann")

    assert store.list_references(1, "ann", 0, 9) == [Reference(1, is_deletion=True, deleted=5)]


def test_a_walk_goes_on_only_from_where_it_is(request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue("dynamodb")
    admin, store = an_admin(client), a_store(client, SHARDS)
    admin.add_organisation("Demo")
    for key in ("a", "b"):
        admin.add_project(1, "Demo", key, b"0", 2)
    assert (store.list_walks(), store.has_walk(1)) == ([], False)
    admin.set_retention(2, Retention(1))
    admin.set_retention(1, Retention(1))
    at = admin.clock.now()
    first, second = RetentionWalk(1, at), RetentionWalk(2, at)
    assert (store.list_walks(), store.has_walk(1)) == ([first, second], True)

    fake = FakeStore(walks={1: first, 2: second})
    for each in (store, fake):
        assert each.move_walk(first, 101)
        assert each.move_walk(first, 101)  # a client that sends it again has won
        assert not each.move_walk(first, 201)
        assert not each.move_walk(first, None)
        assert not each.move_walk(first._replace(next=101, at=at - 1), None)
        assert each.list_walks() == [first._replace(next=101), second]
        assert each.move_walk(second, None)
        assert not each.move_walk(second, None)
        assert (each.list_walks(), each.has_walk(2)) == ([first._replace(next=101)], False)
    admin.set_retention(1, Retention(2))
    assert store.list_walks() == [first]
