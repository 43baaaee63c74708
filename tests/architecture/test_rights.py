"""A function may make the calls that it makes and no others: its policies against what its handler is seen to call."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from jobs.runtime import wiring
from jobs.store import items

from tests.architecture.project import FOLDERS, rights
from tests.builders import a_job
from tests.conftest import TABLE
from tests.integration.conftest import Service, service

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

__all__ = ["service"]  # a fixture, which pytest finds by its name here

#: The rights that the parts of a transaction need.
OF_TRANSACTION = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
}


def needed(client: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a call needs by the Service Authorization Reference: a resource of the template and an action on it."""
    match client, operation:
        case "dynamodb", "TransactWriteItems":
            for item in parameters["TransactItems"]:
                yield from (("JobsTable", OF_TRANSACTION[part]) for part in item)
        case "dynamodb", _ if "IndexName" in parameters:
            yield f"JobsTable/index/{parameters['IndexName']}", f"dynamodb:{operation}"
        case "dynamodb", _:
            yield "JobsTable", f"dynamodb:{operation}"
        case "sqs", "SendMessageBatch":
            yield "StartQueue", "sqs:SendMessage"
        case _:
            yield "StartQueue", f"{client}:{operation}"


class Watch:
    """The calls of each function, seen where they enter the clients."""

    def __init__(self, service: Service) -> None:
        self.calls: dict[str, dict[str, set[str]]] = {folder: defaultdict(set) for folder in FOLDERS}
        self._service = service
        self._function = ""

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        self._function = function
        wiring.clear()  # each is an environment of its own, that knows no credential yet
        return Service.invoke(self._service, function, event)

    def see(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        for resource, action in needed(model.service_model.service_name, model.name, params):
            self.calls[self._function][resource].add(action)


def tour(service: Service) -> None:
    """Go every way through the functions on which other calls are made."""
    for dialect in ("openreplay_v1", "public"):
        service.http("list_jobs", dialect)
    # one behind a full block, whose opening is noted in the project's row
    service.dynamodb.put_item(TableName=TABLE, Item=items.job_to_item(a_job(job_id=1_000), "token", 32))
    job = service.create(params={"format": "csv"})
    service.http("create_job", "public", headers={"idempotency-key": "tour"})
    for dialect in ("openreplay_v1", "public"):
        service.http("create_job", f"{dialect}_delete_user")
    service.invoke("dispatch_due_jobs", service.event("dispatch_due_jobs", "schedule"))
    service.invoke("start_jobs", service.event("start_jobs", "hint"))
    path = {"jobId": str(job["jobId"])}
    service.http("get_job", "public_details", path=path)
    service.http("cancel_job", "public", path=path)
    service.http("answer_unrouted", "unknown_path")


def test_a_function_may_make_exactly_the_calls_it_makes(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(service)
    monkeypatch.setattr(service, "invoke", watch.invoke)
    # set up by hand, and so not by a function
    seen = [client.meta.events for client in (wiring._dynamodb(), wiring._sqs())]
    for events in seen:
        events.register("before-parameter-build", watch.see)
    try:
        tour(service)
    finally:
        for events in seen:
            events.unregister("before-parameter-build", watch.see)

    assert watch.calls == {folder: rights(folder) for folder in FOLDERS}
