"""Clients that others wrote: how they ask for tokens, and how they send the tokens back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.embedded import send

if TYPE_CHECKING:
    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e

TOKENS = "/webapi/oauth2/token"
WORKFLOW = "5bc4a813156ae016dcb442bd"


def known(stack: Embedded, tenant: Tenant) -> tuple[str, str]:
    """The id and the secret of a new client."""
    caller = stack.new_caller(tenant)
    return caller.client.client_id, caller.secret


@pytest.mark.parametrize("way", ["basic", "form"])
def test_a_client_asks_for_tokens_in_either_way(stack: Embedded, tenant: Tenant, way: str) -> None:
    client_id, secret = known(stack, tenant)
    form = {"grant_type": "client_credentials", "scope": ""}
    ways: dict[str, dict[str, Any]] = {
        "basic": {"data": form, "auth": (client_id, secret)},
        "form": {"data": {**form, "client_id": client_id, "client_secret": secret}},
    }

    tokens = set()
    for _ in range(2):
        answer = send(stack.base_url, "POST", TOKENS, **ways[way])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
        assert list(answer.json()) == ["access_token", "token_type", "expires_in"]
        assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 3600)
        tokens.add(answer.json()["access_token"])

    # each is valid, the first one even after the second
    assert len(tokens) == 2
    for token in tokens:
        answer = send(
            stack.base_url, "GET", f"/webapi/v3/workflows/{WORKFLOW}/jobs", headers={"Authorization": f"Bearer {token}"}
        )
        assert (answer.status_code, answer.text) == (200, "[]")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_token_s_type_comes_back_as_each_client_writes_it(stack: Embedded, tenant: Tenant, scheme: str) -> None:
    caller = stack.new_caller(tenant)
    job_id = caller.run(WORKFLOW)["id"]
    headers = {"Authorization": f"{scheme} {caller.granted['access_token']}", "Accept": "text/plain"}

    for query in ("", "?includeMessages=False", "?includeMessages=True", "?includeMessages="):
        answer = send(stack.base_url, "GET", f"/webapi/v3/jobs/{job_id}{query}", headers=headers)
        assert answer.status_code == 200
        assert ("messages" in answer.json()) == (query != "?includeMessages=False")
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": f"js_{'0' * 40}963fbb8e"}, 401, "invalid_client"),
        ({"client_id": "0" * 24}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ["client_credentials", "client_credentials"]}, 400, "invalid_request"),
        ({"client_id": ""}, 400, "invalid_request"),
        ({"grant_type": ""}, 400, "invalid_request"),
    ],
)
def test_a_client_is_told_what_is_wrong_in_the_words_of_oauth(
    stack: Embedded, tenant: Tenant, changes: dict[str, Any], status: int, error: str
) -> None:
    client_id, secret = known(stack, tenant)
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret, **changes}

    answer = send(stack.base_url, "POST", TOKENS, data=form)

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert list(answer.json()) == ["error", "error_description"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get("www-authenticate") == ('Bearer realm="jobs"' if status == 401 else None)


def test_both_ways_at_once_are_refused_and_a_wrong_basic_is_challenged(stack: Embedded, tenant: Tenant) -> None:
    client_id, secret = known(stack, tenant)

    def ask(presented: str, **more: str) -> tuple[int, str | None, str | None]:
        form = {"grant_type": "client_credentials", **more}
        answer = send(stack.base_url, "POST", TOKENS, data=form, auth=(client_id, presented))
        return answer.status_code, answer.json().get("error"), answer.headers.get("www-authenticate")

    assert ask(secret, client_secret=secret) == (400, "invalid_request", None)
    assert ask(secret, client_id="0" * 24) == (400, "invalid_request", None)
    assert ask(secret, client_id=client_id)[0] == 200
    assert ask("wrong") == (401, "invalid_client", 'Basic realm="jobs"')
