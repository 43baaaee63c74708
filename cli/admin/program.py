"""The program `jobs-admin`: its commands, and what becomes of everything that goes wrong."""

import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from jobs.errors import Busy, InvalidRequest
from jobs.lifecycle.text import check_text
from typer.exceptions import TyperException

from cli.admin import credentials, events, projects, schedules, users, workflows
from cli.admin.arguments import Session
from cli.admin.view import show
from cli.terminal import Output, PipeClosed, close_pipe, complain

#: The exit statuses: as asked; AWS refused or did not answer; the input is wrong, and nothing was written.
DONE, REFUSED, WRONG_USAGE = 0, 1, 2
#: Ctrl-C, and a reader that went away, as shells count them.
INTERRUPTED, PIPE_CLOSED = 130, 141

app = typer.Typer(
    name="jobs-admin",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Exit status: 0 done, 1 AWS refused or did not answer, 2 the input is wrong and nothing was written.",
)
for _subject in (projects, credentials, users, workflows, schedules, events):
    for _noun, _verbs in _subject.NOUNS.items():
        app.add_typer(_verbs, name=_noun)


@app.callback()
def _options(  # noqa: PLR0913, PLR0917 - the command line names them
    context: typer.Context,
    table: Annotated[
        str | None, typer.Option(envvar="JOBS_TABLE", metavar="NAME", help="The table: the stack's output TableName.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="REGION", help="AWS region (default: that of the AWS CLI).")
    ] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Another endpoint, such as that of the embedded stack.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who makes the change, for the audit (default: the login name).")
    ] = None,
    as_json: Annotated[
        bool | None,
        typer.Option("--json/--no-json", help="JSON or tables (default: tables on a terminal, JSON elsewhere)."),
    ] = None,
) -> None:
    """Create and manage organisations and what belongs to them, on AWS or the embedded stack."""
    session = context.ensure_object(Session)
    session.table, session.region, session.endpoint_url = table, region, endpoint_url
    session.by, session.json = by, as_json


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program: print what was made or found, or one line that says what is wrong.

    Returns:
        The exit status.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    session = Session()
    try:
        _check(given)
        made: Any = app(given, prog_name="jobs-admin", standalone_mode=False, obj=session)
        if isinstance(made, Mapping):  # and no help
            show(made, Output(as_json=session.json))
    except (PipeClosed, BrokenPipeError):
        close_pipe()
        return PIPE_CLOSED
    except (InvalidRequest, TyperException, Busy, BotoCoreError, ClientError, KeyboardInterrupt, typer.Abort) as error:
        sentence, status = _explain(error)
        complain(" ".join(sentence.split()), "jobs-admin")
        return status
    return DONE


def _explain(error: BaseException) -> tuple[str, int]:
    """What went wrong, and the exit status."""
    if isinstance(error, InvalidRequest):
        return str(error), WRONG_USAGE
    if isinstance(error, Busy):
        cause = type(error.__cause__).__name__
        return f"DynamoDB throttled this or its answer was lost ({cause}): list before you try again", REFUSED
    if isinstance(error, (BotoCoreError, ClientError)):
        return str(error), REFUSED
    if isinstance(error, TyperException):
        return f"{getattr(error, 'format_message', error.__str__)()} (see --help)", WRONG_USAGE
    return "stopped: list before you try again", INTERRUPTED


def _check(arguments: Sequence[str]) -> None:
    """Check that all arguments are text without control characters.

    Raises:
        InvalidRequest: one is not UTF-8, or holds what no name may hold.
    """
    for position, argument in enumerate(arguments, 1):
        name = f"argument {position}"
        check_text(name, argument)
        if any(unicodedata.category(character) == "Cc" for character in argument):
            raise InvalidRequest(name, "must not hold control characters")
