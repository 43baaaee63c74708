"""The container engine that `sam local` uses, and how its containers find this machine.

The emulator listens on 127.0.0.1. Containers that share the machine's network reach it there. In the virtual machine of
a desktop engine they reach it by a name. Behind a bridge on Linux they cannot reach it: the user has to set
`EMULATOR_HOST` to the bridge's own address, and the emulator then listens there too.
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
#: The name by which containers of desktop engines reach 127.0.0.1 of this machine.
DESKTOP = "host.docker.internal"

#: Seconds; the engine usually runs on this machine.
ANSWERS_WITHIN = 10


class ThisMachine(NamedTuple):
    """This machine as containers see it."""

    name: str
    #: The address to listen on so that they reach it by that name.
    address: str = HOST


def answers() -> bool:
    """Whether an engine answers at `DOCKER_HOST` or at Docker's default address."""
    try:
        with _client() as client:
            return bool(client.ping())
    except DockerException:
        return False


def this_machine(asked: str) -> ThisMachine:
    """How containers call this machine: as `asked`, or as the engine's default network shows.

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
    """Containers are told the name; the emulator also listens on it if it is an address of this machine."""
    return ThisMachine(name, name) if _is_ours(name) else ThisMachine(name)


def as_seen_from(bridge: Mapping[str, Any] | None) -> ThisMachine:
    """This machine as the engine's default network shows it; `None` if containers share the machine's network."""
    if bridge is None:
        return ThisMachine(HOST)
    for configured in bridge["IPAM"]["Config"] or []:
        # Docker does not always show the gateway of its own network. It is the first address.
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
    """Whether a server on this machine can listen on the IPv4 address."""
    try:
        ipaddress.IPv4Address(address)
        with socket.socket() as probe:
            probe.bind((address, 0))
    except (ValueError, OSError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(not answers())
