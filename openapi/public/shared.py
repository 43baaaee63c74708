"""What the subjects of the public API share: the parameter `limit` and the jobs of the examples."""

from __future__ import annotations

from dataclasses import replace

from jobs.dialects.public import DEFAULT_LIMIT, HIGHEST_LIMIT, Public
from jobs.model import DEFAULT_TIMEOUT_SECONDS, MINUTE, SECOND, Change, Job, Status

from openapi.openreplay import PROJECT_KEY, seeds
from openapi.schemas import Node, query

PUBLIC = Public()
URL = f"https://jobs.example.com/public/{PROJECT_KEY}/jobs"
CURSOR = "mq0pG0m5Jd1fWw4nV3b1Yg"
PARAMS = {"format": "csv"}

SCHEDULED, CANCELLED = seeds(("shekar@example.com",) * 2, ("mehdi@example.com",) * 2)
START = SCHEDULED.start_at
EXPORT = Job(
    project_id=1,
    job_id=3453,
    action="export",
    description="Sessions of June",
    reference_id="2021-06",
    status=Status.SCHEDULED,
    start_at=START,
    next_at=START,
    history=(Change(Status.SCHEDULED, SCHEDULED.created_at, "key-1"),),
    max_attempts=3,
)
RUNNING = replace(
    EXPORT,
    status=Status.RUNNING,
    next_at=START + DEFAULT_TIMEOUT_SECONDS * SECOND,
    history=(*EXPORT.history, Change(Status.RUNNING, START, "service")),
    progress=40,
)
RETRIED = replace(
    EXPORT,
    history=(
        *RUNNING.history,
        Change(Status.FAILED, START + MINUTE, "exporter"),
        Change(Status.SCHEDULED, START + 2 * MINUTE, "key-1"),
    ),
    attempt=2,
)


def limit(what: str) -> Node:
    """The parameter that says how many to list."""
    text = f"How many {what} to list at most. {DEFAULT_LIMIT} if it is out of range."
    return query("limit", text, type="integer", minimum=1, maximum=HIGHEST_LIMIT, default=DEFAULT_LIMIT)
