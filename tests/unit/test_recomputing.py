"""Next occurrences computed again, after the clocks of a zone were given other rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jobs.model import HOUR, MINUTE
from jobs.schedules import managing
from jobs.schedules.recomputing import Recomputed, recompute
from jobs.schedules.rhythm import Rhythm
from jobs.timing.hints import SELF_ENQUEUE

from tests.builders import NOW, a_project
from tests.fakes import World
from tests.unit.test_schedules import a_spec

if TYPE_CHECKING:
    from jobs.schedules.ports import Schedule

DAILY = Rhythm(cron="30 2 * * *", timezone="Europe/Berlin")


@pytest.fixture
def world() -> World:
    world = World()
    world.directory.projects["p"] = a_project()
    return world


def make(world: World, **overrides: Any) -> Schedule:
    world.clock.time += 1_000  # ids begin with the second, and chance is always the same here
    return managing.create_schedule(world.ports, a_project(), a_spec(**{"rhythm": DAILY, **overrides}))[0]


def computed_by_other_rules(world: World, schedule: Schedule, next_at: int | None) -> Schedule:
    """The schedule as rules of another year had left it."""
    world.store.schedules[1, schedule.schedule_id] = schedule._replace(state=schedule.state._replace(next_at=next_at))
    return world.store.schedules[1, schedule.schedule_id]


def run(world: World) -> Recomputed:
    return recompute(world.ports.schedules, world.clock, 1)


def test_what_other_rules_had_computed_is_moved_and_counts_stay(world: World) -> None:
    moved, same = make(world), make(world)
    right = moved.state.next_at
    assert right is not None
    other = computed_by_other_rules(world, moved._replace(state=moved.state._replace(run_count=3)), right + HOUR)

    assert run(world) == Recomputed(looked_at=2, moved=1, left=0)

    assert world.store.schedules[1, moved.schedule_id] == other._replace(state=other.state._replace(next_at=right))
    assert world.store.schedules[1, same.schedule_id] == same
    assert run(world) == Recomputed(looked_at=2)


def test_only_cron_that_is_enabled_and_not_over_is_computed(world: World) -> None:
    made = [
        make(world, rhythm=Rhythm(every=600, anchor=NOW + 600_000)),
        make(world, rhythm=Rhythm(at=NOW + HOUR)),
        make(world, enabled=False),
        make(world, rhythm=until(NOW + 1)),
    ]
    computed_by_other_rules(world, made[0], NOW + HOUR + 1)
    computed_by_other_rules(world, made[1], NOW + HOUR + 1)
    before = dict(world.store.schedules)

    assert run(world) == Recomputed(looked_at=4)

    assert world.store.schedules == before


def until(end_at: int) -> Rhythm:
    return DAILY._replace(end_at=end_at)


@pytest.mark.parametrize("due_in", [-MINUTE, 0, SELF_ENQUEUE])
def test_what_is_due_or_about_to_be_is_left_to_firing(world: World, due_in: int) -> None:
    made = make(world)
    now = world.clock.now()
    made = computed_by_other_rules(world, made, now + due_in)

    assert run(world) == Recomputed(looked_at=1, left=1)

    assert world.store.schedules[1, made.schedule_id] == made
    computed_by_other_rules(world, made, now + SELF_ENQUEUE + 1)
    assert run(world) == Recomputed(looked_at=1, moved=1)


def test_what_moved_meanwhile_is_left_as_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(world)
    seen = computed_by_other_rules(world, made, NOW + 9 * HOUR)
    monkeypatch.setattr(world.store, "get_schedules", lambda *_, **__: {made.schedule_id: seen})
    world.store.schedules[1, made.schedule_id] = seen._replace(version=2)

    assert run(world) == Recomputed(looked_at=1, left=1)
    assert world.store.schedules[1, made.schedule_id].state.next_at == NOW + 9 * HOUR


def test_a_rhythm_that_is_over_by_the_new_rules_leaves_the_index(world: World) -> None:
    made = make(world)
    over = made._replace(spec=made.spec._replace(rhythm=until(NOW + 1)))
    computed_by_other_rules(world, over, NOW + 9 * HOUR)

    assert run(world) == Recomputed(looked_at=1, moved=1)
    assert world.store.schedules[1, made.schedule_id].state.next_at is None
