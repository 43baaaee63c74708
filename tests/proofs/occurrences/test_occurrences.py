"""The occurrences of a cron expression are those that a walk along the clock finds, minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from random import Random
from typing import TYPE_CHECKING

import pytest
from jobs.schedules import zones
from jobs.schedules.rhythm import Fold, Gap, Rhythm
from jobs.schedules.rhythm import occurrences as computed

from tests.proofs.occurrences import oracle

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

FIRST_YEAR, LAST_YEAR = 2020, 2037
#: Expressions for each clock change: of the proof, and of the part of it that CI runs.
ALL, PART = 100, 2
#: Clock changes of a kind that no zone has after 2020: a day that is missing, a gap at midnight, and a fold over it.
RARE = {
    "Pacific/Apia": datetime(2011, 12, 30, 10, tzinfo=UTC),
    "America/Sao_Paulo": datetime(2018, 11, 4, 3, tzinfo=UTC),
    "America/Havana": datetime(2020, 11, 1, 5, tzinfo=UTC),
    "Africa/Casablanca": datetime(2019, 5, 5, 2, tzinfo=UTC),
    "Asia/Pyongyang": datetime(2018, 5, 4, 15, tzinfo=UTC),
    "America/Goose_Bay": datetime(2010, 11, 7, 3, 1, tzinfo=UTC),
}


def changes_of_all_zones() -> dict[str, list[datetime]]:
    """The clock changes of one zone for each list of changes and offsets that zones share."""
    files = {zone_file(name).read_bytes(): name for name in sorted(zones.names(), reverse=True)}
    found: dict[tuple[object, ...], tuple[str, list[datetime]]] = {}
    for name in sorted(files.values()):
        zone = zones.zone(name)
        changes = oracle.changes(zone, FIRST_YEAR, LAST_YEAR)
        offsets = [at.astimezone(zone).utcoffset() for at in (datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), *changes)]
        found.setdefault((*changes, *offsets), (name, changes))
    return dict(found.values())


def zone_file(name: str) -> Traversable:
    return resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))


def compare(name: str, change: datetime, count: int, random: Random) -> int:
    """Compare expressions around a clock change, and return how many instants were found."""
    zone = zones.zone(name)
    walk = oracle.walk(zone, change)
    instants, first = 0, _milliseconds(walk.begin)
    for _ in range(count):
        drawn = oracle.draw(random, change.astimezone(zone).hour)
        gap, fold = random.choice(list(Gap)), random.choice(list(Fold))
        # often from within the hours that a change skips or repeats
        begin = _milliseconds(change) + random.randint(-180, 180) * 60_000 if random.random() < 0.5 else first
        expected = [at for at in map(_milliseconds, oracle.occurrences(drawn, gap, fold, walk)) if at >= begin]
        rhythm = Rhythm(cron=drawn.text, timezone=name, gap=gap, fold=fold, end_at=_milliseconds(walk.end) - 1)
        found = [at for at, _ in computed(rhythm, begin - 1)]
        assert found == expected, (name, change, drawn.text, gap, fold, begin)
        instants += len(found)
    return instants


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp()) * 1000


@pytest.mark.parametrize("name", RARE)
def test_rare_clock_changes(name: str) -> None:
    change = RARE[name]
    assert change in oracle.changes(zones.zone(name), change.year, change.year)

    random = Random(name)  # noqa: S311 - a proof repeats what it draws
    assert compare(name, change, 200, random) > 1_000


@pytest.mark.parametrize("count", [pytest.param(ALL, marks=pytest.mark.prove), PART])
def test_every_clock_change_of_every_zone(count: int) -> None:
    random = Random(f"{count} expressions")  # noqa: S311 - a proof repeats what it draws
    found = changes_of_all_zones()
    changes = [(name, change) for name, changes in found.items() for change in changes]

    instants = sum(compare(name, change, count, random) for name, change in changes)

    compared = count * len(changes)
    print(f"{len(zones.names())} zones, {len(found)} of them different, {len(changes)} clock changes")
    print(f"{compared} expressions, {instants} instants, 0 differences")
    assert len(changes) > 1_000
    assert instants > 10 * compared
