"""The runbook for changes that were not published, run on an object of the shape that Lambda documents."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

from tests.architecture.project import ROOT
from tests.integration.conftest import service
from tests.integration.test_events import NONE_FAILED, bus

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.test_events import Bus

__all__ = ["bus", "service"]  # fixtures, which pytest finds by their names here

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
[COMMANDS] = [block for block in re.findall(r"```sh\n(.*?)```", OPERATIONS, re.DOTALL) if "failed.json" in block]
EVENT = (ROOT / "events" / "publish_changes" / "created.json").read_text()

#: What Lambda writes of a batch that failed, by its documentation: the batch is text.
FAILED = {
    "requestContext": {
        "requestId": "c9b8fa9f-5a7f-xmpl-af9c-0c604cde93a5",
        "functionArn": "arn:aws:lambda:eu-west-1:111122223333:function:jobs-PublishChangesFunction-1",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 101,
    },
    "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
    "version": "1.0",
    "timestamp": "2026-11-14T00:13:49.717Z",
    "DDBStreamBatchInfo": {
        "shardId": "shardId-00000001573689847184-864758bb",
        "startSequenceNumber": "800000000003126276362",
        "endSequenceNumber": "800000000003126276362",
        "approximateArrivalOfFirstRecord": "2026-11-14T00:13:19Z",
        "approximateArrivalOfLastRecord": "2026-11-14T00:13:19Z",
        "batchSize": 1,
        "streamArn": "arn:aws:dynamodb:eu-west-1:111122223333:table/jobs/stream/2026-11-14T00:04:06.388",
    },
    "payload": EVENT,
}


def test_a_batch_that_was_kept_is_taken_out_and_published_again(tmp_path: Path, bus: Bus) -> None:
    (tmp_path / "failed.json").write_text(json.dumps(FAILED))
    [take_out] = [line for line in COMMANDS.splitlines() if "> payload.json" in line]

    subprocess.run(["sh", "-ec", take_out], cwd=tmp_path, check=True)
    answer = bus.service.invoke("publish_changes", json.loads((tmp_path / "payload.json").read_text()))

    assert len(bus.entries) == 1
    assert answer == NONE_FAILED
    assert f"`{json.dumps(NONE_FAILED)}`" in OPERATIONS


def test_the_only_copy_is_removed_last() -> None:
    calls = [line.split()[1:3] for line in COMMANDS.splitlines() if line.startswith("aws ")]

    assert calls == [["s3", "ls"], ["s3", "cp"], ["lambda", "invoke"], ["s3", "rm"]]
    assert "--payload fileb://payload.json" in COMMANDS
