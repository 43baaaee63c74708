"""What cannot be shown from outside. It is listed, so that nobody takes the run for more than it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.verify.report import Claims, Unproven

if TYPE_CHECKING:
    from cli.verify.report import Check

UNSEEN = Claims()
REASONS = {
    "Jobs that are due together start by PartiQL, several in one call": "a caller sees the start, not the call that"
    " made it; make run starts one by one",
    "Fair queues give each tenant its turn": "a caller does not see the group ids of messages",
    "Alarms go off and reach their topic": "look at them in CloudWatch after the event that is not valid",
    "The table is restored from its backups": "restore a copy as docs/operations.md says",
    "Rows, keys and logs are deleted when their time has come": "it takes days",
    "A key of your own encrypts the table": "a caller does not see it",
    "DynamoDB's partitions bear the load": "it takes more load than a verification may make",
    "Changes that cannot be published are kept in their bucket": "it takes a fault of the bus",
    "A signed address expires": "it takes a quarter of an hour",
    "Files of jobs are deleted after ArtifactDays": "it takes days",
    "What the service costs": "the bill says it",
}


def _cannot(reason: str) -> Check:
    def check(_: object) -> str:
        raise Unproven(reason)

    return check


for _claim, _reason in REASONS.items():
    UNSEEN.add(_claim)(_cannot(_reason))
