"""Reading the environment."""

from __future__ import annotations

from operator import attrgetter

import pytest
from jobs.runtime.settings import IngestSettings, Settings, TableSettings

ENVIRONMENT = {
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


def test_the_table_s_name_is_all_that_must_be_told_of_it() -> None:
    assert Settings({"JOBS_TABLE": "jobs"}).table == TableSettings("jobs", 32, 1, 30)


def test_everything_can_be_told() -> None:
    settings = Settings(ENVIRONMENT)

    assert settings.table == TableSettings("jobs", 64, 25, 0)
    assert settings.start_queue_url == "https://sqs.example.com/1/start"
    assert settings.event_bus == "bus"
    assert settings.sessions_bucket == "sessions"
    assert settings.worker_queue_url == "https://sqs.example.com/1/worker"
    assert settings.ingest == IngestSettings(
        "https://sqs.example.com/1/ingest", "https://sqs.example.com/1/dead", "111122223333"
    )


@pytest.mark.parametrize(
    ("group", "variable"),
    [
        ("table", "JOBS_TABLE"),
        ("start_queue_url", "START_QUEUE_URL"),
        ("event_bus", "EVENT_BUS_NAME"),
        ("sessions_bucket", "SESSIONS_BUCKET"),
        ("worker_queue_url", "WORKER_QUEUE_URL"),
        ("ingest", "INGEST_QUEUE_URL"),
        ("ingest", "INGEST_DEAD_LETTER_QUEUE_URL"),
        ("ingest", "ACCOUNT_ID"),
    ],
)
def test_a_variable_that_is_missing_is_named_by_whoever_needs_it(group: str, variable: str) -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if name != variable}

    with pytest.raises(KeyError, match=variable):
        attrgetter(group)(Settings(environment))


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SHARD_COUNT", "many"), ("START_BATCH_SIZE", "all"), ("CREDENTIAL_CACHE_SECONDS", "")],
)
def test_a_malformed_number_stops_the_function(variable: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"invalid literal|could not convert"):
        _ = Settings({**ENVIRONMENT, variable: value}).table
