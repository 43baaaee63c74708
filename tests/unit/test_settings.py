"""Reading the environment."""

from __future__ import annotations

import pytest
from jobs.runtime.settings import Settings


def test_a_table_is_all_that_must_be_told() -> None:
    assert Settings.from_environment({"JOBS_TABLE": "jobs"}) == Settings(
        table="jobs", start_queue_url="", shards=32, start_batch=1, credential_cache_seconds=30
    )


def test_everything_can_be_told() -> None:
    environment = {
        "JOBS_TABLE": "jobs",
        "START_QUEUE_URL": "https://sqs.example.com/1/start",
        "EVENT_BUS_NAME": "bus",
        "SESSIONS_BUCKET": "sessions",
        "WORKER_QUEUE_URL": "https://sqs.example.com/1/worker",
        "INGEST_QUEUE_URL": "https://sqs.example.com/1/ingest",
        "INGEST_DEAD_LETTER_QUEUE_URL": "https://sqs.example.com/1/dead",
        "ACCOUNT_ID": "111122223333",
        "SHARD_COUNT": "64",
        "START_BATCH_SIZE": "25",
        "CREDENTIAL_CACHE_SECONDS": "0",
    }

    assert Settings.from_environment(environment) == Settings(
        table="jobs",
        start_queue_url="https://sqs.example.com/1/start",
        event_bus="bus",
        sessions_bucket="sessions",
        worker_queue_url="https://sqs.example.com/1/worker",
        ingest_queue_url="https://sqs.example.com/1/ingest",
        ingest_dead_letter_queue_url="https://sqs.example.com/1/dead",
        account_id="111122223333",
        shards=64,
        start_batch=25,
        credential_cache_seconds=0,
    )


@pytest.mark.parametrize(
    ("environment", "error"),
    [
        ({}, KeyError),
        ({"JOBS_TABLE": "jobs", "SHARD_COUNT": "many"}, ValueError),
        ({"JOBS_TABLE": "jobs", "START_BATCH_SIZE": "all"}, ValueError),
        ({"JOBS_TABLE": "jobs", "CREDENTIAL_CACHE_SECONDS": ""}, ValueError),
    ],
)
def test_a_setting_that_is_missing_or_no_number_stops_the_function(
    environment: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        Settings.from_environment(environment)
