"""What the worker reports, tried without AWS."""

import pytest
from jobs_worker.testing import run

from examples.worker.export import worker


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in no time."""
    monkeypatch.setattr("time.sleep", lambda _: None)


def test_a_report_has_a_row_for_each_step() -> None:
    ran = run(worker, "export_report", {"steps": 3})

    assert (ran.outcome, ran.outputs) == ("completed", [{"rows": 3}, {"artifact": "report.csv"}])
    assert ran.files == {"report.csv": b"1\n2\n3\n"}


def test_a_busy_warehouse_is_tried_again() -> None:
    assert run(worker, "export_report", {"steps": 1, "busy": True}).retry_after == 2
    assert run(worker, "export_report", {"steps": 1, "busy": True}, attempt=2).outcome == "completed"


def test_a_month_that_never_comes_is_not_tried_again() -> None:
    assert not run(worker, "export_report", {"month": "never"}).retryable
