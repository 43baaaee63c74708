"""Checks all claims, ends the jobs that it made, and says what came out."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from cli.verify import options
from cli.verify.alteryx import ALTERYX
from cli.verify.artifacts import ARTIFACTS
from cli.verify.events import EVENTS
from cli.verify.openreplay import OPENREPLAY
from cli.verify.public import PUBLIC
from cli.verify.refusals import REFUSALS
from cli.verify.report import Claims, Report, Unproven, Verdict, Wrong, expect, judge
from cli.verify.service import ACTIVE, MAX_REQUESTS, Run, data
from cli.verify.timing import TIMING
from cli.verify.unseen import UNSEEN
from cli.verify.user_ids import USER_IDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Requests and seconds that remain for ending the jobs.
FOR_THE_END = 400
SECONDS_FOR_THE_END = 60
END = Claims()
SUBJECTS: Sequence[Claims] = (PUBLIC, OPENREPLAY, ALTERYX, REFUSALS, USER_IDS, EVENTS, ARTIFACTS, TIMING, UNSEEN)


@END.add("Every job that this run made has ended")
def _ended(run: Run) -> str:
    # whatever the checks have used up
    run.requests, run.deadline = min(run.requests, MAX_REQUESTS - FOR_THE_END), time.monotonic() + SECONDS_FOR_THE_END
    all_seen = _find_unseen(run)
    left = [str(job_id) for job_id in sorted(run.made) if not _end(run, job_id)]
    left += run.notes.get("v3 jobs", [])
    expect(not left, f"{len(left)} are left: jobs {', '.join(left)}")
    if not all_seen:
        raise Unproven(f"{len(run.made)} jobs have ended, and whether there are others was not seen")
    return f"{len(run.made)} jobs, 0 left"


def _find_unseen(run: Run) -> bool:
    """Find jobs of this run whose creation was not answered or was by an event; whether the service could be asked."""
    all_seen = True
    for query in (f"action={run.action}", "action=delete_user_data"):
        try:
            rows = data(run.call("GET", f"{run.public}/jobs?order=desc&limit=200&{query}"), 200)
        except (Unproven, Wrong):
            all_seen = False
            continue
        run.made |= {row["jobId"] for row in rows if run.mark in row["action"] + row["referenceId"]}
    return all_seen


def _end(run: Run, job_id: int) -> bool:
    """Cancel a job if it is active; whether it has ended."""
    try:
        run.cancel(job_id)
        return data(run.call("GET", f"{run.public}/jobs/{job_id}"), 200)["status"] not in ACTIVE
    except (Unproven, Wrong):
        return False


def verify(run: Run, report: Report) -> int:
    """Check all claims; 0 if none failed, else 1. What was made is ended, also after Ctrl-C."""
    try:
        for subject in SUBJECTS:
            for claim in subject:
                report.add(judge(claim, run))
    finally:
        for claim in END:
            report.add(judge(claim, run))
    return 1 if report.count(Verdict.FAILED) else 0


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Run the program and return the exit status: 0 if nothing failed, 1 if something did, 2 for wrong options."""
    try:
        wanted = options.read(environment)
    except ValueError as error:
        print(f"make verify: {error}", file=sys.stderr)
        return 2
    began = time.monotonic()
    run, report = Run(wanted), Report(lambda line: print(line, flush=True), wanted.secrets)
    try:
        code = verify(run, report)
    except KeyboardInterrupt:
        code = 1
    counts = ", ".join(f"{report.count(verdict)} {verdict.value}" for verdict in Verdict)
    print(f"{counts}; {run.requests} requests in {time.monotonic() - began:.0f} s")
    return code
