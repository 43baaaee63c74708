"""A worker that writes a report step by step, and attaches it. `make worker` runs it beside `make run`.

Its parameters: `steps` take half a second each (default 10), `busy` fails the first attempt, and the `month` that is
`never` fails for good.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jobs_worker import Fatal, Job, Retry, Worker

worker = Worker(cancel_every=2)


@worker.action("export_report")
def export(job: Job) -> list[dict[str, Any]]:
    """Write the report that a job asks for."""
    steps = int(job.params.get("steps", 10))
    if job.params.get("month") == "never":
        raise Fatal("there is no such month")
    if job.params.get("busy") and job.attempt == 1:
        raise Retry("the warehouse is busy", after=2)
    with TemporaryDirectory() as folder, Path(folder, "report.csv").open("w") as report:
        for step in range(1, steps + 1):
            time.sleep(0.5)
            report.write(f"{step}\n")
            job.progress(100 * step / steps, f"{step} of {steps}")
        report.flush()
        job.attach("report.csv", report.name)
    return [{"rows": steps}]


handler = worker.handler
