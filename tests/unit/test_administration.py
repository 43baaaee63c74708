"""What administrators make."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from jobs.errors import InvalidRequest, Unauthorized
from jobs.tenancy import access, administration, registering
from jobs.tenants import Principal, Question, Registration, Right, Role, Scope

from tests.builders import NOW, a_workflow
from tests.fakes import FakeDirectory, at

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.tenants import Project


@pytest.fixture
def registry() -> FakeDirectory:
    return FakeDirectory()


def test_an_issued_key_lets_its_organisation_into_its_project(registry: FakeDirectory) -> None:
    organisation = administration.create_organisation(registry, "Demo")
    project = administration.create_project(registry, organisation.organisation_id, "Shop")
    issued = administration.create_api_key(registry, organisation.organisation_id)

    credential = access.authenticate(at(NOW, registry), issued.secret)

    assert credential == issued.credential
    assert access.open_project(at(NOW, registry), credential, project.project_key) == project


def test_a_key_with_an_end_ends(registry: FakeDirectory) -> None:
    organisation = administration.create_organisation(registry, "Demo")
    issued = administration.create_api_key(registry, organisation.organisation_id, expires_at=NOW + 1)

    assert access.authenticate(at(NOW, registry), issued.secret) == issued.credential
    with pytest.raises(Unauthorized):
        access.authenticate(at(NOW + 1, registry), issued.secret)


def test_every_project_has_a_key_and_a_lock_secret_of_its_own(registry: FakeDirectory) -> None:
    organisation = administration.create_organisation(registry, "Demo")
    projects = [administration.create_project(registry, organisation.organisation_id, "Shop") for _ in range(20)]

    assert len({project.project_key for project in projects}) == 20
    assert all(len(project.project_key) == 20 and project.project_key.isalnum() for project in projects)
    assert len({project.secret for project in projects}) == 20
    assert all(len(project.secret) == 32 for project in projects)
    assert "secret" not in repr(projects[0])


@pytest.mark.parametrize("name", ["", " \t", "x" * 129])
def test_a_blank_or_endless_name_is_refused_before_anything_is_written(registry: FakeDirectory, name: str) -> None:
    for create in (
        lambda: administration.create_organisation(registry, name),
        lambda: administration.create_project(registry, 1, name),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            create()
        assert refusal.value.field == "name"

    assert registry.organisations == {}


def test_a_name_of_128_characters_is_taken(registry: FakeDirectory) -> None:
    assert administration.create_organisation(registry, "😀" * 128).name == "😀" * 128


# ---- keys, trust, limits -------------------------------------------------------------------------------------------


def test_a_key_says_when_it_was_made_by_whom_and_what_for(registry: FakeDirectory, project: Project) -> None:
    issued = administration.create_api_key(registry, 1, scopes=[Scope.READ, Scope.READ], projects=[1])

    credential = issued.credential
    assert (credential.created_at, credential.created_by) == (NOW, "tester")
    assert (credential.scopes, credential.projects) == (frozenset({Scope.READ}), frozenset({1}))
    assert access.authenticate(at(NOW, registry), issued.secret) == credential


@pytest.mark.parametrize("project_id", [2, 99])
def test_a_key_is_limited_to_projects_of_its_own_organisation(
    registry: FakeDirectory, project: Project, project_id: int
) -> None:
    other = administration.create_organisation(registry, "Other")
    administration.create_project(registry, other.organisation_id, "Foreign")

    with pytest.raises(InvalidRequest) as refusal:
        administration.create_api_key(registry, 1, projects=[1, project_id])

    assert (refusal.value.field, registry.credentials) == ("project", {})


@pytest.mark.parametrize("past", [NOW, NOW - 1, 0])
def test_nothing_is_given_out_that_has_ended_already(registry: FakeDirectory, project: Project, past: int) -> None:
    user = administration.create_user(registry, 1, "Ada", Role.MEMBER)
    old = administration.create_api_key(registry, 1).credential

    creates: dict[str, Callable[[], object]] = {
        "expires": lambda: administration.create_api_key(registry, 1, expires_at=past),
        "expires ": lambda: administration.create_client(registry, 1, user.user_id, 1, expires_at=past),
        "until": lambda: administration.rotate_api_key(registry, 1, old.credential_id, past),
        "expires  ": lambda: administration.rotate_api_key(registry, 1, old.credential_id, NOW + 1, expires_at=past),
    }
    for field, create in creates.items():
        with pytest.raises(InvalidRequest) as refusal:
            create()
        assert (refusal.value.field, refusal.value.reason) == (field.strip(), "must lie in the future")
    assert (list(registry.credentials.values()), registry.clients) == ([old], {})


def test_a_rotated_key_lives_beside_the_new_one_until_the_given_time(registry: FakeDirectory, project: Project) -> None:
    old = administration.create_api_key(registry, 1, scopes=[Scope.READ], projects=[1])
    registry.clock.time = NOW + 5

    new = administration.rotate_api_key(registry, 1, old.credential.credential_id, NOW + 100)

    assert new.credential.credential_id != old.credential.credential_id
    assert (new.credential.scopes, new.credential.projects) == (old.credential.scopes, old.credential.projects)
    assert (new.credential.created_at, new.credential.expires_at) == (NOW + 5, None)
    for secret in (old.secret, new.secret):
        access.authenticate(at(NOW + 99, registry), secret)
    access.authenticate(at(NOW + 100, registry), new.secret)
    with pytest.raises(Unauthorized):
        access.authenticate(at(NOW + 100, registry), old.secret)


def test_trust_names_the_actions_of_a_source_and_never_one_of_our_own(
    registry: FakeDirectory, project: Project
) -> None:
    administration.trust(registry, 1, ["111122223333"], {"shop": ["export", "import"], "any": []})

    found = registry.projects[project.project_key]
    assert found.sources == {"shop": frozenset({"export", "import"}), "any": frozenset()}
    wrong: list[dict[str, list[str]]] = [{" ": []}, {"jobs": []}, {"jobs.x": []}, {"shop": ["Export"]}, {"shop": [""]}]
    for bad in wrong:
        with pytest.raises(InvalidRequest) as refusal:
            administration.trust(registry, 1, [], bad)
        assert refusal.value.field == "source"
    too_many: list[dict[str, list[str]]] = [{f"{n}": [] for n in range(51)}, {"shop": [f"a{n}" for n in range(51)]}]
    for many in too_many:
        with pytest.raises(InvalidRequest):
            administration.trust(registry, 1, [], many)
    assert registry.projects[project.project_key] == found


def test_a_limit_is_from_1_to_a_million_or_none(registry: FakeDirectory, project: Project) -> None:
    for limit in (1, 1_000_000, None):
        administration.limit_creations(registry, 1, limit)
        assert registry.projects[project.project_key].creations_per_minute == limit
    for limit in (0, -1, 1_000_001):
        with pytest.raises(InvalidRequest):
            administration.limit_creations(registry, 1, limit)


# ---- users, clients, collections ----------------------------------------------------------------------------------


@pytest.fixture
def project(registry: FakeDirectory) -> Project:
    organisation = administration.create_organisation(registry, "Demo")
    return administration.create_project(registry, organisation.organisation_id, "Shop")


def test_a_client_acts_for_the_user_it_was_made_for(registry: FakeDirectory, project: Project) -> None:
    user = administration.create_user(registry, 1, "Ada", Role.MEMBER)
    issued = administration.create_client(registry, 1, user.user_id, project.project_id)

    client = access.authenticate_client(at(NOW, registry), issued.client.client_id, issued.secret)
    token = access.issue_token(at(NOW, registry), client).token

    assert access.authorize(at(NOW, registry), token) == Principal(issued.client, user)
    assert (client.organisation_id, client.user_id, client.project_id) == (1, user.user_id, project.project_id)
    assert (user.name, user.role, dict(user.collections)) == ("Ada", Role.MEMBER, {})
    assert issued.secret not in str(registry.clients)
    assert issued.client.secret_digest not in repr(issued.client)


def test_users_and_clients_get_ids_as_alteryx_gives_them_and_none_twice(
    registry: FakeDirectory, project: Project
) -> None:
    users = [administration.create_user(registry, 1, "Ada", Role.MEMBER) for _ in range(20)]
    clients = [
        administration.create_client(registry, 1, user.user_id, project.project_id).client.client_id for user in users
    ]
    ids = [user.user_id for user in users] + clients

    assert len(set(ids)) == 40
    assert all(len(one) == 24 and set(one) <= set("0123456789abcdef") for one in ids)


def test_a_client_with_an_end_ends(registry: FakeDirectory, project: Project) -> None:
    user = administration.create_user(registry, 1, "Ada", Role.MEMBER)
    client, secret = administration.create_client(registry, 1, user.user_id, project.project_id, expires_at=NOW + 1)

    assert access.authenticate_client(at(NOW, registry), client.client_id, secret) == client
    with pytest.raises(Unauthorized):
        access.authenticate_client(at(NOW + 1, registry), client.client_id, secret)


@pytest.mark.parametrize("name", ["", " \t", "x" * 129])
def test_a_user_without_a_name_is_none(registry: FakeDirectory, project: Project, name: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        administration.create_user(registry, 1, name, Role.MEMBER)

    assert (refusal.value.field, registry.users) == ("name", {})


def test_a_user_is_put_into_collections_and_taken_out(registry: FakeDirectory, project: Project) -> None:
    user = administration.create_user(registry, 1, "Ada", Role.MEMBER)

    def share(collection: str, right: Right | None) -> dict[str, Right]:
        administration.share_collection(registry, 1, collection, user.user_id, right)
        return dict(registry.users[1, user.user_id].collections)

    assert share("a", Right.VIEW) == {"a": Right.VIEW}
    assert share("b", Right.CANCEL) == {"a": Right.VIEW, "b": Right.CANCEL}
    assert share("a", Right.CANCEL) == {"a": Right.CANCEL, "b": Right.CANCEL}
    assert share("a", None) == {"b": Right.CANCEL}
    assert share("a", None) == {"b": Right.CANCEL}


def test_a_user_is_in_a_hundred_collections_at_most(registry: FakeDirectory, project: Project) -> None:
    user = administration.create_user(registry, 1, "Ada", Role.MEMBER)
    for number in range(100):
        administration.share_collection(registry, 1, f"c-{number}", user.user_id, Right.VIEW)

    with pytest.raises(InvalidRequest):
        administration.share_collection(registry, 1, "one-too-many", user.user_id, Right.VIEW)
    administration.share_collection(registry, 1, "c-0", user.user_id, Right.CANCEL)
    administration.share_collection(registry, 1, "c-1", user.user_id, None)
    administration.share_collection(registry, 1, "one-in-its-place", user.user_id, Right.VIEW)

    collections = registry.users[1, user.user_id].collections
    assert (len(collections), collections["c-0"], "c-1" in collections) == (100, Right.CANCEL, False)


@pytest.mark.parametrize("blank_or_endless", ["", " ", "x" * 257])
def test_an_id_of_a_collection_or_workflow_is_1_to_256_characters_and_not_blank(
    registry: FakeDirectory, project: Project, blank_or_endless: str
) -> None:
    user = administration.create_user(registry, 1, "Ada", Role.MEMBER)

    with pytest.raises(InvalidRequest) as refusal:
        administration.share_collection(registry, 1, blank_or_endless, user.user_id, Right.VIEW)
    assert refusal.value.field == "collection"
    with pytest.raises(InvalidRequest) as refusal:
        registering.share_workflow(registry, 1, blank_or_endless, ["a"])
    assert refusal.value.field == "workflow"
    with pytest.raises(InvalidRequest) as refusal:
        registering.share_workflow(registry, 1, "w", ["a", blank_or_endless])
    assert refusal.value.field == "collection"
    assert (registry.users[1, user.user_id], registry.workflows) == (user, {})


def test_the_collections_of_a_workflow_are_set_as_a_whole_a_hundred_at_most(
    registry: FakeDirectory, project: Project
) -> None:
    hundred = [f"{number:03}" + "é" * 253 for number in range(100)]
    registering.share_workflow(registry, 1, "w", hundred)
    with pytest.raises(InvalidRequest):
        registering.share_workflow(registry, 1, "w", [*hundred, "one too many"])
    assert registry.workflows[1, "w"].collection_ids == tuple(hundred)

    registering.share_workflow(registry, 1, "w", ["a"])
    assert registry.find_workflow(1, "w") == a_workflow(collection_ids=("a",))
    registering.share_workflow(registry, 1, "w", [])
    assert registry.find_workflow(1, "w") == a_workflow()


def test_a_registration_is_kept_as_it_was_said(registry: FakeDirectory, project: Project) -> None:
    said = Registration("Sales", "", "gpu", 7, (Question("Region"),))

    registering.register_workflow(registry, 1, "w", said)
    assert registry.find_workflow(1, "w") == a_workflow(registration=said)
    registering.register_workflow(registry, 1, "w", Registration(), again=True)
    assert registry.find_workflow(1, "w") == a_workflow()


@pytest.mark.parametrize(
    ("workflow_id", "registration", "field"),
    [
        ("", Registration(), "workflow"),
        ("x" * 257, Registration(), "workflow"),
        ("w", Registration(name=" "), "name"),
        ("w", Registration(name="x" * 129), "name"),
        ("w", Registration(worker_tag="x" * 257), "worker-tag"),
        ("w", Registration(run_count=-1), "run-count"),
        ("w", Registration(run_count=10**12 + 1), "run-count"),
    ],
)
def test_a_registration_out_of_bounds_is_refused(
    registry: FakeDirectory, project: Project, workflow_id: str, registration: Registration, field: str
) -> None:
    for again in (False, True):
        with pytest.raises(InvalidRequest) as refusal:
            registering.register_workflow(registry, 1, workflow_id, registration, again=again)
        assert refusal.value.field == field

    assert registry.workflows == {}


def test_questions_are_read_in_the_form_in_which_they_are_shown() -> None:
    text = """[{"name": "Region", "questionType": "DropDown", "description": "Where?", "value": "n", "multiple": true,
        "items": [{"key": "n", "value": "North"}]}, {"name": "Year"}]"""

    assert registering.parse_questions(text) == (
        Question("Region", "DropDown", "Where?", "n", multiple=True, items=(("n", "North"),)),
        Question("Year"),
    )
    assert registering.parse_questions("[]") == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}[",
        "1",
        '{"name":"a"}',
        "[1]",
        "[{}]",
        '[{"name":""}]',
        '[{"name":1}]',
        '[{"name":"a","multiple":"yes"}]',
        '[{"name":"a","items":[{"key":"a"}]}]',
        '[{"name":"a","items":["a"]}]',
        '[{"name":"a","colour":"red"}]',
        '[{"name":"\\ud800"}]',
        "[" * 100_000,
        json.dumps([{"name": "a"}] * 101),
        json.dumps([{"name": "a", "value": "x" * 16_384}]),
    ],
)
def test_what_are_no_questions_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        registering.parse_questions(text)

    assert refusal.value.field == "questions"
