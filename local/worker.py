"""`python -m local.worker` (`make worker`): the worker of examples/worker, beside a service that `make run` runs."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import boto3

from local.settings import ROOT, Settings, shown

if TYPE_CHECKING:
    from local.demo import Demo

ACTION = "export_report"
QUEUE = "example-worker"
#: Seconds until a start comes again that a killed worker has left behind.
VISIBILITY = 30


def subscribe(demo: Demo) -> str:
    """Have the starts of the action put into a queue, as the example's template does; return the queue's address."""
    aws = boto3.Session(demo["awsAccessKeyId"], demo["awsSecretAccessKey"], region_name=demo["region"])
    client: Any = aws.client  # services are named by strings here
    sqs, events = (client(name, endpoint_url=demo["awsEndpoint"]) for name in ("sqs", "events"))
    url: str = sqs.create_queue(QueueName=QUEUE, Attributes={"VisibilityTimeout": str(VISIBILITY)})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {
        "source": ["jobs"],
        "detail-type": ["Job Started"],
        "detail": {"action": [ACTION], "projectKey": [demo["projectKey"]]},
    }
    events.put_rule(Name=QUEUE, EventBusName=demo["busName"], EventPattern=json.dumps(pattern))
    events.put_targets(Rule=QUEUE, EventBusName=demo["busName"], Targets=[{"Id": QUEUE, "Arn": arn}])
    return url


def environment(demo: Demo, queue_url: str) -> dict[str, str]:
    """What a worker's process needs: the embedded AWS, and the settings of the kit."""
    return {
        "AWS_ENDPOINT_URL": demo["awsEndpoint"],
        "AWS_ACCESS_KEY_ID": demo["awsAccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": demo["awsSecretAccessKey"],
        "AWS_DEFAULT_REGION": demo["region"],
        "JOBS_EVENT_BUS": demo["busName"],
        "JOBS_SOURCE": "com.example.export",
        "JOBS_URL": demo["baseUrl"],
        "JOBS_KEY": demo["workerKey"],
        "JOBS_QUEUE_URL": queue_url,
    }


def main() -> int:
    """Run the worker until it ends, and return its exit status."""
    demo_file = Settings.from_environment().demo_file
    try:
        demo: Demo = json.loads(demo_file.read_text())
    except (OSError, ValueError):
        print(f"There is no {shown(demo_file)}: start `make run` in another terminal first.", file=sys.stderr)
        return 1
    queue_url = subscribe(demo)
    print(f"The worker does the jobs of {ACTION}. Ctrl-C ends it.", flush=True)
    command = [sys.executable, "-m", "jobs_worker.container", "run", "export:worker"]
    os.chdir(ROOT / "examples" / "worker")
    # It becomes the worker, so that a signal reaches that.
    return os.execve(sys.executable, command, os.environ | environment(demo, queue_url))  # noqa: S606  # our own command


if __name__ == "__main__":
    sys.exit(main())
