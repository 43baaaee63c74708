"""User ids in paths, through gateway and function: a plain one comes back exactly, any other is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from tests.e2e.embedded import Tenant

pytestmark = pytest.mark.e2e

PLAIN = ["a", "shekar@example.com", "A-z_0.9~:+@", "..", "x" * 256]
OTHERS = ["a/b", "a//b", "/a", "%", "100%", "%2F", "%252F", "a b", "😀", "Ünïcødé", '"quoted"', "{userId}", "x" * 257]


@pytest.mark.parametrize("base", ["v1", "public"])
def test_a_plain_id_comes_back_as_it_was_sent_and_any_other_is_refused(tenant: Tenant, base: str) -> None:
    for user in PLAIN:
        answer = tenant.call("DELETE", f"{getattr(tenant, base)}/users/{quote(user, safe='')}")
        assert answer.status_code == 200, (user, answer.text)
        assert answer.json()["data"]["referenceId"] == user
        assert answer.json()["data"]["description"] == f"Delete user sessions of userId = {user}"
    for user in OTHERS:
        answer = tenant.call("DELETE", f"{getattr(tenant, base)}/users/{quote(user, safe='')}")
        assert answer.status_code == 400, (user, answer.text)
        assert "POST to jobs takes any user id" in answer.text

    listed = tenant.call("GET", f"{tenant.v1}/jobs").json()["data"]
    assert [job["referenceId"] for job in listed] == PLAIN


@pytest.mark.parametrize("base", ["v1", "public"])
def test_what_follows_a_question_mark_is_never_cut_off_in_silence(tenant: Tenant, base: str) -> None:
    assert tenant.call("DELETE", f"{getattr(tenant, base)}/users/a?b").status_code == 400
    assert tenant.call("GET", f"{tenant.v1}/jobs").json()["data"] == []


def test_post_takes_any_id(tenant: Tenant) -> None:
    for user in OTHERS[:-1]:
        body = {"action": "delete_user_data", "referenceId": user}
        answer = tenant.call("POST", f"{tenant.public}/jobs", json=body)
        assert answer.status_code == 201, (user, answer.text)
        assert answer.json()["data"]["referenceId"] == user


@pytest.mark.parametrize("target", ["a", "%61"])
def test_both_dialects_mean_the_same_user_by_the_same_path(tenant: Tenant, target: str) -> None:
    assert tenant.call("DELETE", f"{tenant.v1}/users/{target}").status_code == 200
    assert tenant.call("DELETE", f"{tenant.public}/users/{target}").status_code == 409
