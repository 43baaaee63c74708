"""The directory that remembers; the rows behind it are in the contract suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.store import directory as subject
from jobs.store.directory import CachedDirectory

from tests.builders import a_credential, a_project
from tests.fakes import FakeRegistry

if TYPE_CHECKING:
    import pytest


class Remembering:
    """A cached directory over a registry that counts its reads, on a clock that stands."""

    def __init__(self, seconds: float) -> None:
        self.now = 1_000.0
        self.registry = FakeRegistry()
        self.registry.credentials["digest"] = a_credential()
        self.registry.projects["key"] = a_project()
        self.directory = CachedDirectory(self.registry, seconds, lambda: self.now)

    def look(self) -> tuple[object, object]:
        return self.directory.find_credential("digest"), self.directory.find_project("key")


def test_what_was_found_is_believed_for_its_time_and_then_read_again() -> None:
    remembering = Remembering(seconds=30)

    assert remembering.look() == remembering.look() == (a_credential(), a_project())
    remembering.now += 29.9
    remembering.look()
    assert remembering.registry.reads == ["credential", "project"]
    remembering.now += 0.1
    remembering.look()
    assert remembering.registry.reads == ["credential", "project"] * 2


def test_a_revocation_is_seen_when_the_time_is_over_even_if_the_key_is_used_all_the_while() -> None:
    remembering = Remembering(seconds=30)
    remembering.look()
    revoked = a_credential(revoked_at=1)
    remembering.registry.credentials["digest"] = revoked

    seen = []
    for _ in range(31):
        remembering.now += 1
        seen.append(remembering.directory.find_credential("digest"))

    assert seen[28:] == [a_credential(), revoked, revoked]


def test_zero_seconds_turn_the_memory_off() -> None:
    remembering = Remembering(seconds=0)

    remembering.look()
    remembering.look()

    assert remembering.registry.reads == ["credential", "project"] * 2


def test_what_is_not_found_is_asked_again_so_that_a_new_key_works_at_once() -> None:
    remembering = Remembering(seconds=30)

    assert remembering.directory.find_credential("new") is None
    assert remembering.directory.find_project("new") is None
    remembering.registry.credentials["new"] = a_credential()
    remembering.registry.projects["new"] = a_project()

    assert remembering.directory.find_credential("new") == a_credential()
    assert remembering.directory.find_project("new") == a_project()


def test_a_project_key_that_reads_like_a_digest_is_no_credential() -> None:
    remembering = Remembering(seconds=30)
    remembering.registry.projects["digest"] = a_project()

    assert remembering.directory.find_project("digest") == a_project()
    assert remembering.directory.find_credential("digest") == a_credential()


def test_memory_is_bounded_and_guesses_take_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "MOST_CACHED", 10)
    remembering = Remembering(seconds=30)
    for number in range(100):
        remembering.registry.credentials[str(number)] = a_credential()

    for number in range(100):
        remembering.directory.find_credential(str(number))
        remembering.directory.find_credential(f"guess {number}")
        assert len(remembering.directory._found) <= 10

    remembering.registry.reads.clear()
    remembering.directory.find_credential("99")
    assert remembering.registry.reads == []
