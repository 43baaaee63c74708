"""`make run` starts, stops, and is gone without a trace. Each test starts stacks of its own."""

from __future__ import annotations

import signal
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.e2e.embedded import STOPS_WITHIN, far_ahead, is_alive

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.embedded import Embedded

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("name", ["PORT", "AWS_PORT"])
def test_a_port_in_use_is_one_clear_line(another: Callable[..., Embedded], name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = another(**{name: str(port)})
        refused.launch()
        code = refused.process.wait(STOPS_WITHIN)

    assert code == 1
    assert len(refused.output.splitlines()) == 1
    assert refused.output.startswith(f"127.0.0.1:{port}: ")
    assert f"Set {name} " in refused.output
    assert list(refused.scratch.iterdir()) == []


@pytest.mark.parametrize("name", ["PORT", "AWS_PORT"])
@pytest.mark.parametrize("port", ["65536", "-1", "x", "٨٠"])
def test_what_is_no_port_is_one_clear_line(another: Callable[..., Embedded], name: str, port: str) -> None:
    refused = another(**{name: port})
    refused.launch()

    assert refused.process.wait(STOPS_WITHIN) == 1
    assert refused.output == f"{name} is not a port: {port}\n"


def test_the_embedded_aws_is_on_the_port_that_was_asked_for(another: Callable[..., Embedded]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    asked = another(AWS_PORT=str(port))
    asked.start()

    assert asked.demo["awsEndpoint"] == f"http://127.0.0.1:{port}"
    assert asked.aws("sts").get_caller_identity()["Account"] == asked.demo["awsAccessKeyId"]
    asked.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.3])
def test_a_signal_during_the_start_leaves_nothing_behind(
    another: Callable[..., Embedded], number: int, seconds: float
) -> None:
    interrupted = another()
    interrupted.launch()
    while not list(interrupted.scratch.iterdir()):
        time.sleep(0.01)
    time.sleep(seconds)
    children = interrupted.children()

    interrupted.process.send_signal(number)

    assert interrupted.process.wait(STOPS_WITHIN) == 0
    assert [child for child in children if is_alive(child)] == []
    assert list(interrupted.scratch.iterdir()) == []
    assert not interrupted.demo_file.exists()


def test_persist_keeps_jobs_and_keys_and_the_service_goes_on_with_them(another: Callable[..., Embedded]) -> None:
    kept = another(PERSIST="1")
    kept.start()
    first = kept.demo
    tenant = kept.new_tenant()
    tenant.create(startAt=far_ahead())
    tenant.call("DELETE", f"{tenant.v1}/users/someone")
    before = tenant.call("GET", f"{tenant.v1}/jobs").text
    kept.stop()
    assert kept.demo_file.exists()

    kept.start()
    again = replace(tenant, base_url=kept.base_url)
    after = again.call("GET", f"{again.v1}/jobs").text
    job = again.create()
    deadline = time.monotonic() + 10
    while again.details(job["jobId"])["status"] == "scheduled":
        assert time.monotonic() < deadline, "nothing starts after a restart"
        time.sleep(0.1)
    second = kept.demo
    kept.stop()

    queues = {"ingestQueueUrl", "refusedQueueUrl"}
    assert all(second[name].startswith(f"{second['awsEndpoint']}/") for name in queues)
    moved = {"baseUrl", "awsEndpoint", *queues}
    assert {name: first[name] for name in first if name not in moved} == {
        name: second[name] for name in second if name not in moved
    }
    assert after == before
    assert job["jobId"] == 3
