"""`python -m local.environment` (`make env`): lines for a shell that is to talk to what `make run` runs.

`eval "$(make -s env)"` lets `aws`, `jobs`, `jobs-admin` and a worker find it without an option.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local.settings import Settings, shown

if TYPE_CHECKING:
    from local.demo import Demo

#: What would lead the AWS command line elsewhere.
UNSET = ("AWS_PROFILE", "AWS_SESSION_TOKEN")


def running() -> Demo | None:
    """What `make run` wrote; None, and a line that says what to do, if it does not run."""
    demo_file = Settings.from_environment().demo_file
    try:
        demo: Demo = json.loads(demo_file.read_text())
    except (OSError, ValueError):
        print(f"There is no {shown(demo_file)}: start `make run` in another terminal first.", file=sys.stderr)
        return None
    return demo


def of_aws(demo: Demo) -> dict[str, str]:
    """The variables by which an AWS SDK or the AWS command line finds the embedded AWS."""
    return {
        "AWS_ENDPOINT_URL": demo["awsEndpoint"],
        "AWS_ACCESS_KEY_ID": demo["awsAccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": demo["awsSecretAccessKey"],
        "AWS_DEFAULT_REGION": demo["region"],
        "AWS_REGION": demo["region"],
    }


def of_jobs(demo: Demo) -> dict[str, str]:
    """The variables of `jobs`, `jobs-admin` and the worker kit, and those of the pages in docs/."""
    return {
        "JOBS_URL": demo["baseUrl"],
        "JOBS_PROJECT": demo["projectKey"],
        "JOBS_KEY": demo["apiKey"],
        "JOBS_TABLE": demo["tableName"],
        "JOBS_EVENT_BUS": demo["busName"],
        "JOBS_SESSIONS_BUCKET": demo["sessionsBucket"],
        "JOBS_INGEST_QUEUE_URL": demo["ingestQueueUrl"],
        "JOBS_REFUSED_QUEUE_URL": demo["refusedQueueUrl"],
        "JOBS_CLIENT": f"{demo['admin']['clientId']}:{demo['admin']['clientSecret']}",
        "JOBS_WORKFLOW": demo["workflowId"],
    }


def main() -> int:
    """Print the lines, and return the exit status."""
    if (demo := running()) is None:
        return 1
    for name, value in (of_aws(demo) | of_jobs(demo)).items():
        print(f"export {name}={shlex.quote(value)}")
    print(f"unset {' '.join(UNSET)}")
    programs = shlex.quote(str(Path(sys.executable).parent))
    print(f'export PATH={programs}:"$PATH"')
    # bash and zsh have a word `jobs` of their own, which comes before any program but not before a function
    print(f'jobs() {{ {programs}/jobs "$@"; }}')
    return 0


if __name__ == "__main__":
    sys.exit(main())
