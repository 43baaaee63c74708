"""OpenReplay v1, call by call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.verify.report import Claims, expect
from cli.verify.service import answered, data, took

if TYPE_CHECKING:
    from cli.verify.service import Run

OPENREPLAY = Claims()


@OPENREPLAY.add("v1: the list has the project's jobs and X-Total-Count")
def _list(run: Run) -> str:
    run.job()
    answer = run.call("GET", f"{run.v1}/jobs")
    rows = data(answer, 200)
    expect(rows, "the list is empty")
    expect(int(answer.headers["X-Total-Count"]) >= len(rows), "X-Total-Count is less than the rows")
    return f"{took(answer)}, {len(rows)} rows"


@OPENREPLAY.add("v1: a job is shown, with updatedAt from its creation on; an unknown one is 404")
def _get(run: Run) -> str:
    made = run.job()
    answer = run.call("GET", f"{run.v1}/jobs/{made['jobId']}")
    expect(data(answer, 200) == {**made, "updatedAt": made["createdAt"]}, "the job differs from public's")
    unknown = run.call("GET", f"{run.v1}/jobs/0")
    answered(unknown, 404, "job 0")
    return took(answer)


@OPENREPLAY.add("v1: a job is cancelled once, and then answers 501")
def _cancel(run: Run) -> str:
    target = f"{run.v1}/jobs/{run.job()['jobId']}"
    answer = run.call("DELETE", target)
    expect(data(answer, 200)["status"] == "cancelled", "the job is not cancelled")
    again = run.call("DELETE", target)
    answered(again, 501, "the second cancellation")
    return took(answer)
