"""User ids in paths: whether one arrives as another user's, whose data would be erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import httpx

from cli.verify.report import Claims, Unproven, Wrong, expect
from cli.verify.service import data

if TYPE_CHECKING:
    from cli.verify.report import Check
    from cli.verify.service import Run

USER_IDS = Claims()
#: What follows a plain part of the id in the path, and how the claim names it.
FORMS = {
    "%2Fb": "an encoded slash (%2F)",
    "%25b": "an encoded per cent sign (%25)",
    "%3Fb": "an encoded question mark (%3F)",
    "%23b": "an encoded hash (%23)",
    "//b": "a doubled slash (//)",
    "/": "a trailing slash (/)",
    "%2F": "an encoded trailing slash (%2F)",
    "%252Fb": "an encoded slash that is encoded again (%252F)",
    "%20b": "an encoded space (%20)",
}
REFUSED, WHOLE, CHANGED, OFF = "refused", "whole", "changed", "off"


class Seen(NamedTuple):
    """What became of a user id in a path."""

    outcome: str
    status: int
    #: The user of the job that was made; empty if none was.
    user: str = ""


def _ask(run: Run, base: str, tail: str, name: str) -> Seen:
    """Ask for the deletion of a user that nobody has, and cancel the job at once."""
    sent = f"verify-{run.mark}-{name}{tail}"
    answer = run.call("DELETE", f"{base}/users/{sent}")
    run.note(answer)
    if answer.is_client_error and answer.status_code not in {401, 409, 429}:
        return Seen(REFUSED, answer.status_code)
    job = data(answer, 200)
    # what is stored counts, not what the answer says
    user = data(run.call("GET", f"{run.public}/jobs/{job['jobId']}"), 200)["referenceId"]
    cancelled = data(run.cancel(job["jobId"]), 200)["status"]
    expect(cancelled == "cancelled", f"job {job['jobId']} deletes {user!r} at midnight, and is not cancelled")
    return Seen(WHOLE if user == unquote(sent) else CHANGED, answer.status_code, user)


def _worst(outcomes: set[str]) -> str:
    return next(outcome for outcome in (CHANGED, REFUSED, WHOLE) if outcome in outcomes)


def _bases(run: Run) -> dict[str, str]:
    return {"public": run.public, "v1": run.v1}


@USER_IDS.add("A plain user id in a path makes the deletion of this user, in both dialects", aws_only=True)
def _plain(run: Run) -> str:
    seen = {name: _ask(run, base, "", f"plain-{name}") for name, base in _bases(run).items()}
    statuses = ", ".join(f"{name} {one.status}" for name, one in seen.items())
    if all(one.outcome == REFUSED and one.status == httpx.codes.NOT_FOUND for one in seen.values()):
        run.notes["user ids"] = {"": OFF}
        raise Unproven(f"both routes are off: {statuses}")
    outcomes = {one.outcome for one in seen.values()}
    run.notes["user ids"] = {"": _worst(outcomes)}
    expect(outcomes == {WHOLE}, f"{statuses}, for {', '.join(repr(one.user) for one in seen.values())}")
    return statuses


def _never_another(tail: str, number: int) -> Check:
    """The check of one form."""

    def check(run: Run) -> str:
        seen_before: dict[str, str] = run.notes.setdefault("user ids", {})
        if seen_before.get("") == OFF:
            raise Unproven("both routes are off")
        seen = {name: _ask(run, base, tail, f"{number}-{name}") for name, base in _bases(run).items()}
        outcomes = {one.outcome for one in seen.values()}
        seen_before[tail] = _worst(outcomes)
        if seen_before[tail] == CHANGED:
            users = ", ".join(f"{name} {one.user!r}" for name, one in seen.items() if one.outcome == CHANGED)
            raise Wrong(f"it arrives as another user: {users}")
        return ", ".join(f"{name} {one.status} {one.outcome}" for name, one in seen.items())

    return check


for _number, (_tail, _name) in enumerate(FORMS.items()):
    USER_IDS.add(f"A user id with {_name} never becomes another user", aws_only=True)(_never_another(_tail, _number))


@USER_IDS.add("A query string behind a user id is refused", aws_only=True)
def _query(run: Run) -> str:
    if run.notes.get("user ids", {}).get("") == OFF:
        raise Unproven("both routes are off")
    seen = [_ask(run, base, "?b", f"query-{name}") for name, base in _bases(run).items()]
    outcomes = {one.outcome for one in seen}
    if outcomes == {REFUSED}:
        return ", ".join(str(one.status) for one in seen)
    run.notes.setdefault("user ids", {})["?b"] = CHANGED
    raise Wrong(f"a job was made for {', '.join(repr(one.user) for one in seen if one.user)}")


@USER_IDS.add("The value of UserIdsInPaths is safe here", aws_only=True)
def _advice(run: Run) -> str:
    seen = dict(run.notes.get("user ids", {}))
    plain = seen.pop("", None)
    mode, safe = mode_and_safe(plain, seen)
    if mode is None or safe is None:
        raise Unproven(f"the mode seems to be {mode or 'none of the three'}; only with plain or any on is it seen")
    figure = f"the mode seems to be {mode}; safe is {safe}"
    expect(safe in {mode, "any"}, figure)
    return figure


def mode_and_safe(plain: str | None, others: dict[str, str]) -> tuple[str | None, str | None]:
    """Which value of `UserIdsInPaths` seems to be on, and which is safe; None for what was not seen.

    `any` is called safe only if every form arrives whole, which cannot be seen while `plain` refuses them. A form of
    which nothing is known makes nothing safe but `off`.
    """
    if plain == OFF:
        return "off", None
    outcomes = {others.get(tail) for tail in FORMS}
    mode = "any" if WHOLE in outcomes else "plain" if plain == WHOLE else None
    if CHANGED in {plain, *others.values()} or None in outcomes:
        return mode, "off"
    if plain != WHOLE:
        return mode, None
    return mode, "any" if outcomes == {WHOLE} else "plain"
