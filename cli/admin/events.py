"""Events that were not taken."""

from typing import Annotated

import typer
from jobs.errors import InvalidRequest

from cli.admin import letters
from cli.admin.arguments import Made, group, number, session_of


def _refused(
    context: typer.Context,
    queue_url: Annotated[
        str | None,
        typer.Option(envvar="JOBS_REFUSED_QUEUE_URL", metavar="URL", help="The output IngestDeadLetterQueueUrl."),
    ] = None,
    redrive: Annotated[bool, typer.Option("--redrive", help="Move them back, so that they are tried again.")] = False,  # noqa: FBT002 - as typer has it
    to: Annotated[
        str | None,
        typer.Option(envvar="JOBS_INGEST_QUEUE_URL", metavar="URL", help="With --redrive: the output IngestQueueUrl."),
    ] = None,
    limit: Annotated[int, typer.Option(parser=number, metavar="N", help="Default: 100.")] = 100,
) -> Made:
    """List events that were refused or failed, the newest first, and why; or try them again."""
    if not queue_url:
        raise InvalidRequest("queue-url", "set --queue-url to the stack's output IngestDeadLetterQueueUrl")
    if redrive and not to:
        raise InvalidRequest("to", "set --to to the stack's output IngestQueueUrl")
    if limit > letters.MAX_LETTERS:
        raise InvalidRequest("limit", f"must be at most {letters.MAX_LETTERS}")
    client = session_of(context).client("sqs")
    found = letters.read(client, queue_url)
    newest, others = found.read[:limit], found.read[limit:]
    letters.release(client, queue_url, others)
    if to and redrive:
        letters.move(client, queue_url, to, newest)
    else:
        letters.release(client, queue_url, newest)
    what = "movedEvents" if redrive else "refusedEvents"
    return {what: [letters.told(message) for message in newest], "others": found.in_queue - len(newest)}


NOUNS = {"events": group("Events of other services and workers.", {"refused": _refused})}
