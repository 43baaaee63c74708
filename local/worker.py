"""`python -m local.worker FILE` (`make worker`): a worker beside a service that `make run` runs.

Without a file it is the worker of examples/worker. A file of your own has a `worker = Worker()` of the kit.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from jobs_worker import Worker

from local.environment import of_aws, of_jobs, running
from local.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.demo import Demo

EXAMPLE = ROOT / "examples" / "worker" / "export.py"
#: Seconds until a start comes again that a killed worker has left behind.
VISIBILITY = 30


def subscribe(demo: Demo, name: str, actions: Sequence[str]) -> str:
    """Have the starts of the actions put into a queue, as the example's template does; return the queue's address."""
    aws = boto3.Session(demo["awsAccessKeyId"], demo["awsSecretAccessKey"], region_name=demo["region"])
    client: Any = aws.client  # services are named by strings here
    sqs, events = (client(service, endpoint_url=demo["awsEndpoint"]) for service in ("sqs", "events"))
    url: str = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": str(VISIBILITY)})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {
        "source": ["jobs"],
        "detail-type": ["Job Started"],
        "detail": {"action": list(actions), "projectKey": [demo["projectKey"]]},
    }
    events.put_rule(Name=name, EventBusName=demo["busName"], EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, EventBusName=demo["busName"], Targets=[{"Id": name, "Arn": arn}])
    return url


def _loaded(file: Path) -> Worker:
    """The worker that a file has.

    Raises:
        ValueError: it has none, or one without an action.
    """
    sys.path.insert(0, str(file.parent))
    found = getattr(importlib.import_module(file.stem), "worker", None) if file.is_file() else None
    if not isinstance(found, Worker) or not found.actions:
        raise ValueError(f"{file} must be a file with `worker = Worker()` of jobs_worker, and an action")
    return found


def main(arguments: Sequence[str]) -> int:
    """Run the worker until it ends, and return its exit status."""
    file = Path(*arguments).resolve() if arguments else EXAMPLE
    if (demo := running()) is None:
        return 1
    try:
        actions = _loaded(file).actions
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    name = re.sub(r"[^A-Za-z0-9]+", "-", file.stem).strip("-")
    queue_url = subscribe(demo, f"worker-{name}", actions)
    print(f"The worker does the jobs of {', '.join(actions)}. Ctrl-C ends it.", flush=True)
    told = {"JOBS_SOURCE": f"com.example.{name}", "JOBS_KEY": demo["workerKey"], "JOBS_QUEUE_URL": queue_url}
    command = [sys.executable, "-m", "jobs_worker.container", "run", f"{file.stem}:worker", "--wait", "1"]
    os.chdir(file.parent)
    # It becomes the worker, so that a signal reaches that.
    return os.execve(sys.executable, command, os.environ | of_aws(demo) | of_jobs(demo) | told)  # noqa: S606  # our own command


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
