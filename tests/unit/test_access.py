"""Who gets in, and how many reads that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.errors import ProjectNotFound, ScopeMissing, Unauthorized
from jobs.events.incoming import Envelope
from jobs.model import BY_SERVICE
from jobs.tenancy import access
from jobs.tenants import AccessToken, Principal, Right, Scope

from tests.builders import NOW, ORGANISATION, a_client, a_credential, a_project, a_user
from tests.fakes import FakeDirectory, at

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.tenants import Client


@pytest.fixture
def registry() -> FakeDirectory:
    return FakeDirectory()


def test_a_key_opens_what_is_stored_under_its_digest(registry: FakeDirectory) -> None:
    key = access.new_secret(access.KEY_PREFIX)
    registry.credentials[access.digest_of(key)] = a_credential()

    assert access.authenticate(at(NOW, registry), key) == a_credential()
    assert key not in str(registry.credentials)


def test_keys_are_long_random_and_told_by_their_prefix() -> None:
    keys = {access.new_secret(access.KEY_PREFIX) for _ in range(100)}

    assert len(keys) == 100
    assert all(key.startswith("jk_") and len(key) == 3 + 40 + 8 for key in keys)


@given(st.text() | st.from_regex(r"jk_[0-9a-f]{48}", fullmatch=True))
def test_what_is_no_key_is_refused_without_a_read(text: str) -> None:
    registry = FakeDirectory()

    with pytest.raises(Unauthorized):
        access.authenticate(at(NOW, registry), text)

    assert registry.reads == []


@given(position=st.integers(3, 50), replacement=st.sampled_from("0123456789abcdef"))
def test_a_key_with_one_wrong_character_is_refused_without_a_read(position: int, replacement: str) -> None:
    key, registry = access.new_secret(access.KEY_PREFIX), FakeDirectory()
    wrong = key[:position] + replacement + key[position + 1 :]
    registry.credentials[access.digest_of(key)] = a_credential()

    if wrong == key:
        assert access.authenticate(at(NOW, registry), wrong) == a_credential()
    else:
        with pytest.raises(Unauthorized):
            access.authenticate(at(NOW, registry), wrong)
        assert registry.reads == []


def test_a_well_formed_key_that_nobody_issued_opens_nothing(registry: FakeDirectory) -> None:
    with pytest.raises(Unauthorized):
        access.authenticate(at(NOW, registry), access.new_secret(access.KEY_PREFIX))

    assert registry.reads == ["credential"]


@pytest.mark.parametrize("ended", [{"expires_at": NOW}, {"revoked_at": NOW - 1}])
def test_an_expired_or_revoked_key_opens_nothing(registry: FakeDirectory, ended: dict[str, int]) -> None:
    key = access.new_secret(access.KEY_PREFIX)
    registry.credentials[access.digest_of(key)] = a_credential(**ended)

    with pytest.raises(Unauthorized):
        access.authenticate(at(NOW, registry), key)


def test_a_project_opens_to_its_own_organisation(registry: FakeDirectory) -> None:
    project = a_project()
    registry.projects[project.project_key] = project

    assert access.open_project(at(NOW, registry), a_credential(), project.project_key) == project


def test_a_foreign_project_and_an_unknown_one_are_refused_alike(registry: FakeDirectory) -> None:
    project = a_project(organisation_id=ORGANISATION + 1)
    registry.projects[project.project_key] = project

    refusals = []
    for key in (project.project_key, "0" * 20):
        with pytest.raises(ProjectNotFound) as refusal:
            access.open_project(at(NOW, registry), a_credential(), key)
        refusals.append((type(refusal.value), str(refusal.value)))

    assert refusals[0] == refusals[1]


@pytest.mark.parametrize("text", ["", "a#b", "ключ", "a" * 65, "a\n"])
def test_what_can_be_no_project_key_is_refused_without_a_read(registry: FakeDirectory, text: str) -> None:
    with pytest.raises(ProjectNotFound):
        access.open_project(at(NOW, registry), a_credential(), text)

    assert registry.reads == []


# ---- what a key is limited to --------------------------------------------------------------------------------------


def test_a_key_without_scopes_is_for_everything_and_one_with_scopes_for_these() -> None:
    for scope in Scope:
        access.require(a_credential(), scope)
        access.require(a_credential(scopes=frozenset({scope})), scope)
        with pytest.raises(ScopeMissing) as refusal:
            access.require(a_credential(scopes=frozenset(Scope) - {scope}), scope)
        assert str(refusal.value) == f"the API key has no scope '{scope}'"


def test_one_of_the_scopes_that_open_a_call_is_enough() -> None:
    access.require(a_credential(scopes=frozenset({Scope.WORK})), Scope.READ, Scope.WORK)
    access.require(a_credential(scopes=frozenset({Scope.READ, Scope.CREATE})), Scope.READ, Scope.WORK)
    with pytest.raises(ScopeMissing) as refusal:
        access.require(a_credential(scopes=frozenset({Scope.CANCEL})), Scope.READ, Scope.WORK)
    assert str(refusal.value) == "the API key has no scope 'read' or 'work'"


def test_only_a_job_that_deletes_a_user_s_data_needs_a_scope_for_its_action() -> None:
    limited = a_credential(scopes=frozenset(Scope) - {Scope.DELETE_USERS})

    access.require_for(limited, "export")
    access.require_for(a_credential(), "delete_user_data")
    with pytest.raises(ScopeMissing):
        access.require_for(limited, "delete_user_data")


def test_a_key_that_is_limited_to_projects_opens_no_other_of_its_organisation(registry: FakeDirectory) -> None:
    mine, other = a_project(), a_project(project_id=2, project_key="other")
    registry.projects = {project.project_key: project for project in (mine, other)}
    limited = a_credential(projects=frozenset({1, 3}))

    assert access.open_project(at(NOW, registry), limited, mine.project_key) == mine
    assert access.open_project(at(NOW, registry), a_credential(), "other") == other
    with pytest.raises(ProjectNotFound):
        access.open_project(at(NOW, registry), limited, "other")


def test_a_project_in_a_key_s_list_that_is_another_organisation_s_stays_closed(registry: FakeDirectory) -> None:
    registry.projects["foreign"] = a_project(organisation_id=ORGANISATION + 1)

    with pytest.raises(ProjectNotFound):
        access.open_project(at(NOW, registry), a_credential(projects=frozenset({1})), "foreign")


def test_no_kind_of_actor_passes_for_another() -> None:
    """A source of events may be called like a key."""
    key, client = a_credential(), a_client()
    forged = {Envelope("1", source, "1").actor for source in ("key-1", "key:key-1", client.client_id, "service")}

    assert (key.actor, client.actor) == ("key:key-1", f"client:{client.client_id}")
    assert forged == {"event:key-1", "event:key:key-1", f"event:{client.client_id}", "event:service"}
    assert BY_SERVICE == "service"


# ---- clients and tokens -------------------------------------------------------------------------------------------

SECRET = access.new_secret(access.CLIENT_SECRET_PREFIX)
#: What each kind of secret begins with.
KINDS = ("jk_", "js_", "jt_")


def a_known_client(registry: FakeDirectory, **overrides: int) -> Client:
    client = a_client(secret_digest=access.digest_of(SECRET), **overrides)
    registry.clients[client.client_id] = client
    registry.users[ORGANISATION, client.user_id] = a_user()
    return client


def test_a_client_gets_a_token_that_opens_what_the_client_opens(registry: FakeDirectory) -> None:
    client = a_known_client(registry)

    assert access.authenticate_client(at(NOW, registry), client.client_id, SECRET) == client
    issued = access.issue_token(at(NOW, registry), client)

    assert issued.expires_in == 3600
    assert issued.token.startswith("jt_")
    assert access.authorize(at(NOW, registry), issued.token) == Principal(client, a_user())
    assert issued.token not in str(registry.tokens)


def test_no_two_tokens_are_the_same_and_all_of_them_are_live(registry: FakeDirectory) -> None:
    client = a_known_client(registry)
    tokens = {access.issue_token(at(NOW, registry), client).token for _ in range(100)}

    assert len(tokens) == 100
    assert {access.authorize(at(NOW, registry), token).client for token in tokens} == {client}


def test_a_token_ends_after_an_hour_to_the_millisecond(registry: FakeDirectory) -> None:
    token = access.issue_token(at(NOW, registry), a_known_client(registry)).token

    assert access.authorize(at(NOW + 3599999, registry), token)
    with pytest.raises(Unauthorized):
        access.authorize(at(NOW + 3600000, registry), token)


@pytest.mark.parametrize("ended", [{"expires_at": NOW + 1}, {"revoked_at": NOW + 1}])
def test_when_its_client_ends_a_token_ends_and_no_other_is_given(
    registry: FakeDirectory, ended: dict[str, int]
) -> None:
    client = a_known_client(registry)
    token = access.issue_token(at(NOW, registry), client).token
    a_known_client(registry, **ended)

    with pytest.raises(Unauthorized):
        access.authorize(at(NOW + 1, registry), token)
    with pytest.raises(Unauthorized):
        access.authenticate_client(at(NOW + 1, registry), client.client_id, SECRET)


def test_a_client_opens_nothing_from_the_moment_on_in_which_it_expires(registry: FakeDirectory) -> None:
    client = a_known_client(registry, expires_at=NOW)

    assert access.authenticate_client(at(NOW - 1, registry), client.client_id, SECRET) == client
    with pytest.raises(Unauthorized):
        access.authenticate_client(at(NOW, registry), client.client_id, SECRET)


def test_a_token_of_which_client_or_user_are_gone_opens_nothing(registry: FakeDirectory) -> None:
    token = access.issue_token(at(NOW, registry), a_known_client(registry)).token

    registry.users.clear()
    with pytest.raises(Unauthorized):
        access.authorize(at(NOW, registry), token)
    registry.clients.clear()
    with pytest.raises(Unauthorized):
        access.authorize(at(NOW, registry), token)


def test_a_user_of_another_organisation_is_not_the_client_s(registry: FakeDirectory) -> None:
    token = access.issue_token(at(NOW, registry), a_known_client(registry)).token
    registry.users = {(ORGANISATION + 1, "user-1"): a_user(organisation_id=ORGANISATION + 1)}

    with pytest.raises(Unauthorized):
        access.authorize(at(NOW, registry), token)


def test_what_a_user_may_is_what_the_directory_says_now(registry: FakeDirectory) -> None:
    client = a_known_client(registry)
    token = access.issue_token(at(NOW, registry), client).token
    registry.users[ORGANISATION, "user-1"] = changed = a_user(collections={"c-1": Right.VIEW})

    assert access.authorize(at(NOW, registry), token) == Principal(client, changed)


def test_a_client_with_another_s_secret_is_refused(registry: FakeDirectory) -> None:
    client = a_known_client(registry)
    other = access.new_secret(access.CLIENT_SECRET_PREFIX)
    registry.clients["f" * 24] = a_client(client_id="f" * 24, secret_digest=access.digest_of(other))

    for client_id, secret in ((client.client_id, other), ("f" * 24, SECRET), ("0" * 24, SECRET)):
        with pytest.raises(Unauthorized):
            access.authenticate_client(at(NOW, registry), client_id, secret)
    assert registry.reads == ["client"] * 3


@pytest.mark.parametrize(
    "client_id", ["", "0123", "0" * 23, "0" * 25, "0123456789ABCDEF01234567", "0" * 24 + "\n", "é" * 24]
)
def test_what_is_no_client_s_id_is_refused_without_a_read(registry: FakeDirectory, client_id: str) -> None:
    with pytest.raises(Unauthorized):
        access.authenticate_client(at(NOW, registry), client_id, SECRET)

    assert registry.reads == []


#: How a secret may be damaged on its way.
SPOILT: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "cut short": lambda secret: secret[:-1],
    "too long": lambda secret: secret + "0",
    "in capitals": lambda secret: secret[:3] + secret[3:].upper(),
    "behind a space": lambda secret: f" {secret}",
    "before a line end": lambda secret: f"{secret}\n",
    "its checksum wrong": lambda secret: secret[:-1] + ("1" if secret[-1] == "0" else "0"),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_spoilt_secret_or_token_is_refused_without_a_read(registry: FakeDirectory, spoilt: str) -> None:
    with pytest.raises(Unauthorized):
        access.authenticate_client(at(NOW, registry), a_client().client_id, SPOILT[spoilt](SECRET))
    with pytest.raises(Unauthorized):
        access.authorize(at(NOW, registry), SPOILT[spoilt](access.new_secret(access.TOKEN_PREFIX)))

    assert registry.reads == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("presented", KINDS)
def test_a_secret_of_one_kind_is_none_of_another(registry: FakeDirectory, kind: str, presented: str) -> None:
    """It would be refused even if the other kind were stored under the same digest."""
    secret = access.new_secret(presented)
    digest = access.digest_of(secret)
    registry.credentials[digest] = a_credential()
    registry.clients[a_client().client_id] = a_client(secret_digest=digest)
    registry.tokens[digest] = AccessToken(client_id=a_client().client_id)
    registry.users[ORGANISATION, "user-1"] = a_user()
    opened: dict[str, Callable[[], object]] = {
        "jk_": lambda: access.authenticate(at(NOW, registry), secret),
        "js_": lambda: access.authenticate_client(at(NOW, registry), a_client().client_id, secret),
        "jt_": lambda: access.authorize(at(NOW, registry), secret),
    }

    if kind == presented:
        assert opened[kind]()
    else:
        with pytest.raises(Unauthorized):
            opened[kind]()
        assert registry.reads == []


def test_a_token_that_nobody_was_given_costs_one_read(registry: FakeDirectory) -> None:
    a_known_client(registry)

    with pytest.raises(Unauthorized):
        access.authorize(at(NOW, registry), access.new_secret(access.TOKEN_PREFIX))

    assert registry.reads == ["token"]
