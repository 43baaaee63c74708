"""One suite, two directories: who owns what, in DynamoDB and in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pytest
from jobs.errors import InvalidRequest, ProjectNotFound, Unauthorized
from jobs.tenancy import access, administration
from jobs.tenants import (
    KEEP_EVERYTHING,
    AccessToken,
    ListOrder,
    Principal,
    Question,
    Registration,
    Retention,
    Right,
    Role,
    Scope,
)

from tests.builders import NOW, a_client, a_credential, a_user, a_workflow
from tests.conftest import TABLE
from tests.fakes import BY, FakeDirectory, at
from tests.stores import an_admin

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.tenancy.ports import DirectoryAdmin, TokenStore
    from mypy_boto3_dynamodb import DynamoDBClient

    class Registry(DirectoryAdmin, TokenStore, Protocol):
        """Both directories keep tokens too."""


@pytest.fixture(params=["fake", "moto"])
def registry(request: pytest.FixtureRequest) -> Registry:
    if request.param == "fake":
        return FakeDirectory()
    return an_admin(request.getfixturevalue("dynamodb"))


def an_organisation(registry: Registry, name: str = "Demo") -> int:
    return administration.create_organisation(registry, name).organisation_id


def test_organisations_get_ids_of_their_own(registry: Registry) -> None:
    assert [registry.add_organisation(name) for name in ("A", "A")] == [
        registry.add_organisation("A")._replace(organisation_id=number) for number in (1, 2)
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
    assert registry.find_token("0" * 64) is None
    assert registry.find_client("0" * 24) is None
    assert registry.find_user(1, "0" * 24) is None
    assert registry.get_project(1) is None
    assert registry.list_projects(1) == ()
    assert (registry.find_workflow(1, "w"), list(registry.list_workflows(1))) == (None, [])


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
        registry.add_project(organisation, "Shop", "one-too-many", b"secret", administration.MAX_PROJECTS)

    assert registry.find_project("one-too-many") is None
    assert registry.find_project(made[-1].project_key) == made[-1]
    assert administration.create_project(registry, other, "Shop").organisation_id == other


def test_two_keys_are_live_at_once_so_that_one_can_replace_the_other(registry: Registry) -> None:
    organisation = an_organisation(registry)
    old = administration.create_api_key(registry, organisation, expires_at=NOW + 1)
    new = administration.create_api_key(registry, organisation)

    assert access.authenticate(at(NOW, registry), old.secret) == old.credential
    assert access.authenticate(at(NOW, registry), new.secret) == new.credential
    assert old.credential.credential_id != new.credential.credential_id

    with pytest.raises(Unauthorized):
        access.authenticate(at(NOW + 1, registry), old.secret)
    assert access.authenticate(at(NOW + 1, registry), new.secret) == new.credential


def test_a_revoked_credential_is_stored_as_such_and_opens_nothing(registry: Registry) -> None:
    organisation, key = an_organisation(registry), access.new_secret(access.KEY_PREFIX)
    revoked = a_credential(organisation_id=organisation, revoked_at=NOW - 5, expires_at=NOW + 5)

    registry.add_credential(revoked, access.digest_of(key))

    assert registry.find_credential(access.digest_of(key)) == revoked
    with pytest.raises(Unauthorized):
        access.authenticate(at(NOW, registry), key)


def test_a_key_opens_its_organisation_s_projects_and_no_other_s(registry: Registry) -> None:
    mine, other = an_organisation(registry), an_organisation(registry)
    project = administration.create_project(registry, mine, "Shop")
    foreign = administration.create_project(registry, other, "Shop")
    issued = administration.create_api_key(registry, mine)

    credential = access.authenticate(at(NOW, registry), issued.secret)

    assert access.open_project(at(NOW, registry), credential, project.project_key) == project
    with pytest.raises(ProjectNotFound):
        access.open_project(at(NOW, registry), credential, foreign.project_key)


def test_no_row_holds_a_secret_that_was_shown(dynamodb: DynamoDBClient) -> None:
    registry = an_admin(dynamodb)
    organisation = an_organisation(registry)
    client, client_secret = a_known_client(registry, organisation)
    secrets = [
        administration.create_api_key(registry, organisation).secret,
        client_secret,
        access.issue_token(at(NOW, registry), client).token,
    ]

    table = str(dynamodb.scan(TableName=TABLE)["Items"])

    for secret in secrets:
        assert access.digest_of(secret) in table
        assert secret not in table
        assert secret[3:43] not in table


def test_a_project_trusts_nobody_else_until_it_is_told_to(registry: Registry) -> None:
    project = administration.create_project(registry, an_organisation(registry), "Shop")
    other = administration.create_project(registry, project.organisation_id, "Other")
    assert (project.accounts, project.sources, project.creations_per_minute) == (frozenset(), {}, None)

    def trust(accounts: set[str], sources: dict[str, set[str]]) -> None:
        listed = {source: frozenset(actions) for source, actions in sources.items()}
        registry.set_trust(project.project_id, frozenset(accounts), listed)
        expected = replace(project, accounts=frozenset(accounts), sources=listed)
        assert registry.find_project(project.project_key) == expected
        assert registry.get_project(project.project_id) == expected

    trust({"111111111111", "222222222222"}, {"shop.orders": set()})
    trust({"222222222222"}, {})
    trust(set(), {"shop.orders": {"export", "import"}, "shop.returns": set(), "a.b#c :d": {"x"}})
    trust(set(), {})
    assert registry.find_project(other.project_key) == other


def test_trust_makes_no_project(registry: Registry) -> None:
    with pytest.raises(InvalidRequest):
        registry.set_trust(99, frozenset({"111111111111"}), {})

    assert registry.get_project(99) is None


# ---- users, clients, tokens ---------------------------------------------------------------------------------------


def a_known_user(registry: Registry, organisation: int, **overrides: object) -> str:
    user = a_user(organisation_id=organisation, **overrides)
    registry.add_user(user)
    return user.user_id


def a_known_client(registry: Registry, organisation: int) -> administration.IssuedClient:
    user = administration.create_user(registry, organisation, "Ada", Role.MEMBER)
    project = administration.create_project(registry, organisation, "Shop")
    return administration.create_client(registry, organisation, user.user_id, project.project_id)


def test_an_organisation_s_projects_are_listed_in_the_order_in_which_they_were_made(registry: Registry) -> None:
    mine, other, empty = (an_organisation(registry) for _ in range(3))
    made = [administration.create_project(registry, of, "Shop").project_id for of in [mine, other] * 11]
    administration.create_api_key(registry, mine)
    administration.create_user(registry, mine, "Ada", Role.MEMBER)

    assert tuple(registry.list_projects(mine)) == tuple(made[::2])
    assert tuple(registry.list_projects(other)) == tuple(made[1::2])
    assert tuple(registry.list_projects(empty)) == ()


def test_a_user_is_found_as_made_in_its_organisation_alone(registry: Registry) -> None:
    mine, other = an_organisation(registry), an_organisation(registry)
    collections = {"a": Right.VIEW, "a.b#c": Right.CANCEL, "Größe 🙂": Right.VIEW}
    users = [
        a_user(organisation_id=mine, role=Role.ADMINISTRATOR, name="Ada 🙂", collections=collections),
        a_user(organisation_id=other),
    ]

    for user in users:
        registry.add_user(user)

    assert [registry.find_user(of, "user-1") for of in (mine, other)] == users
    assert registry.find_user(mine, "user-2") is None


def test_a_user_is_made_once_and_for_an_organisation_that_is_there(registry: Registry) -> None:
    mine = an_organisation(registry)
    a_known_user(registry, mine, name="Ada")

    for organisation in (mine, 99):
        with pytest.raises(InvalidRequest) as refusal:
            registry.add_user(a_user(organisation_id=organisation, name="Eve", role=Role.ADMINISTRATOR))
        assert refusal.value.field == "user"

    assert registry.find_user(mine, "user-1") == a_user(organisation_id=mine, name="Ada")
    assert registry.find_user(99, "user-1") is None


def test_a_role_changes_and_nothing_else_with_it(registry: Registry) -> None:
    mine, other = an_organisation(registry), an_organisation(registry)
    for organisation in (mine, other):
        a_known_user(registry, organisation, name="Ada", collections={"a": Right.VIEW})
    member, foreign = (registry.find_user(of, "user-1") for of in (mine, other))
    assert member is not None

    registry.set_role(mine, "user-1", Role.ADMINISTRATOR)
    assert registry.find_user(mine, "user-1") == member._replace(role=Role.ADMINISTRATOR)
    assert registry.find_user(other, "user-1") == foreign
    registry.set_role(mine, "user-1", Role.MEMBER)
    assert registry.find_user(mine, "user-1") == member


#: Names of collections. Some of them mean something in DynamoDB's expressions.
COLLECTIONS = ["a", "a.b", "#collection", ":right", "size(co)", "co", "Größe 🙂", "[0]", "S", "M", "x" * 256, " a"]


def test_rights_are_given_changed_and_taken_whatever_a_collection_is_called(registry: Registry) -> None:
    organisation = an_organisation(registry)
    user_id = a_known_user(registry, organisation)
    expected: dict[str, Right] = {}

    def share(collection: str, right: Right | None) -> None:
        registry.set_right(organisation, user_id, collection, right, 100)
        expected.update({collection: right} if right else {})
        if right is None:
            expected.pop(collection, None)
        assert registry.find_user(organisation, user_id) == a_user(organisation_id=organisation, collections=expected)

    for collection in COLLECTIONS:
        share(collection, Right.VIEW)
        share(collection, Right.CANCEL)
    for collection in COLLECTIONS[::2]:
        share(collection, None)
        share(collection, None)
    share("never there", None)


def test_a_right_beyond_the_bound_is_refused_and_those_that_are_there_can_change(registry: Registry) -> None:
    organisation = an_organisation(registry)
    a_known_user(registry, organisation)
    for collection in "abc":
        registry.set_right(organisation, "user-1", collection, Right.VIEW, 3)

    with pytest.raises(InvalidRequest) as refusal:
        registry.set_right(organisation, "user-1", "d", Right.VIEW, 3)
    assert refusal.value.field == "user"
    registry.set_right(organisation, "user-1", "c", Right.CANCEL, 3)
    registry.set_right(organisation, "user-1", "a", None, 3)
    registry.set_right(organisation, "user-1", "d", Right.VIEW, 3)

    user = registry.find_user(organisation, "user-1")
    assert user is not None
    assert user.collections == {"b": Right.VIEW, "c": Right.CANCEL, "d": Right.VIEW}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda registry: registry.set_role(1, "user-9", Role.MEMBER), id="role"),
        pytest.param(lambda registry: registry.set_right(1, "user-9", "a", Right.VIEW, 3), id="right given"),
        pytest.param(lambda registry: registry.set_right(1, "user-9", "a", None, 3), id="right taken"),
    ],
)
def test_a_change_makes_no_user(registry: Registry, change: Callable[[Registry], None]) -> None:
    an_organisation(registry)

    with pytest.raises(InvalidRequest) as refusal:
        change(registry)

    assert refusal.value.field == "user"
    assert registry.find_user(1, "user-9") is None


def test_a_client_is_found_as_made(registry: Registry) -> None:
    organisation = an_organisation(registry)
    a_known_user(registry, organisation)
    project = administration.create_project(registry, organisation, "Shop").project_id
    clients = [
        a_client(client_id=f"{number}" * 24, organisation_id=organisation, project_id=project, **ends)
        for number, ends in enumerate([{}, {"expires_at": NOW}, {"revoked_at": NOW - 1, "expires_at": NOW + 1}])
    ]

    for client in clients:
        registry.add_client(client)

    assert [registry.find_client(client.client_id) for client in clients] == clients


@pytest.mark.parametrize("unknown", ["user", "project", "organisation", "foreign project", "foreign user"])
def test_a_client_is_of_a_user_and_a_project_of_one_organisation(registry: Registry, unknown: str) -> None:
    mine, other = an_organisation(registry), an_organisation(registry)
    projects = {of: administration.create_project(registry, of, "Shop").project_id for of in (mine, other)}
    for of, user in ((mine, "user-1"), (other, "user-2")):
        a_known_user(registry, of, user_id=user)
    wrong: dict[str, dict[str, object]] = {
        "user": {"user_id": "user-3"},
        "project": {"project_id": 99},
        "organisation": {"organisation_id": 99},
        "foreign project": {"project_id": projects[other]},
        "foreign user": {"user_id": "user-2"},
    }
    client = a_client(organisation_id=mine, project_id=projects[mine])

    with pytest.raises(InvalidRequest) as refusal:
        registry.add_client(replace(client, **wrong[unknown]))  # type: ignore[arg-type]  # each has its field's type

    assert refusal.value.field == "client"
    assert registry.find_client(client.client_id) is None
    registry.add_client(client)
    assert registry.find_client(client.client_id) == client


def test_a_client_is_revoked_at_the_first_word_and_for_good(registry: Registry) -> None:
    client, secret = a_known_client(registry, an_organisation(registry))
    token = access.issue_token(at(NOW, registry), client).token

    ended = []
    for later in (5, 4):
        registry.clock.sleep(later)
        ended.append(registry.revoke_client(client.client_id))

    assert ended == [NOW + 5] * 2
    assert registry.find_client(client.client_id) == replace(client, revoked_at=NOW + 5)
    with pytest.raises(Unauthorized):
        access.authenticate_client(at(NOW, registry), client.client_id, secret)
    with pytest.raises(Unauthorized):
        access.authorize(at(NOW, registry), token)


def test_revoking_makes_no_client(registry: Registry) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        registry.revoke_client("0" * 24)

    assert refusal.value.field == "client"
    assert registry.find_client("0" * 24) is None


@pytest.mark.parametrize("ends", [{"expires_at": NOW}, {"expires_at": NOW + 1, "revoked_at": NOW}, {}])
def test_a_token_is_found_as_stored_even_if_it_has_ended(registry: Registry, ends: dict[str, int]) -> None:
    token = AccessToken(client_id="0" * 24, **ends)

    registry.add_token(token, "digest")

    assert registry.find_token("digest") == token
    assert registry.find_token("digest-2") is None


def test_a_token_that_is_stored_is_forgotten_in_the_second_after_it_has_ended(dynamodb: DynamoDBClient) -> None:
    registry = an_admin(dynamodb)
    for ends, digest in ((5_000, "whole"), (5_001, "begun"), (5_999, "nearly")):
        registry.add_token(AccessToken(client_id="0" * 24, expires_at=ends), digest)

    rows = {item["pk"]["S"]: item["ttl"]["N"] for item in dynamodb.scan(TableName=TABLE)["Items"]}

    assert rows == {"token#whole": "5", "token#begun": "6", "token#nearly": "6"}


def test_who_calls_with_a_token_is_its_client_and_the_client_s_user(registry: Registry) -> None:
    organisation = an_organisation(registry)
    client, secret = a_known_client(registry, organisation)

    known = access.authenticate_client(at(NOW, registry), client.client_id, secret)
    token = access.issue_token(at(NOW, registry), known).token

    user = registry.find_user(organisation, client.user_id)
    assert user is not None
    assert access.authorize(at(NOW, registry), token) == Principal(client, user)


# ---- workflows ------------------------------------------------------------------------------------------------------


def test_the_collections_of_a_workflow_are_set_as_a_whole_in_their_order(registry: Registry) -> None:
    mine, other = an_organisation(registry), an_organisation(registry)

    for collections in (["b", "a"], ["c"], [], COLLECTIONS):
        registry.set_workflow_collections(mine, "w#1 🙂", collections, 9)
        assert registry.find_workflow(mine, "w#1 🙂") == a_workflow(
            workflow_id="w#1 🙂", collection_ids=tuple(collections)
        )
    registry.set_workflow_collections(other, "w#1 🙂", ["theirs"], 9)

    found = registry.find_workflow(mine, "w#1 🙂")
    assert found is not None
    assert found.collection_ids == tuple(COLLECTIONS)
    assert registry.find_workflow(mine, "w") is None


def test_a_workflow_is_shared_in_an_organisation_that_is_there(registry: Registry) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        registry.set_workflow_collections(99, "w", ["a"], 9)

    assert refusal.value.field == "organisation"
    assert registry.find_workflow(99, "w") is None


REGISTRATION = Registration(
    "Sales, «EMEA»",
    "",
    "gpu",
    7,
    (Question("Region", "DropDown", "Where?", "n", multiple=True, items=(("n", "North"),)),),
)


def test_what_is_said_of_a_workflow_is_stored_and_said_again_as_a_whole(registry: Registry) -> None:
    of = an_organisation(registry)
    user = administration.create_user(registry, of, "Ada", Role.MEMBER)
    owned = REGISTRATION._replace(owner_id=user.user_id)

    registry.add_registration(of, "w", owned, 9)
    registry.clock.sleep(1_000)
    registry.set_workflow_collections(of, "w", ["c"], 9)
    assert registry.find_workflow(of, "w") == a_workflow(registration=owned, collection_ids=("c",))

    registry.change_registration(of, "w", Registration(name="Other"))
    changed = a_workflow(registration=Registration(name="Other"), collection_ids=("c",))
    assert registry.find_workflow(of, "w") == changed
    assert list(registry.list_workflows(of)) == [changed]


def test_a_workflow_that_was_shared_first_keeps_its_time_and_its_collections(registry: Registry) -> None:
    of = an_organisation(registry)
    registry.set_workflow_collections(of, "w", ["c"], 9)
    registry.clock.sleep(1_000)

    registry.add_registration(of, "w", REGISTRATION, 9)

    assert registry.find_workflow(of, "w") == a_workflow(registration=REGISTRATION, collection_ids=("c",))


def test_a_workflow_is_registered_once_and_changed_only_then_by_an_owner_who_is_there(registry: Registry) -> None:
    of = an_organisation(registry)
    registry.set_workflow_collections(of, "shared", ["c"], 9)
    registry.add_registration(of, "w", Registration(), 9)
    unowned = Registration(owner_id="unknown")

    tried: list[Callable[[], object]] = [
        lambda: registry.add_registration(of, "w", REGISTRATION, 9),
        lambda: registry.change_registration(of, "shared", REGISTRATION),
        lambda: registry.change_registration(of, "unknown", REGISTRATION),
        lambda: registry.add_registration(of, "new", unowned, 9),
        lambda: registry.change_registration(of, "w", unowned),
        lambda: registry.add_registration(99, "w", REGISTRATION, 9),
    ]
    for one in tried:
        with pytest.raises(InvalidRequest) as refusal:
            one()
        assert refusal.value.field == "workflow"

    known = [a_workflow(workflow_id="shared", collection_ids=("c",)), a_workflow()]
    assert list(registry.list_workflows(of)) == known
    assert registry.find_workflow(99, "w") is None


def test_an_organisation_knows_so_many_workflows_at_most(registry: Registry) -> None:
    of = an_organisation(registry)
    registry.set_workflow_collections(of, "a", ["c"], 2)
    registry.add_registration(of, "b", Registration(), 2)

    with pytest.raises(InvalidRequest):
        registry.set_workflow_collections(of, "c", ["c"], 2)
    with pytest.raises(InvalidRequest):
        registry.add_registration(of, "c", Registration(), 2)
    registry.set_workflow_collections(of, "b", ["c"], 2)  # one that is known needs no room
    registry.add_registration(of, "a", Registration(), 2)

    assert [workflow.workflow_id for workflow in registry.list_workflows(of)] == ["a", "b"]


# ---- what administrators see afterwards ---------------------------------------------------------------------------


def test_a_project_of_another_organisation_is_not_one_s_own(registry: Registry) -> None:
    mine, other = an_organisation(registry), an_organisation(registry)
    project = administration.create_project(registry, mine, "Shop")
    own, foreign = (a_credential(organisation_id=of) for of in (mine, other))

    assert registry.get_own_project(mine, project.project_id) == project
    assert registry.get_own_project(other, project.project_id) is None
    assert registry.get_own_project(mine, 99) is None
    assert registry.open_project(own, project.project_key) == project
    assert registry.open_project(foreign, project.project_key) is None
    assert registry.open_project(own._replace(projects=frozenset({99})), project.project_key) is None
    assert registry.open_project(own, "unknown") is None


def test_a_limit_is_found_as_set_and_changes_nothing_else(registry: Registry) -> None:
    project = administration.create_project(registry, an_organisation(registry), "Shop")

    for limit in (600, 1, None):
        registry.set_limits(project.project_id, limit)
        assert registry.get_project(project.project_id) == replace(project, creations_per_minute=limit)
    with pytest.raises(InvalidRequest):
        registry.set_limits(99, 1)


def test_the_order_of_a_project_s_lists_is_found_as_set_and_changes_nothing_else(registry: Registry) -> None:
    project = administration.create_project(registry, an_organisation(registry), "Shop")
    assert project.list_order is ListOrder.OLDEST

    for order in (ListOrder.NEWEST, ListOrder.OLDEST):
        registry.set_list_order(project.project_id, order)
        assert registry.get_project(project.project_id) == replace(project, list_order=order)
    with pytest.raises(InvalidRequest):
        registry.set_list_order(99, ListOrder.NEWEST)


def test_what_a_project_forgets_is_found_as_set_and_changes_nothing_else(registry: Registry) -> None:
    project = administration.create_project(registry, an_organisation(registry), "Shop")
    assert project.retention == KEEP_EVERYTHING

    for retention in (Retention(30, 90), Retention(0), Retention(None, 0), KEEP_EVERYTHING):
        administration.retain(registry, project.project_id, retention)
        assert registry.get_project(project.project_id) == replace(project, retention=retention)
    with pytest.raises(InvalidRequest):
        registry.set_retention(99, Retention(30))


def test_a_credential_is_found_and_listed_as_made(registry: Registry) -> None:
    mine, other = an_organisation(registry), an_organisation(registry)
    credentials = [
        a_credential(credential_id="key-b", organisation_id=mine, created_at=NOW, created_by="Ada 🙂"),
        a_credential(credential_id="key-a", organisation_id=mine, created_at=NOW + 1, scopes=frozenset(Scope)),
        a_credential(credential_id="key-c", organisation_id=mine, created_at=NOW + 2, projects=frozenset({1, 20})),
    ]
    for credential in reversed(credentials):
        registry.add_credential(credential, credential.credential_id)
    registry.add_credential(a_credential(organisation_id=other), "theirs")

    assert [registry.find_credential(one.credential_id) for one in credentials] == credentials
    assert list(registry.list_credentials(mine)) == credentials
    assert list(registry.list_credentials(99)) == []


def test_over_a_hundred_credentials_are_listed(registry: Registry) -> None:
    organisation = an_organisation(registry)
    for number in range(105):
        registry.add_credential(a_credential(credential_id=f"{number:03}", organisation_id=organisation), f"{number}")

    assert [one.credential_id for one in registry.list_credentials(organisation)] == [f"{n:03}" for n in range(105)]


def test_a_key_is_rotated_if_it_lives_until_then(registry: Registry) -> None:
    organisation = an_organisation(registry)
    for name, ends in {"forever": {}, "later": {"expires_at": NOW + 100}, "soon": {"expires_at": NOW + 99}}.items():
        registry.add_credential(a_credential(credential_id=name, organisation_id=organisation, **ends), name)
    registry.add_credential(
        a_credential(credential_id="revoked", organisation_id=organisation, revoked_at=1), "revoked"
    )

    for old in ("forever", "later", "soon", "revoked", "unknown"):
        new = a_credential(credential_id=f"new-{old}", organisation_id=organisation)
        if old in {"forever", "later"}:
            registry.rotate_credential(old, NOW + 100, new, f"new-{old}")
            rotated = registry.find_credential(old)
            assert rotated is not None
            assert (rotated.expires_at, registry.find_credential(f"new-{old}")) == (NOW + 100, new)
        else:
            with pytest.raises(InvalidRequest) as refusal:
                registry.rotate_credential(old, NOW + 100, new, f"new-{old}")
            assert (refusal.value.field, registry.find_credential(f"new-{old}")) == ("key", None)


def test_a_key_is_revoked_at_the_first_word_and_says_when(registry: Registry) -> None:
    organisation = an_organisation(registry)
    issued = administration.create_api_key(registry, organisation)

    ended = []
    for later in (5, 4):
        registry.clock.sleep(later)
        ended.append(registry.revoke_credential(organisation, issued.credential.credential_id))

    assert ended == [NOW + 5] * 2
    assert list(registry.list_credentials(organisation)) == [issued.credential._replace(revoked_at=NOW + 5)]
    for of, key_id in ((organisation, "unknown"), (99, issued.credential.credential_id)):
        with pytest.raises(InvalidRequest) as refusal:
            registry.revoke_credential(of, key_id)
        assert refusal.value.field == "key"


def test_what_an_organisation_has_is_listed_and_nothing_of_another(registry: Registry) -> None:
    mine, other = an_organisation(registry, "Mine"), an_organisation(registry, "Other")
    made: dict[int, list[object]] = {}
    for of in (mine, other):
        client = a_known_client(registry, of).client
        registry.set_right(of, client.user_id, f"c-{of}", Right.RUN, 9)
        registry.set_workflow_collections(of, f"w#{of}", [f"c-{of}"], 9)
        made[of] = [client, registry.find_user(of, client.user_id)]

    assert [one.name for one in registry.list_organisations()] == ["Mine", "Other"]
    assert [registry.get_organisation(number) for number in (1, 2, 3)] == [*registry.list_organisations(), None]
    for of in (mine, other):
        assert [*registry.list_clients(of), *registry.list_users(of)] == made[of]
        assert {one.workflow_id: one.collection_ids for one in registry.list_workflows(of)} == {f"w#{of}": (f"c-{of}",)}
    assert (list(registry.list_users(99)), list(registry.list_clients(99)), list(registry.list_workflows(99))) == (
        [],
        [],
        [],
    )


def test_nobody_has_organisations_in_an_empty_table(registry: Registry) -> None:
    assert list(registry.list_organisations()) == []


def test_every_change_is_in_the_audit_with_its_maker_and_nothing_that_was_refused(registry: Registry) -> None:
    organisation = an_organisation(registry)
    other = an_organisation(registry)
    client, secret = a_known_client(registry, organisation)
    of, user, project = organisation, client.user_id, client.project_id
    key = administration.create_api_key(registry, of, scopes=[Scope.READ], projects=[project])
    key_id = key.credential.credential_id
    changes: list[Callable[[], object]] = [
        lambda: registry.set_trust(project, frozenset({"111122223333"}), {"shop": frozenset({"b", "a"})}),
        lambda: registry.set_limits(project, 60),
        lambda: registry.set_list_order(project, ListOrder.NEWEST),
        lambda: registry.set_retention(project, Retention(30, None)),
        lambda: registry.set_role(of, user, Role.ADMINISTRATOR),
        lambda: registry.set_right(of, user, "c", Right.RUN, 9),
        lambda: registry.set_right(of, user, "c", None, 9),
        lambda: registry.set_workflow_collections(of, "w", ["c"], 9),
        lambda: registry.add_registration(of, "w", REGISTRATION._replace(owner_id=user), 9),
        lambda: registry.change_registration(of, "w", Registration()),
        lambda: administration.rotate_api_key(registry, of, key_id, NOW + 1_000_000),
        lambda: registry.revoke_credential(of, key_id),
        lambda: registry.revoke_client(client.client_id),
    ]
    for change in changes:
        registry.clock.sleep(1)  # entries of one millisecond have no order
        change()
    for refused in (
        lambda: registry.set_role(of, "unknown", Role.MEMBER),
        lambda: registry.set_right(of, user, "d", Right.VIEW, 0),
        lambda: registry.add_project(of, "Shop", "k", b"", 1),
        lambda: registry.add_user(a_user(organisation_id=of, user_id=user)),
    ):
        with pytest.raises(InvalidRequest):
            refused()

    audit = registry.list_audit(of, 100)
    new_key = next(one for one in registry.list_credentials(of) if one.credential_id != key_id).credential_id
    limited = {"scopes": ["read"], "projects": [project], "expiresAt": None}
    assert [(entry.what, dict(entry.about)) for entry in audit[:13]] == [
        ("client revoke", {"clientId": client.client_id}),
        ("key revoke", {"keyId": key_id}),
        ("key rotate", {"keyId": key_id, "until": NOW + 1_000_000, "newKeyId": new_key, **limited}),
        ("workflow change", {"workflowId": "w", "ownerId": "", "questions": 0}),
        ("workflow create", {"workflowId": "w", "ownerId": user, "questions": 1}),
        ("workflow share", {"workflowId": "w", "collectionIds": ["c"]}),
        ("collection share", {"collectionId": "c", "userId": user, "right": None}),
        ("collection share", {"collectionId": "c", "userId": user, "right": "run"}),
        ("user role", {"userId": user, "role": "administrator"}),
        ("project retention", {"projectId": project, "payloadDays": 30, "redactDays": None}),
        ("project order", {"projectId": project, "listOrder": "newest"}),
        ("project limits", {"projectId": project, "creationsPerMinute": 60}),
        ("project trust", {"projectId": project, "accounts": ["111122223333"], "sources": {"shop": ["a", "b"]}}),
    ]
    assert sorted(entry.what for entry in audit[13:]) == [
        "client create",
        "key create",
        "organisation create",
        "project create",
        "user create",
    ]
    assert {entry.by for entry in audit} == {BY}
    assert [entry.at for entry in audit[:13]] == [NOW + later for later in range(13, 0, -1)]
    assert list(registry.list_audit(of, 2)) == list(audit[:2])
    assert [entry.what for entry in registry.list_audit(other, 100)] == ["organisation create"]
    for text in (secret, key.secret, client.secret_digest, "Ada"):
        assert text not in str(audit)
