"""What is verified and with which keys, from the environment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_URL = "http://127.0.0.1:8080"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Account:
    """Where the events and queues of the stack are."""

    stack: str
    region: str
    profile: str | None = None
    #: Those of the embedded AWS; on AWS itself the SDK finds its own.
    endpoint: str | None = None
    keys: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What is verified."""

    url: str
    key: str
    project: str
    #: Id and secret of a client for Alteryx v3.
    client: tuple[str, str] | None = None
    #: A workflow that may be run.
    workflow: str | None = None
    account: Account | None = None
    #: Wait minutes for time-outs.
    long: bool = False
    #: Send a burst.
    load: bool = False

    @property
    def loopback(self) -> bool:
        """Whether the service runs on this machine, which means on the emulator."""
        return urlsplit(self.url).hostname in LOOPBACK

    @property
    def secrets(self) -> list[str]:
        """What must never be printed."""
        keys = self.account.keys if self.account and self.account.keys else ()
        return [secret for secret in (self.key, *(self.client or ())[1:], *keys) if secret]


def read(environment: Mapping[str, str], root: Path = ROOT) -> Options:
    """Read URL, KEY, PROJECT, CLIENT, WORKFLOW, PROFILE, STACK, REGION, LONG and LOAD.

    Without URL the service of `make run` is verified, with the keys that it wrote.

    Raises:
        ValueError: an option is missing or wrong; the text says which, and has no value of a key.
    """
    given = {name: value for name, value in environment.items() if value}
    demo = _demo(Path(given.get("JOBS_LOCAL_DIR") or root / ".local") / "demo.json")
    url = _checked(given.get("URL") or demo.get("baseUrl") or DEFAULT_URL)
    loopback = urlsplit(url).hostname in LOOPBACK
    if "URL" in given or url != demo.get("baseUrl"):
        demo = demo if loopback and url == demo.get("baseUrl") else {}
    # keys of `make run` are for its own project alone
    own = demo if "URL" not in given else {}
    key, project = given.get("KEY") or own.get("apiKey"), given.get("PROJECT") or own.get("projectKey")
    if not key or not project:
        raise ValueError("say URL, KEY and PROJECT, or start `make run` before")
    return Options(
        url,
        key,
        project,
        client=_client(given, own),
        workflow=given.get("WORKFLOW") or own.get("workflowId"),
        account=_embedded(given, demo) if loopback else _account(given),
        long=given.get("LONG") == "1",
        load=given.get("LOAD") == "1",
    )


def _demo(path: Path) -> dict[str, Any]:
    """What `make run` wrote; empty if it does not run."""
    try:
        demo: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return demo


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = parts.hostname and parts.scheme in {"http", "https"} and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment or parts.username:
        raise ValueError("URL has another form than https://host")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("URL must begin with https, or keys go out in clear")
    return url.rstrip("/")


def _client(given: Mapping[str, str], demo: Mapping[str, Any]) -> tuple[str, str] | None:
    if "CLIENT" in given:
        client_id, colon, secret = given["CLIENT"].partition(":")
        if not (client_id and colon and secret):
            raise ValueError("CLIENT wants id:secret")
        return client_id, secret
    admin = demo.get("admin")
    return (admin["clientId"], admin["clientSecret"]) if admin else None


def _account(given: Mapping[str, str]) -> Account | None:
    if "STACK" not in given and "PROFILE" not in given:
        return None
    if "STACK" not in given or "REGION" not in given:
        raise ValueError("say STACK=name and REGION=region for the checks of events")
    return Account(given["STACK"], given["REGION"], given.get("PROFILE"))


def _embedded(given: Mapping[str, str], demo: Mapping[str, Any]) -> Account | None:
    """The account of the embedded AWS; no other can be behind a service on this machine."""
    if "STACK" in given or "PROFILE" in given:
        raise ValueError("STACK and PROFILE go with the URL of a deployed stack")
    if not demo:
        return None
    if urlsplit(demo["awsEndpoint"]).hostname not in LOOPBACK:
        raise ValueError("the awsEndpoint of demo.json is not on this machine")
    keys = (demo["awsAccessKeyId"], demo["awsSecretAccessKey"])
    return Account(demo["stackName"], demo["region"], endpoint=demo["awsEndpoint"], keys=keys)
