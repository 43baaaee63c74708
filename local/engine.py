"""The container engine that `sam local` uses, and how its containers find this machine.

The emulator listens on 127.0.0.1. Where containers share the machine's network that is theirs as well; in the virtual
machine of a desktop engine a name leads to it; behind a bridge on Linux nothing does, and whoever runs it has to ask
for the bridge's own address to be listened on too, which this machine and its containers know.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import docker
from docker.errors import DockerException, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = "127.0.0.1"
#: What desktop engines call the machine that they run on; its 127.0.0.1 is reached by it.
DESKTOP = "host.docker.internal"

#: Seconds; it is asked on this machine as a rule.
ANSWERS_WITHIN = 10


class ThisMachine(NamedTuple):
    """This machine as containers see it."""

    name: str
    #: The address to listen on so that they reach it by that name.
    address: str = HOST


def answers() -> bool:
    """Whether there is an engine, where `DOCKER_HOST` or Docker's default says."""
    try:
        with _client() as client:
            return bool(client.ping())
    except DockerException:
        return False


def this_machine(asked: str) -> ThisMachine:
    """How containers call this machine: as `asked`, or as the engine's default network tells.

    Raises:
        ConnectionError: no engine answers.
    """
    if asked:
        return as_asked(asked)
    try:
        return as_seen_from(_bridge())
    except DockerException as error:
        raise ConnectionError(str(error)) from error


def as_asked(name: str) -> ThisMachine:
    """A name is only told to containers; an address of this machine is listened on."""
    return ThisMachine(name, name) if _is_ours(name) else ThisMachine(name)


def as_seen_from(bridge: Mapping[str, Any] | None) -> ThisMachine:
    """This machine from behind the engine's default network; None where the engine has none but the machine's own."""
    if bridge is None:
        return ThisMachine(HOST)
    for configured in bridge["IPAM"]["Config"] or []:
        # Docker tells the gateway of the network that it makes by itself only sometimes; it is the first address.
        gateway = configured.get("Gateway") or str(ipaddress.ip_network(configured["Subnet"])[1])
        if _is_ours(gateway):
            return ThisMachine(gateway, gateway)
    return ThisMachine(DESKTOP)


def _bridge() -> Mapping[str, Any] | None:
    with _client() as client:
        try:
            attributes: Mapping[str, Any] = client.networks.get("bridge").attrs
        except NotFound:
            return None
    return attributes


def _client() -> contextlib.closing[Any]:
    return contextlib.closing(docker.from_env(timeout=ANSWERS_WITHIN))


def _is_ours(address: str) -> bool:
    """Whether it is an IPv4 address of this machine, to which a server can be bound."""
    try:
        ipaddress.IPv4Address(address)
        with socket.socket() as probe:
            probe.bind((address, 0))
    except (ValueError, OSError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(not answers())
