"""What the commands' arguments are, and the directory that they change."""

import getpass
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import boto3
import typer
from jobs.errors import InvalidRequest
from jobs.runtime.admin import directory_admin
from jobs.tenancy.administration import checked_name
from jobs.tenancy.ports import DirectoryAdmin

#: The highest id of an organisation or a project: eight hexadecimal digits in the ids of v3.
MAX_NUMBER = 2**32 - 1
#: The longest id of a user, a client, a key, a collection or a workflow, in characters.
MAX_ID = 256

#: What a command has made or found, as JSON.
Made = Mapping[str, Any]


@dataclass
class Session:
    """One run of the program: where the table is, and who makes the change."""

    table: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    by: str | None = None
    #: JSON, or tables. Without it: tables on a terminal, JSON elsewhere.
    json: bool | None = None

    def directory(self, organisation_id: int | None) -> DirectoryAdmin:
        """The directory in the table.

        Raises:
            InvalidRequest: an option is wrong, or there is no such organisation.
        """
        if not self.table:
            raise InvalidRequest("table", "set --table or JOBS_TABLE to the stack's output TableName")
        by = checked_name(self.by or _operator(), "by")
        admin = directory_admin(self.client("dynamodb"), self.table, by)
        if organisation_id is not None and admin.get_organisation(organisation_id) is None:
            raise InvalidRequest("organisation", f"no organisation {organisation_id}")
        return admin

    def client(self, service: Any) -> Any:
        """A client of an AWS service.

        Raises:
            InvalidRequest: the endpoint is no address.
        """
        try:
            return boto3.client(service, region_name=self.region, endpoint_url=self.endpoint_url)
        except ValueError:
            raise InvalidRequest("endpoint-url", "must be an address such as http://127.0.0.1:4566") from None


def _operator() -> str:
    """The login name. Which AWS identity calls would be one call more at each start, and CloudTrail has it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def session_of(context: typer.Context) -> Session:
    """This run."""
    return context.ensure_object(Session)


def directory(context: typer.Context, organisation_id: int | None = None) -> DirectoryAdmin:
    """The directory of this run.

    Raises:
        InvalidRequest: an option is wrong, or there is no such organisation.
    """
    return session_of(context).directory(organisation_id)


def milliseconds(text: str) -> int:
    """A time in ISO 8601 with its offset, as milliseconds since the epoch.

    Raises:
        BadParameter: it is no such time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise typer.BadParameter("must be ISO 8601 with an offset or Z, such as 2027-01-31T12:00:00Z")
    return round(moment.timestamp() * 1000)


def number(text: str) -> int:
    """A whole number of ASCII digits from 1 to 4,294,967,295.

    Raises:
        BadParameter: it is no such number.
    """
    # a default is a number already
    if not re.fullmatch(r"[0-9]{1,10}", str(text)) or not 1 <= int(text) <= MAX_NUMBER:
        raise typer.BadParameter(f"must be a whole number from 1 to {MAX_NUMBER}")
    return int(text)


def days(text: str) -> int:
    """A number of days: up to five ASCII digits.

    Raises:
        BadParameter: it is no such number.
    """
    if not re.fullmatch(r"[0-9]{1,5}", str(text)):
        raise typer.BadParameter("must be a whole number of days, 0 or more")
    return int(text)


def identifier(text: str) -> str:
    """An id that is text: of a user, a client, a key, a collection or a workflow.

    Raises:
        BadParameter: it is blank or over 256 characters.
    """
    if not text.strip() or len(text) > MAX_ID:
        raise typer.BadParameter(f"must be 1 to {MAX_ID} characters and not blank")
    return text


def group(meaning: str, commands: Mapping[str, Any]) -> typer.Typer:
    """A noun with its verbs."""
    made = typer.Typer(help=meaning, rich_markup_mode=None)
    for verb, command in commands.items():
        made.command(verb)(command)
    return made


OrganisationId = Annotated[int, typer.Option("--organisation", parser=number, metavar="ID")]
ProjectId = Annotated[int, typer.Option("--project", parser=number, metavar="ID")]
UserId = Annotated[str, typer.Option("--user", parser=identifier, metavar="ID")]
Name = Annotated[str, typer.Argument(metavar="NAME")]
Expires = Annotated[
    int | None,
    typer.Option("--expires", parser=milliseconds, metavar="TIME", help="ISO 8601 with an offset; default: never."),
]
