"""The faults are those of networks: what sockets do to botocore gives the same errors."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.proofs.faults.injection import NETWORK, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.awsrequest import AWSPreparedRequest

    Serve = Callable[[socket.socket], None]

ANSWER = b'{"Item": {"pk": {"S": "1#0"}}}'
HEAD = b"HTTP/1.1 %d\r\nContent-Length: %d\r\n\r\n"


def reset(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def keep_silent(connection: socket.socket) -> None:
    while connection.recv(1 << 16):
        pass  # until the caller gives up


def cut_off(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(HEAD % (200, len(ANSWER)) + ANSWER[:20])


def fail_without_a_body(status: int) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(HEAD % (status, 0))

    return serve


#: What to do with a connection, for the faults that this machine can produce; None means that nobody listens.
SOCKETS: dict[str, Serve | None] = {
    "connection refused": None,
    "connection reset": reset,
    "answer late": keep_silent,
    "answer cut off": cut_off,
    "500 without a body": fail_without_a_body(500),
    "503 without a body": fail_without_a_body(503),
}


@contextmanager
def listening(serve: Serve | None) -> Iterator[str]:
    """A server for one connection, or the address of none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        if serve is None:
            server.close()
            yield url
            return

        def accept() -> None:
            connection, _ = server.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield url
        thread.join()


def told(url: str, act: Callable[[AWSPreparedRequest], Any] | None = None) -> tuple[type[Exception], Any]:
    """What botocore reports about one try of a call: the error and, if AWS has answered, its code."""
    config = Config(connect_timeout=1, read_timeout=0.2, retries={"total_max_attempts": 1}, proxies={})
    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )
    if act is not None:
        client.meta.events.register("before-send", lambda request, **_: act(request))
    with pytest.raises((BotoCoreError, ClientError)) as caught:
        client.get_item(TableName="jobs", Key={"pk": {"S": "1#0"}, "sk": {"S": "1"}})
    response = getattr(caught.value, "response", None) or {}
    return type(caught.value), response.get("Error", {}).get("Code")


@pytest.mark.parametrize("fault", [fault for fault in NETWORK if fault.name in SOCKETS], ids=str)
def test_a_fault_is_told_as_botocore_tells_what_a_socket_does(fault: Any) -> None:
    with listening(SOCKETS[fault.name]) as url:
        real = told(url)

    injected = told(url, lambda http: fault.act(Request("dynamodb", "GetItem", 0, http), lambda: None))

    assert injected == real


def test_no_fault_that_a_socket_can_make_is_left_out() -> None:
    assert SOCKETS.keys() <= {fault.name for fault in NETWORK}
