"""The directory that caches. The contract suite has the rows behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from jobs.errors import Unauthorized
from jobs.store import caching as subject
from jobs.store.caching import CachedDirectory
from jobs.tenancy import access
from jobs.tenants import AccessToken, Right, Role

from tests.builders import NOW, ORGANISATION, a_client, a_credential, a_project, a_user, a_workflow
from tests.fakes import FakeDirectory, at

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.ports import Directory


class Remembering:
    """A cached directory over a directory that counts its reads. The clock stands still."""

    def __init__(self, seconds: float) -> None:
        self.now = 1_000.0
        self.registry = FakeDirectory()
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


def test_a_project_is_remembered_for_those_whom_it_was_opened_to_alone() -> None:
    """So nobody tells a foreign project from an unknown one by the time of an answer."""
    remembering = Remembering(seconds=30)
    own, foreign = a_credential(), a_credential(organisation_id=ORGANISATION + 1)
    limited = a_credential(projects=frozenset({2}))
    reads = remembering.registry.reads

    for _ in range(3):
        assert remembering.directory.open_project(own, "key") == a_project()
    assert reads == ["project"]
    for stranger in (foreign, limited):
        for project_key in ("key", "unknown") * 2:
            reads.clear()
            assert remembering.directory.open_project(stranger, project_key) is None
            assert reads == ["project"], (stranger, project_key)
    reads.clear()
    assert remembering.directory.open_project(own, "key") == a_project()
    assert reads == []


def test_a_project_by_its_id_is_remembered_for_its_organisation_alone() -> None:
    remembering = Remembering(seconds=30)
    directory, reads = remembering.directory, remembering.registry.reads

    for _ in range(3):
        assert directory.get_own_project(ORGANISATION, 1) == a_project()
        assert directory.get_project(1) == a_project()
    assert reads == ["id"] * 2
    for project_id in (1, 99) * 2:
        reads.clear()
        assert directory.get_own_project(ORGANISATION + 1, project_id) is None
        assert reads == ["id"]


def test_memory_is_bounded_and_guesses_take_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "MAX_CACHED", 10)
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


# ---- who calls with a token ---------------------------------------------------------------------------------------

TOKEN = access.new_secret(access.TOKEN_PREFIX)


class RememberingUsers(Remembering):
    """A cached directory that knows a client, its user and a token."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.registry.tokens[access.digest_of(TOKEN)] = AccessToken(client_id=a_client().client_id)
        self.registry.clients[a_client().client_id] = a_client()
        self.registry.users[ORGANISATION, "user-1"] = a_user()

    def authorize(self) -> object:
        return access.authorize(at(NOW, self.directory), TOKEN)


def test_who_has_a_token_is_believed_for_the_time_and_then_read_again() -> None:
    remembering = RememberingUsers(seconds=30)

    for _ in range(3):
        assert remembering.authorize() == (a_client(), a_user())
    assert remembering.registry.reads == ["token", "client", "user"]
    remembering.now += 30
    remembering.authorize()
    assert remembering.registry.reads == ["token", "client", "user"] * 2


def revoke_client(registry: FakeDirectory) -> None:
    registry.revoke_client(a_client().client_id)


def revoke_token(registry: FakeDirectory) -> None:
    [(digest, token)] = registry.tokens.items()
    registry.tokens[digest] = token._replace(revoked_at=NOW)


def remove_user(registry: FakeDirectory) -> None:
    registry.users.clear()


@pytest.mark.parametrize("end", [revoke_client, revoke_token, remove_user])
def test_what_ends_a_token_ends_it_within_the_time_even_if_it_is_used_all_the_while(
    end: Callable[[FakeDirectory], None],
) -> None:
    remembering = RememberingUsers(seconds=30)
    remembering.authorize()
    end(remembering.registry)

    for _ in range(29):
        remembering.now += 1
        assert remembering.authorize()
    remembering.now += 1
    with pytest.raises(Unauthorized):
        remembering.authorize()


def test_a_token_that_expires_is_not_believed_for_longer() -> None:
    remembering = RememberingUsers(seconds=30)
    digest = access.digest_of(TOKEN)
    remembering.registry.tokens[digest] = AccessToken(client_id=a_client().client_id, expires_at=NOW + 1)

    assert remembering.authorize()
    with pytest.raises(Unauthorized):
        access.authorize(at(NOW + 1, remembering.directory), TOKEN)
    assert remembering.registry.reads.count("token") == 1


@pytest.mark.parametrize("change", [{"role": Role.ADMINISTRATOR}, {"collections": {"c-1": Right.CANCEL}}])
def test_a_role_or_right_that_changes_holds_within_the_time(change: dict[str, object]) -> None:
    remembering = RememberingUsers(seconds=30)
    remembering.authorize()
    remembering.registry.users[ORGANISATION, "user-1"] = a_user(**change)

    remembering.now += 29
    assert remembering.authorize() == (a_client(), a_user())
    remembering.now += 1
    assert remembering.authorize() == (a_client(), a_user(**change))


#: Lookups whose answers are cached, each for something that exists and for something that does not exist yet.
LOOKUPS: dict[str, Callable[[Directory, str], object]] = {
    "token": lambda directory, name: directory.find_token(name),
    "client": lambda directory, name: directory.find_client(name),
    "user": lambda directory, name: directory.find_user(ORGANISATION, name),
}


@pytest.mark.parametrize("kind", LOOKUPS)
def test_whoever_is_not_found_is_asked_for_again(kind: str) -> None:
    remembering, look = RememberingUsers(seconds=30), LOOKUPS[kind]

    assert look(remembering.directory, "new") is None
    remembering.registry.tokens["new"] = AccessToken(client_id="new")
    remembering.registry.clients["new"] = a_client(client_id="new")
    remembering.registry.users[ORGANISATION, "new"] = a_user(user_id="new")

    assert look(remembering.directory, "new") is not None
    assert look(remembering.directory, "new") == look(remembering.registry, "new")
    assert remembering.registry.reads == [kind] * 3


def test_one_name_of_several_kinds_is_told_apart() -> None:
    remembering = RememberingUsers(seconds=30)
    registry, directory = remembering.registry, remembering.directory
    registry.tokens["1"] = AccessToken(client_id="1")
    registry.clients["1"] = a_client(client_id="1")
    registry.users = {(number, "1"): a_user(organisation_id=number, user_id="1") for number in (1, 2)}
    registry.projects = {"1": a_project(organisation_id=1)}

    for _ in range(2):
        assert directory.find_token("1") == AccessToken(client_id="1")
        assert directory.find_client("1") == a_client(client_id="1")
        assert directory.find_user(1, "1") == a_user(organisation_id=1, user_id="1")
        assert directory.find_user(2, "1") == a_user(organisation_id=2, user_id="1")
        assert directory.get_project(1) == directory.find_project("1") == a_project(organisation_id=1)
        assert directory.list_projects(1) == (1,)
        assert directory.list_projects(2) == ()


def test_an_organisation_s_projects_are_believed_for_the_time_even_if_there_are_none() -> None:
    remembering = Remembering(seconds=30)

    for organisation, listed in ((ORGANISATION, (1,)), (ORGANISATION + 1, ())):
        assert remembering.directory.list_projects(organisation) == listed
        assert remembering.directory.list_projects(organisation) == listed
    assert remembering.registry.reads == ["projects"] * 2


def test_a_workflow_is_asked_for_each_time() -> None:
    """A job keeps its collections for good, so an answer that is out of date would stay."""
    remembering = Remembering(seconds=30)

    assert remembering.directory.find_workflow(1, "w") is None
    for collections in (("c-1",), ("c-2",)):
        remembering.registry.workflows[1, "w"] = a_workflow(collection_ids=collections)
        assert remembering.directory.find_workflow(1, "w") == a_workflow(collection_ids=collections)


def test_an_organisation_s_workflows_are_believed_for_the_time() -> None:
    remembering = Remembering(seconds=30)
    remembering.registry.workflows[1, "w"] = a_workflow()

    for organisation, listed in ((1, [a_workflow()]), (2, [])):
        assert list(remembering.directory.list_workflows(organisation)) == listed
        assert list(remembering.directory.list_workflows(organisation)) == listed
    assert remembering.registry.reads == ["workflows"] * 2
