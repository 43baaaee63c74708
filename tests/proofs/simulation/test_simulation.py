"""A slice of what `python -m tests.proofs.simulation` runs, and proof that it notices broken code."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from jobs.adapters.eventbridge import EventBridgeBus
from jobs.forgetting import redacting
from jobs.lifecycle import reaping, turns
from jobs.model import MINUTE, SECOND
from jobs.outcomes import Watermark
from jobs.runtime.settings import DEFAULT_SHARDS
from jobs.store.attempts import DynamoDBAttempts
from jobs.store.due import DynamoDBDueIndex
from jobs.store.forgetting import DynamoDBForgetting
from jobs.timing import dispatch, hints

from tests.proofs.simulation import day, lost, midnight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.model import Due, Event, Hint
    from jobs.ports import Ports

#: The tests run this fraction of a day and of each herd.
PART = 20
HERDS = midnight.herds(PART)
SMALL = midnight.Herd("small", dict.fromkeys(range(1, 101), 50), told=False, last_start=45 * SECOND)
SMALL_AND_A_DEAD_TICK = replace(SMALL, name="small, a tick dies", tick_dies_after=100)


def test_part_of_a_day_goes_well() -> None:
    # a seed with which a part of a day has everything that must happen in it
    assert day.run(seed=3, hours=24 / PART).failures == []


def test_part_of_a_day_in_which_everything_goes_wrong_loses_nothing() -> None:
    # another seed for the same reason: with the first one, no hint is lost so early
    assert day.run(seed=2, hours=24 / PART, rough=True).failures == []


@pytest.mark.parametrize("herd", [*HERDS, SMALL, SMALL_AND_A_DEAD_TICK], ids=lambda herd: herd.name)
def test_part_of_a_herd_starts_in_time(herd: midnight.Herd) -> None:
    assert midnight.run(herd, seed=1).failures == []


def test_a_seed_is_a_run_and_another_seed_another() -> None:
    runs = [str(day.run(seed, hours=0.1, rough=True)) for seed in (7, 7, 8)]

    assert runs[0] == runs[1]
    assert runs[0].partition(":")[2] != runs[2].partition(":")[2]


# ---- what it notices -----------------------------------------------------------------------------------------------


def failures(hours: float = 0.25) -> str:
    return "\n".join(day.run(seed=1, hours=hours).failures)


def test_it_notices_a_horizon_that_is_too_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "HORIZON", MINUTE)
    monkeypatch.setattr(hints, "SELF_ENQUEUE", 2 * MINUTE)

    assert "p99 of the start lag is" in failures()


def test_it_notices_a_shard_that_no_tick_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    tick = dispatch.dispatch
    monkeypatch.setattr(dispatch, "dispatch", lambda ports, shards, has_time: tick(ports, shards - 1, has_time))

    assert "is scheduled, and was due at" in failures()


def test_it_notices_a_start_that_has_no_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    change = DynamoDBAttempts._change

    def unconditioned(*args: Any, condition: str, **parts: Any) -> dict[str, Any]:
        is_start = "due <= :now" in condition
        return change(*args, condition="attribute_exists(pk)" if is_start else condition, **parts)

    monkeypatch.setattr(DynamoDBAttempts, "_change", unconditioned)

    assert "SR became R" in failures()


def test_it_notices_that_hints_are_sent_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DynamoDBDueIndex, "raise_watermark", lambda *_: None)

    started = midnight.run(SMALL, seed=1)

    assert any(failure.startswith("messages: ") for failure in started.failures)


def test_it_notices_a_watermark_that_is_saved_before_the_hints_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    send = dispatch._send

    def save_and_send(ports: Ports, messages: list[Hint], has_time: Any) -> set[Due]:
        jobs = [job for message in messages for job in message.rows]
        for shard in range(DEFAULT_SHARDS if jobs else 0):
            ports.due.raise_watermark(Watermark(shard, max(jobs)))
        return send(ports, messages, has_time)

    monkeypatch.setattr(dispatch, "_send", save_and_send)

    started = midnight.run(SMALL_AND_A_DEAD_TICK, seed=1)

    assert any(failure.startswith("last start: ") for failure in started.failures)


def test_it_notices_a_change_that_is_not_published(monkeypatch: pytest.MonkeyPatch) -> None:
    put = EventBridgeBus.put

    def forget(self: EventBridgeBus, events: Sequence[Event]) -> Sequence[Event]:
        return put(self, [event for event in events if event.detail_type != "Job Cancelled"])

    monkeypatch.setattr(EventBridgeBus, "put", forget)

    assert "not every change of" in failures()


def test_it_notices_that_nobody_reaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaping, "reap", lambda *_, **__: 0)

    assert "is running, and was due at" in failures()


def test_it_notices_that_nobody_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redacting, "redact", lambda *_: 0)

    assert "is completed, and was due at" in failures()


def test_it_notices_a_payload_that_goes_before_its_job_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DynamoDBForgetting, "forget_job", lambda *_: True)

    assert "is deleted, and its job is not forgotten" in failures()


def test_it_notices_an_exception_that_nothing_has_caused(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> int:
        raise ValueError("a defect")

    monkeypatch.setattr(dispatch, "_dispatch_due", broken)

    assert "dispatch_due_jobs raised ValueError('a defect') for no cause" in failures(hours=0.1)


def test_a_cron_starts_at_its_next_tick_one_after_another() -> None:
    begun = [(10.0 * SECOND, 0.0), (20.0 * SECOND, 0.0), (61.0 * SECOND, 0.0)]

    lags = day.naive_cron(begun, [30.0 * SECOND, 90.0 * SECOND])

    first = 20 * SECOND + day.LOOK + day.START
    assert lags == [first, first - 10 * SECOND + day.START, 29 * SECOND + day.LOOK + day.START]


#: More than the reaper ends in a minute.
LOST = 6_000


def test_a_single_lost_attempt_is_ended_by_the_first_run_whatever_another_project_has_lost() -> None:
    assert lost.run(LOST, seed=1).failures == []


def test_it_notices_a_reaper_that_takes_one_project_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "in_turns", sorted)

    assert lost.run(LOST, seed=1).failures != []
