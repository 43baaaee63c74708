"""User ids may hold any character: an id in the path comes back exactly, through gateway and function."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from tests.e2e.embedded import Tenant

pytestmark = pytest.mark.e2e

USER_IDS = [
    "a/b",
    "a//b",
    "/a",
    "a/",
    "a/users/b",
    "%",
    "100%",
    "%2F",
    "%252F",
    "%25",
    "%zz",
    "a+b",
    "a b",
    " a",
    "😀",
    "Ünïcødé",
    "ünïcødé",
    "用户",
    "\"quoted\" and 'quoted'",
    "back\\slash",
    "a?b=c&d#e",
    "..",
    "a/../b",
    "{userId}",
    "<b>&amp;</b>",
    "tab\tin it",
    ";:@,=$!*()~",
    "x" * 256,
    "😀" * 256,
]


@pytest.mark.parametrize("base", ["v1", "public"])
def test_a_user_id_comes_back_as_it_was_sent(tenant: Tenant, base: str) -> None:
    back = []
    for user in USER_IDS:
        answer = tenant.call("DELETE", f"{getattr(tenant, base)}/users/{quote(user, safe='')}")
        assert answer.status_code == 200, (user, answer.text)
        back.append(answer.json()["data"])

    assert [job["referenceId"] for job in back] == USER_IDS
    assert [job["description"] for job in back] == [f"Delete user sessions of userId = {user}" for user in USER_IDS]
    assert [job["jobId"] for job in back] == list(range(1, len(USER_IDS) + 1)), "two ids were taken for one user"
    listed = tenant.call("GET", f"{tenant.v1}/jobs").json()["data"]
    assert [job["referenceId"] for job in listed] == USER_IDS


def test_a_slash_may_be_plain_and_is_the_same_user_then(tenant: Tenant) -> None:
    escaped = tenant.call("DELETE", f"{tenant.v1}/users/team%2Fa%2Fb")
    plain = tenant.call("DELETE", f"{tenant.v1}/users/team/a/b")

    assert plain.text == escaped.text
    assert plain.json()["data"]["referenceId"] == "team/a/b"


@pytest.mark.parametrize("target", ["a", "a%2Fb", "a/b", "%61"])
def test_both_dialects_mean_the_same_user_by_the_same_path(tenant: Tenant, target: str) -> None:
    assert tenant.call("DELETE", f"{tenant.v1}/users/{target}").status_code == 200
    assert tenant.call("DELETE", f"{tenant.public}/users/{target}").status_code == 409
