"""Starts on chosen seconds, and what ends by time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cli.verify.report import Claims, Unproven, expect
from cli.verify.service import data, now, percentile

if TYPE_CHECKING:
    from cli.verify.service import Run

TIMING = Claims()
JOBS = 20
#: Jobs that are due on one second.
TOGETHER = 4
#: Seconds from now to the first of these seconds.
AHEAD = 5
#: Milliseconds that a start may come after its second.
MAX_LAG = 5_000
#: Seconds until a time-out is noticed at the latest, by a tick a minute, and until the next attempt runs.
NOTICED = 90.0


def _first_start(run: Run, job_id: int) -> int | None:
    """When the first attempt of a job started, by the service's clock."""
    return next((change["at"] for change in run.details(job_id)["history"] if change["to"] == "running"), None)


@TIMING.add(f"{JOBS} jobs start on their chosen seconds by the service's clock, none early", aws_only=True)
def _on_the_second(run: Run) -> str:
    second = now() // 1000 + AHEAD
    due = {}
    run.notes["stopped"] = run.job(startAt=(second + 2) * 1000)["jobId"]
    for number in range(JOBS):
        start_at = (second + number // TOGETHER) * 1000
        due[run.job(startAt=start_at)["jobId"]] = start_at
    data(run.cancel(run.notes["stopped"]), 200)
    run.sleep(max(max(due.values()) - now(), 0) / 1000 + 1)
    starts = {job_id: run.wait(partial(_first_start, run, job_id), 30, "no start") for job_id in due}
    lags = [starts[job_id] - due[job_id] for job_id in due]
    figure = f"p50 {percentile(lags, 0.5)} ms, p99 {percentile(lags, 0.99)} ms, earliest {min(lags)} ms"
    expect(min(lags) >= 0, f"one started early: {figure}")
    expect(max(lags) <= MAX_LAG, figure)
    return figure


@TIMING.add("A job that is cancelled before its second stays cancelled")
def _stays_cancelled(run: Run) -> str:
    if "stopped" not in run.notes:
        raise Unproven("no job was made for it")
    job = run.details(run.notes["stopped"])
    expect(now() > job["startAt"] + 1000, "its second has not come")
    changes = [change["to"] for change in job["history"]]
    expect(changes == ["scheduled", "cancelled"], f"its history is {', '.join(changes)}")
    return f"{(now() - job['startAt']) / 1000:.0f} s after its second"


def _lost(run: Run) -> tuple[int, int]:
    """Two jobs that nobody reports on, with one attempt and with two; made once."""
    if not run.options.long:
        raise Unproven("LONG=1 waits for it, for up to two minutes")
    if "lost" not in run.notes:
        once, twice = (run.job(startAt=now(), timeoutSeconds=1, maxAttempts=attempts) for attempts in (1, 2))
        run.notes["lost"] = (once["jobId"], twice["jobId"])
    lost: tuple[int, int] = run.notes["lost"]
    return lost


@TIMING.add("A job that nobody reports on is failed by its time-out", aws_only=True)
def _times_out(run: Run) -> str:
    job = run.wait_for(_lost(run)[0], "failed", NOTICED)
    return f"noticed {(job['history'][-1]['at'] - job['startedAt']) / 1000:.1f} s after its start: {job['errors']}"


@TIMING.add("A job with two attempts is started again after its first is lost", aws_only=True)
def _starts_again(run: Run) -> str:
    job_id = _lost(run)[1]

    def look() -> list[int]:
        return [one["at"] for one in run.details(job_id)["history"] if one["to"] == "running"][1:]

    again = run.wait(look, NOTICED, "no second attempt")
    return f"{(again[0] - run.details(job_id)['createdAt']) / 1000:.1f} s after its creation"
