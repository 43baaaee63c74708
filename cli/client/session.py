"""What all commands share: where the service is, how it is called, and the options that many of them have."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from cli.client.profiles import Profile, resolve
from cli.client.service import Service
from cli.terminal import Output

AsJson = Annotated[
    bool | None,
    typer.Option("--json/--table", help="Write JSON, or tables. Without it: tables on a terminal, JSON elsewhere."),
]
JobId = Annotated[int, typer.Argument(metavar="ID", min=1, help="The number of the job.")]
JobIds = Annotated[list[int], typer.Argument(metavar="ID…", min=1, help="The numbers of the jobs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
In = Annotated[str | None, typer.Option("--in", metavar="5m", help="Start after this time: 30s, 5m, 2h, 1d, 1h30m.")]
At = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Start then: 09:00, 'tomorrow 09:00', or ISO 8601. Local without an offset."),
]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="KEY=VALUE", help="A parameter; a value that is JSON is read as JSON."),
]
Params = Annotated[
    str | None, typer.Option(metavar="JSON|@FILE", help="All parameters, as JSON or from a file; @- is the input.")
]
Description = Annotated[str | None, typer.Option(help="For people.")]
ReferenceId = Annotated[str | None, typer.Option(help="What it is about in your system; lists can be filtered.")]
Attempts = Annotated[int | None, typer.Option(min=1, help="How often it may run; 1 by default.")]
TimeOut = Annotated[str | None, typer.Option(metavar="15m", help="How long an attempt may be silent.")]
Key = Annotated[
    str | None, typer.Option("--idempotency-key", help="The same key within 24 h creates nothing a second time.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Watch it to its end; the exit status is the outcome.")]


@dataclass
class Session:
    """One run of the program. The tests replace what it needs of the world."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    folder: Path = field(default_factory=Path.cwd)
    transport: httpx.BaseTransport | None = None
    sleep: Callable[[float], object] = time.sleep
    #: The profile that `--profile` names.
    profile: str | None = None

    def resolved(self) -> Profile:
        """The profile that counts.

        Raises:
            WrongUsage: there is none, or it is wrong.
        """
        return resolve(self.profile, self.environment, self.folder)

    def service(self, profile: Profile | None = None) -> Service:
        """The service of a profile, or of the one that counts."""
        return Service(profile or self.resolved(), self.transport, self.sleep)


def opened(context: typer.Context, as_json: bool | None) -> tuple[Service, Output]:  # noqa: FBT001 - as typer gives it
    """The service and the output of a command."""
    return session(context).service(), Output(as_json=as_json)


def session(context: typer.Context) -> Session:
    """The session of a run."""
    found = context.find_object(Session)
    assert found is not None, "main() gives every run a session"  # noqa: S101 - a slip of ours, never of the caller
    return found


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


Job = dict[str, Any]
