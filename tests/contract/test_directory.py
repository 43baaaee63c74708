"""One suite, two registries: who owns what, in DynamoDB and in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from jobs import access, administration
from jobs.errors import InvalidRequest, ProjectNotFound, Unauthorized
from jobs.store.directory import DynamoDBDirectory

from tests.builders import NOW, a_credential
from tests.conftest import TABLE
from tests.fakes import FakeRegistry

if TYPE_CHECKING:
    from jobs.ports import Registry
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(params=["fake", "moto"])
def registry(request: pytest.FixtureRequest) -> Registry:
    if request.param == "fake":
        return FakeRegistry()
    return DynamoDBDirectory(request.getfixturevalue("dynamodb"), TABLE)


def an_organisation(registry: Registry, name: str = "Demo") -> int:
    return administration.create_organisation(registry, name).organisation_id


def test_organisations_get_ids_of_their_own(registry: Registry) -> None:
    assert [registry.add_organisation(name) for name in ("A", "A")] == [
        replace(registry.add_organisation("A"), organisation_id=number) for number in (1, 2)
    ]


def test_a_project_is_found_by_its_key_as_it_was_made(registry: Registry) -> None:
    organisation = an_organisation(registry)

    projects = [administration.create_project(registry, organisation, name) for name in ("Shop", "Größe 🙂")]

    assert [registry.find_project(project.project_key) for project in projects] == projects
    assert len({project.project_id for project in projects}) == 2
    assert projects[1].name == "Größe 🙂"
    assert len(projects[0].secret) == 32


def test_what_nobody_made_is_not_found(registry: Registry) -> None:
    assert registry.find_project("unknown") is None
    assert registry.find_credential("0" * 64) is None


@pytest.mark.parametrize("organisation", [0, 99])
def test_an_unknown_organisation_gets_neither_project_nor_key(registry: Registry, organisation: int) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        registry.add_project(organisation, "Shop", "key", b"secret", 50)
    assert refusal.value.field == "organisation"
    with pytest.raises(InvalidRequest) as refusal:
        registry.add_credential(a_credential(organisation_id=organisation), "digest")
    assert refusal.value.field == "organisation"

    assert registry.find_project("key") is None
    assert registry.find_credential("digest") is None


def test_an_organisation_has_fifty_projects_at_most_whatever_others_have(registry: Registry) -> None:
    organisation, other = an_organisation(registry), an_organisation(registry)
    made = [administration.create_project(registry, organisation, "Shop") for _ in range(50)]

    with pytest.raises(InvalidRequest):
        registry.add_project(organisation, "Shop", "one-too-many", b"secret", administration.MOST_PROJECTS)

    assert registry.find_project("one-too-many") is None
    assert registry.find_project(made[-1].project_key) == made[-1]
    assert administration.create_project(registry, other, "Shop").organisation_id == other


def test_two_keys_are_live_at_once_so_that_one_can_replace_the_other(registry: Registry) -> None:
    organisation = an_organisation(registry)
    old = administration.create_api_key(registry, organisation, expires_at=NOW + 1)
    new = administration.create_api_key(registry, organisation)

    assert access.authenticate(registry, old.secret, NOW) == old.credential
    assert access.authenticate(registry, new.secret, NOW) == new.credential
    assert old.credential.credential_id != new.credential.credential_id

    with pytest.raises(Unauthorized):
        access.authenticate(registry, old.secret, NOW + 1)
    assert access.authenticate(registry, new.secret, NOW + 1) == new.credential


def test_a_revoked_credential_is_stored_as_such_and_opens_nothing(registry: Registry) -> None:
    organisation, key = an_organisation(registry), access.new_secret(access.KEY_PREFIX)
    revoked = a_credential(organisation_id=organisation, revoked_at=NOW - 5, expires_at=NOW + 5)

    registry.add_credential(revoked, access.digest_of(key))

    assert registry.find_credential(access.digest_of(key)) == revoked
    with pytest.raises(Unauthorized):
        access.authenticate(registry, key, NOW)


def test_a_key_opens_its_organisation_s_projects_and_no_other_s(registry: Registry) -> None:
    mine, other = an_organisation(registry), an_organisation(registry)
    project = administration.create_project(registry, mine, "Shop")
    foreign = administration.create_project(registry, other, "Shop")
    issued = administration.create_api_key(registry, mine)

    credential = access.authenticate(registry, issued.secret, NOW)

    assert access.open_project(registry, credential, project.project_key) == project
    with pytest.raises(ProjectNotFound):
        access.open_project(registry, credential, foreign.project_key)


def test_no_row_holds_a_secret_that_was_shown(dynamodb: DynamoDBClient) -> None:
    registry = DynamoDBDirectory(dynamodb, TABLE)
    issued = administration.create_api_key(registry, an_organisation(registry))

    table = str(dynamodb.scan(TableName=TABLE)["Items"])

    assert access.digest_of(issued.secret) in table
    assert issued.secret not in table
    assert issued.secret[3:43] not in table


def test_a_project_trusts_nobody_else_until_it_is_told_to(registry: Registry) -> None:
    project = administration.create_project(registry, an_organisation(registry), "Shop")
    other = administration.create_project(registry, project.organisation_id, "Other")
    assert (project.accounts, project.sources) == (frozenset(), frozenset())

    def trust(accounts: set[str], sources: set[str]) -> None:
        registry.set_trust(project.project_id, frozenset(accounts), frozenset(sources))
        expected = replace(project, accounts=frozenset(accounts), sources=frozenset(sources))
        assert registry.find_project(project.project_key) == expected
        assert registry.get_project(project.project_id) == expected

    trust({"111111111111", "222222222222"}, {"shop.orders"})
    trust({"222222222222"}, set())
    trust(set(), {"shop.orders", "shop.returns"})
    trust(set(), set())
    assert registry.find_project(other.project_key) == other


def test_trust_makes_no_project(registry: Registry) -> None:
    with pytest.raises(InvalidRequest):
        registry.set_trust(99, frozenset({"111111111111"}), frozenset())

    assert registry.get_project(99) is None
