"""Who is let in, and at what price."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import access
from jobs.errors import ProjectNotFound, Unauthorized

from tests.builders import NOW, ORGANISATION, a_credential, a_project
from tests.fakes import FakeRegistry


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


def test_a_key_opens_what_is_stored_under_its_digest(registry: FakeRegistry) -> None:
    key = access.new_secret(access.KEY_PREFIX)
    registry.credentials[access.digest_of(key)] = a_credential()

    assert access.authenticate(registry, key, NOW) == a_credential()
    assert key not in str(registry.credentials)


def test_keys_are_long_random_and_told_by_their_prefix() -> None:
    keys = {access.new_secret(access.KEY_PREFIX) for _ in range(100)}

    assert len(keys) == 100
    assert all(key.startswith("jk_") and len(key) == 3 + 40 + 8 for key in keys)


@given(st.text() | st.from_regex(r"jk_[0-9a-f]{48}", fullmatch=True))
def test_what_is_no_key_is_refused_without_a_read(text: str) -> None:
    registry = FakeRegistry()

    with pytest.raises(Unauthorized):
        access.authenticate(registry, text, NOW)

    assert registry.reads == []


@given(position=st.integers(3, 50), replacement=st.sampled_from("0123456789abcdef"))
def test_a_key_with_one_wrong_character_is_refused_without_a_read(position: int, replacement: str) -> None:
    key, registry = access.new_secret(access.KEY_PREFIX), FakeRegistry()
    wrong = key[:position] + replacement + key[position + 1 :]
    registry.credentials[access.digest_of(key)] = a_credential()

    if wrong == key:
        assert access.authenticate(registry, wrong, NOW) == a_credential()
    else:
        with pytest.raises(Unauthorized):
            access.authenticate(registry, wrong, NOW)
        assert registry.reads == []


def test_a_well_formed_key_that_nobody_issued_opens_nothing(registry: FakeRegistry) -> None:
    with pytest.raises(Unauthorized):
        access.authenticate(registry, access.new_secret(access.KEY_PREFIX), NOW)

    assert registry.reads == ["credential"]


@pytest.mark.parametrize("ended", [{"expires_at": NOW}, {"revoked_at": NOW - 1}])
def test_an_expired_or_revoked_key_opens_nothing(registry: FakeRegistry, ended: dict[str, int]) -> None:
    key = access.new_secret(access.KEY_PREFIX)
    registry.credentials[access.digest_of(key)] = a_credential(**ended)

    with pytest.raises(Unauthorized):
        access.authenticate(registry, key, NOW)


def test_a_project_opens_to_its_own_organisation(registry: FakeRegistry) -> None:
    project = a_project()
    registry.projects[project.project_key] = project

    assert access.open_project(registry, a_credential(), project.project_key) == project


def test_a_foreign_project_and_an_unknown_one_are_refused_alike(registry: FakeRegistry) -> None:
    project = a_project(organisation_id=ORGANISATION + 1)
    registry.projects[project.project_key] = project

    refusals = []
    for key in (project.project_key, "0" * 20):
        with pytest.raises(ProjectNotFound) as refusal:
            access.open_project(registry, a_credential(), key)
        refusals.append((type(refusal.value), str(refusal.value)))

    assert refusals[0] == refusals[1]


@pytest.mark.parametrize("text", ["", "a#b", "ключ", "a" * 65, "a\n"])
def test_what_can_be_no_project_key_is_refused_without_a_read(registry: FakeRegistry, text: str) -> None:
    with pytest.raises(ProjectNotFound):
        access.open_project(registry, a_credential(), text)

    assert registry.reads == []
