"""Which service, project and key: from an option, the environment, the file of profiles, or the demo of `make run`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from cli.client.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
CHECKOUT = Path(__file__).parents[2]
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: What a header and a path carry as it is.
_WORD = re.compile(r"[!-~]{1,512}")
NOTHING_SET = "no service is known: start one with `make run`, or name yours with `jobs login`"
FIELDS = ("url", "project", "key")


@dataclass(frozen=True, slots=True)
class Profile:
    """One project of one service, and the key that opens it."""

    url: str
    project: str
    #: Kept out of every text that is made of a profile.
    key: str = field(repr=False)
    #: Where it is from, for people.
    source: str = ""


def checked(url: Any, project: Any, key: Any, source: str) -> Profile:
    """Check the parts of a profile. Nothing that is wrong in a key is told.

    Raises:
        WrongUsage: a part is missing or malformed, or the key would go out in clear text.
    """
    for name, value in zip(FIELDS, (url, project, key), strict=True):
        if not isinstance(value, str) or not _WORD.fullmatch(value):
            raise WrongUsage(f"{source}: the {name} is missing or has characters that it cannot have")
    if "/" in project or "?" in project or "#" in project or "%" in project:
        raise WrongUsage(f"{source}: the project is its key, such as jobs-admin prints it")
    try:
        parts = urlsplit(url)
        httpx.URL(url)
        known = parts.hostname and parts.scheme in {"http", "https"} and (parts.port is None or parts.port > 0)
    except (ValueError, httpx.InvalidURL):
        known = False
    if not known or parts.query or parts.fragment or "@" in parts.netloc:
        raise WrongUsage(f"{source}: the url must look like https://host")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise WrongUsage(f"{source}: the url must begin with https, or the key goes out in clear text")
    return Profile(url.rstrip("/"), project, key, source)


class Profiles:
    """The file of profiles, readable by its owner alone."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        home = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        self.path = Path(home) / "jobs" / "config.toml"
        self._content = self._read()

    def _read(self) -> dict[str, Any]:
        try:
            if os.name == "posix" and self.path.stat().st_mode & 0o077:
                raise WrongUsage(f"others can read the keys in {self.path}: run chmod 600 on it")
            content = tomllib.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            content = {}
        except (OSError, ValueError) as error:
            raise WrongUsage(f"{self.path} cannot be read ({type(error).__name__}): mend or remove it") from None
        listed = content.get("profiles", {})
        if not isinstance(listed, dict) or not all(isinstance(profile, dict) for profile in listed.values()):
            raise WrongUsage(f"{self.path}: each profile must be a table such as [profiles.work]")
        return content

    @property
    def default(self) -> str | None:
        """The name of the profile that is used unless another is named."""
        name = self._content.get("default")
        return name if isinstance(name, str) else None

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._content.get("profiles", {}))

    def get(self, name: str) -> Profile:
        """One profile.

        Raises:
            WrongUsage: no profile has this name, or it is malformed.
        """
        found = self._content.get("profiles", {}).get(name)
        if found is None:
            raise WrongUsage(f"there is no profile {name!r}: `jobs profile` lists them, `jobs login` makes one")
        url, project, key = (found.get(part) for part in FIELDS)
        return checked(url, project, key, f"profile {name}")

    def put(self, name: str, profile: Profile) -> None:
        """Write a profile and make it the default."""
        if not NAME.fullmatch(name):
            raise WrongUsage("a profile's name has up to 64 letters, digits, - and _")
        kept = {other: self.get(other) for other in self if other != name}
        self._write(name, {**kept, name: profile})

    def use(self, name: str) -> None:
        """Make a profile the default."""
        self.get(name)
        self._write(name, {other: self.get(other) for other in self})

    def _write(self, default: str, profiles: Mapping[str, Profile]) -> None:
        """Replace the file in one step, so that a full disk leaves the old one."""
        lines = [f"default = {json.dumps(default)}"]
        for name, profile in profiles.items():
            values = (profile.url, profile.project, profile.key)
            lines += ["", f"[profiles.{name}]"]
            lines += [f"{part} = {json.dumps(value)}" for part, value in zip(FIELDS, values, strict=True)]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # made with mode 0600
            handle, scratch = tempfile.mkstemp(dir=self.path.parent, prefix=".config-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write("\n".join([*lines, ""]))
                Path(scratch).replace(self.path)
            except OSError:
                with contextlib.suppress(OSError):
                    Path(scratch).unlink()
                raise
        except OSError as error:
            raise WrongUsage(f"{self.path} cannot be written: {error.strerror}") from None


def resolve(named: str | None, environment: Mapping[str, str], folder: Path) -> Profile:
    """Find the service: a named profile, the environment, `JOBS_PROFILE`, the default profile, the demo.

    An address and a key belong together, so that no key goes to another service. `JOBS_PROJECT` alone replaces the
    project of what is found.

    Raises:
        WrongUsage: nothing is set, or what is set is wrong.
    """
    url, key, project = (environment.get(name, "") for name in ("JOBS_URL", "JOBS_KEY", "JOBS_PROJECT"))
    found = None
    if named is None and (url or key):
        if not (url and key and project):
            raise WrongUsage("set JOBS_URL, JOBS_PROJECT and JOBS_KEY together")
        return checked(url, project, key, "the environment")
    profiles = Profiles(environment)
    name = named or environment.get("JOBS_PROFILE") or profiles.default
    found = profiles.get(name) if name else _demo(folder)
    if found is None:
        raise WrongUsage(NOTHING_SET)
    return checked(found.url, project, found.key, found.source) if project and named is None else found


def _demo(folder: Path) -> Profile | None:
    """What `make run` wrote for programs, here or in the checkout."""
    for root in dict.fromkeys((folder, CHECKOUT)):
        path = root / ".local" / "demo.json"
        try:
            demo = json.loads(path.read_text(encoding="utf-8"))
            found = demo["baseUrl"], demo["projectKey"], demo["apiKey"]
        except OSError:
            continue
        except (ValueError, LookupError, TypeError):
            raise WrongUsage(f"{path} is not what `make run` writes: remove it") from None
        return checked(*found, "the demo of make run")
    return None
