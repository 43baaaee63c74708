"""A field of a job goes all the way: asked for, created, stored, shown. One that is forgotten on the way fails here.

CONTRIBUTING.md names the files of each step. That the table keeps every field is in tests/contract/test_job_store.py,
that docs/access-patterns.md explains every attribute in tests/architecture/test_docs.py.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jobs.dialects.bodies import JobRequest, parse_job
from jobs.dialects.registry import PUBLIC
from jobs.lifecycle.creation import create_job
from jobs.model import Job, NewJob

from tests.builders import NOW, a_full_job, a_full_request, a_project

if TYPE_CHECKING:
    from tests.fakes import World

#: The body of `POST /public/{projectKey}/jobs` with every field that it may have.
BODY: dict[str, Any] = {
    "action": "export",
    "description": "d",
    "referenceId": "r",
    "startAt": NOW + 5,
    "params": {"a": [1]},
    "maxAttempts": 20,
    "timeoutSeconds": 60,
}


def at_default(thing: Job | NewJob) -> set[str]:
    """The fields that say nothing: the value is what everybody gets who does not set it."""
    return {name for name, default in thing._field_defaults.items() if getattr(thing, name) == default}


@pytest.mark.parametrize("thing", [a_full_job(), a_full_request()], ids=["job", "request"])
def test_the_full_builders_leave_no_field_at_its_default(thing: Job | NewJob) -> None:
    assert at_default(thing) == set()


def test_a_body_with_every_field_asks_for_everything_but_a_run_and_a_schedule() -> None:
    new, _ = parse_job(json.dumps(BODY), NOW)

    assert BODY.keys() == JobRequest.model_fields.keys()
    assert at_default(new) == {"run", "made_by"}


def test_a_created_job_has_everything_that_was_asked_for(world: World) -> None:
    new = a_full_request()

    job = create_job(world.ports, a_project(), new, by="key-1").job

    shared = set(NewJob._fields) & set(Job._fields)
    assert {name: getattr(job, name) for name in shared} == {name: getattr(new, name) for name in shared}
    # the parameters are stored beside the job
    assert set(NewJob._fields) - shared == {"params"}


def test_the_details_show_everything_that_a_body_may_ask_for() -> None:
    shown = json.loads(PUBLIC.render_details(a_full_job(), {}, (), None, {}).body)["data"]

    # the time-out is shown as the time at which it passes
    assert BODY.keys() - shown.keys() == {"timeoutSeconds"}
