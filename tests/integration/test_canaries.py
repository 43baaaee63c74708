"""What comes in is never written to a log or a metric: canaries in every place of every event that others fill.

A canary looks like an e-mail address, a key or a token. Each string of an event in `events/` is replaced by one, and
names are kept. What the handler then writes must not have it. A job's own fields may go on: to the table, to the caller
who may see the job, and to events on the bus.
"""

from __future__ import annotations

import copy
import io
import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from jobs.runtime import observability

from tests.architecture.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import Service

    Place = tuple[str | int, ...]

#: What callers fill of an HTTP event, and others of a queue's or a stream's records. The rest is AWS's.
HTTP_INPUTS = ("headers", "body", "pathParameters", "queryStringParameters", "rawPath", "rawQueryString", "cookies")
RECORD_INPUTS = ("body", "dynamodb")

EVENTS = {path: json.loads(path.read_text()) for path in sorted((ROOT / "events").rglob("*.json"))}
CANARIES = {
    "e-mail": "canary.7f3a9c@example.com",
    "key": f"jk_{secrets.token_hex(24)}",
    "token": f"jt_{secrets.token_hex(24)}",
}


def leaves(value: Any, place: Place = ()) -> Iterator[Place]:
    """The places of all strings, those within JSON in a string too."""
    match value:
        case dict():
            for name in value:
                yield from leaves(value[name], (*place, name))
        case list():
            for number, one in enumerate(value):
                yield from leaves(one, (*place, number))
        case str():
            yield place
            if (inner := _inner(value)) is not None:
                yield from leaves(inner, (*place, "json"))


def replaced(value: Any, place: Place, by: str) -> Any:
    """The value with another string at the place."""
    if not place:
        return by
    first, *rest = place
    if first == "json" and isinstance(value, str):
        return json.dumps(replaced(_inner(value), tuple(rest), by))
    value = copy.copy(value)
    value[first] = replaced(value[first], tuple(rest), by)
    return value


def _inner(text: str) -> Any:
    try:
        inner = json.loads(text)
    except ValueError:
        return None
    return inner if isinstance(inner, dict | list) else None


def inputs(event: dict[str, Any]) -> Iterator[Place]:
    """The places that others than AWS fill."""
    for place in leaves(event):
        in_record = place[0] == "Records" and place[2:3] and place[2] in RECORD_INPUTS
        if place[0] in HTTP_INPUTS or (in_record and not _is_ours(place)):
            yield place


def _is_ours(place: Place) -> bool:
    """Whether only the service fills this place of a row: numbers, keys, and the letter of a status."""
    is_letter = place[-2:] == (0, "S")  # of an entry of the history
    return place[2] == "dynamodb" and (place[-1] == "N" or place[-2] in {"pk", "sk", "st"} or is_letter)


PLACES = [(path, place) for path, event in EVENTS.items() for place in inputs(event)]


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Where the log is written, which otherwise is the output of the first test that logged."""
    log = io.StringIO()
    monkeypatch.setattr(observability.logger().registered_handler, "stream", log)
    return log


def hits(
    service: Service, capsys: pytest.CaptureFixture[str], log: io.StringIO, canary: str, places: list[tuple[Any, Place]]
) -> list[tuple[str, Place]]:
    """Where a canary came in that was then written."""
    found = []
    for path, place in places:
        event = replaced(EVENTS[path], place, canary)
        try:
            service.invoke(path.parent.name, event)
        except Exception as error:  # noqa: BLE001  # the runtime writes it
            raised = repr(error)
        else:
            raised = ""
        written = capsys.readouterr()
        if canary in log.getvalue() + written.out + written.err + raised:
            log.truncate(0)
            found.append((f"{path.parent.name}/{path.stem}", place))
    return found


@pytest.mark.parametrize(
    "kind", ["e-mail", *(pytest.param(kind, marks=pytest.mark.prove) for kind in ("key", "token"))]
)
def test_no_canary_is_written(
    service: Service, capsys: pytest.CaptureFixture[str], log: io.StringIO, kind: str
) -> None:
    assert hits(service, capsys, log, CANARIES[kind], PLACES) == []


def test_there_are_canaries_for_every_kind_of_input() -> None:
    kinds = {place[0] if place[0] in HTTP_INPUTS else place[2] for _, place in PLACES}

    assert kinds >= {*HTTP_INPUTS[:6], *RECORD_INPUTS}
    assert len(PLACES) > 300


@pytest.mark.parametrize("path", [path for path in EVENTS if path.stem == "public"], ids=lambda path: path.parent.name)
def test_a_canary_that_is_logged_is_found(
    service: Service, capsys: pytest.CaptureFixture[str], log: io.StringIO, monkeypatch: pytest.MonkeyPatch, path: Any
) -> None:
    note: Callable[..., None] = observability.note

    def tell(**what: Any) -> None:
        note(**what)
        observability.logger().info(CANARIES["key"])

    monkeypatch.setattr(observability, "note", tell)

    assert hits(service, capsys, log, CANARIES["key"], [(path, ("headers", "host"))])
