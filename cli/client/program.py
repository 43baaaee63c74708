"""The program `jobs`: its commands, and what becomes of everything that goes wrong."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from cli.client import changing, reading, scheduling, setup
from cli.client.errors import DONE, INTERRUPTED, PIPE_CLOSED, REFUSED, Problem, WrongUsage
from cli.client.session import Session
from cli.terminal import PipeClosed, close_pipe, complain

#: Each command with its name and an example.
COMMANDS: tuple[tuple[str, Callable[..., int], str], ...] = (
    ("create", changing.create, "jobs create export.orders --in 5m -p month=2026-11 --attempts 3 --wait"),
    ("list", reading.list_, "jobs list --status failed --status cancelled --limit 50"),
    ("show", reading.show, "jobs show 7"),
    ("watch", reading.watch, "jobs watch 7 && echo done"),
    ("messages", reading.messages, "jobs messages 7 --follow"),
    ("cancel", changing.cancel, "jobs cancel 7 8 --yes"),
    ("retry", changing.retry, "jobs retry 7"),
    ("move", changing.move, "jobs move 7 --at 'tomorrow 09:00'"),
    ("download", reading.download, "jobs download 7 report.csv --to reports"),
    ("delete-user", changing.delete_user, "jobs delete-user ada@example.com"),
    ("open", reading.open_, "jobs open"),
    ("login", setup.login, "jobs login work --url https://jobs.example --project p_1"),
    ("profile", setup.profile, "jobs profile --use work"),
)
EXIT_STATUSES = (
    "Exit status: 0 done (watch: completed), 1 the watched job failed, 2 wrong usage, 3 the watched job was cancelled, "
    "4 the service refused or did not answer, 130 Ctrl-C."
)

app = typer.Typer(
    name="jobs", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, epilog=EXIT_STATUSES
)
_schedule = typer.Typer(rich_markup_mode=None, help="Create and manage recurring schedules.")
for _group, _commands in ((app, COMMANDS), (_schedule, scheduling.COMMANDS)):
    for _name, _command, _example in _commands:
        _group.command(_name, epilog=f"Example: {_example}", no_args_is_help=False)(_command)
app.add_typer(_schedule, name="schedule")


@app.callback()
def _options(
    context: typer.Context,
    profile: Annotated[str | None, typer.Option(metavar="NAME", help="Use this profile.")] = None,
) -> None:
    """Create, follow and manage jobs.

    The service is that of --profile, of JOBS_URL, JOBS_PROJECT and JOBS_KEY, of JOBS_PROFILE, of the default profile
    (jobs login), or of `make run` on this machine.
    """
    context.ensure_object(Session).profile = profile


def main(arguments: Sequence[str] | None = None, session: Session | None = None) -> int:
    """Run the program. What goes wrong is one line on the error output, never a traceback.

    Returns:
        The exit status.
    """
    try:
        code = _run(arguments, session or Session())
        sys.stdout.flush()
    except Problem as problem:
        complain(str(problem))
        code = problem.code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except (PipeClosed, BrokenPipeError):
        close_pipe()
        code = PIPE_CLOSED
    except OSError as error:
        complain(f"the output cannot be written: {error.strerror or type(error).__name__}")
        close_pipe()
        code = REFUSED
    if code == INTERRUPTED:
        complain("stopped; what the service was asked for goes on")
    return code


def _run(arguments: Sequence[str] | None, session: Session) -> int:
    """Run a command.

    Raises:
        Problem: anything went wrong.
    """
    given: Any = None if arguments is None else list(arguments)
    try:
        code = app(given, prog_name="jobs", standalone_mode=False, obj=session)
    except TyperException as error:
        raise WrongUsage(f"{getattr(error, 'format_message', error.__str__)()} (see --help)") from None
    except UnicodeEncodeError:
        raise WrongUsage("this terminal cannot show some characters: set PYTHONIOENCODING=utf-8") from None
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        # a field of an answer is missing or of another type
        why = f"the answer is not one of a jobs service that this client knows ({error!r}): update one of them"
        raise Problem(why) from None
    return code if isinstance(code, int) else DONE
