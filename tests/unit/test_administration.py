"""What administrators make."""

from __future__ import annotations

import pytest
from jobs import access, administration
from jobs.errors import InvalidRequest, Unauthorized

from tests.builders import NOW
from tests.fakes import FakeRegistry


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


def test_an_issued_key_lets_its_organisation_into_its_project(registry: FakeRegistry) -> None:
    organisation = administration.create_organisation(registry, "Demo")
    project = administration.create_project(registry, organisation.organisation_id, "Shop")
    issued = administration.create_api_key(registry, organisation.organisation_id)

    credential = access.authenticate(registry, issued.secret, NOW)

    assert credential == issued.credential
    assert access.open_project(registry, credential, project.project_key) == project


def test_a_key_with_an_end_ends(registry: FakeRegistry) -> None:
    organisation = administration.create_organisation(registry, "Demo")
    issued = administration.create_api_key(registry, organisation.organisation_id, expires_at=NOW)

    assert access.authenticate(registry, issued.secret, NOW - 1) == issued.credential
    with pytest.raises(Unauthorized):
        access.authenticate(registry, issued.secret, NOW)


def test_every_project_has_a_key_and_a_lock_secret_of_its_own(registry: FakeRegistry) -> None:
    organisation = administration.create_organisation(registry, "Demo")
    projects = [administration.create_project(registry, organisation.organisation_id, "Shop") for _ in range(20)]

    assert len({project.project_key for project in projects}) == 20
    assert all(len(project.project_key) == 20 and project.project_key.isalnum() for project in projects)
    assert len({project.secret for project in projects}) == 20
    assert all(len(project.secret) == 32 for project in projects)
    assert "secret" not in repr(projects[0])


@pytest.mark.parametrize("name", ["", " \t", "x" * 129])
def test_a_blank_or_endless_name_is_refused_before_anything_is_written(registry: FakeRegistry, name: str) -> None:
    for create in (
        lambda: administration.create_organisation(registry, name),
        lambda: administration.create_project(registry, 1, name),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            create()
        assert refusal.value.field == "name"

    assert registry.organisations == {}


def test_a_name_of_128_characters_is_taken(registry: FakeRegistry) -> None:
    assert administration.create_organisation(registry, "😀" * 128).name == "😀" * 128
