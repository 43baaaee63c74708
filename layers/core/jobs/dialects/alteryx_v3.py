"""Alteryx Server v3: `/webapi/v3`. Decision 0020 says how we read its documentation."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jobs import errors
from jobs.artifacts.model import Artifact
from jobs.dialects import alteryx_words as words
from jobs.dialects import base, cursor
from jobs.dialects.base import Answer
from jobs.model import Status
from jobs.representation import dump
from jobs.workflows.listing import priority_of
from jobs.workflows.viewing import AlteryxJobId

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jobs.dialects.base import UserCall
    from jobs.model import Job, Message
    from jobs.outcomes import MessagePage
    from jobs.workflows.viewing import Sighting

_JOB_ID = re.compile(r"([0-9a-f]{8})([0-9a-f]{8})([0-9a-f]{8})", re.ASCII | re.IGNORECASE)
_OUTPUT_FIELDS = frozenset({"id", "availableFormats", "fileName"})

_SENTENCES: dict[type[errors.JobsError], tuple[HTTPStatus, str]] = {
    errors.Unauthorized: (HTTPStatus.UNAUTHORIZED, "Unauthorized"),
    errors.RouteNotFound: (HTTPStatus.NOT_FOUND, "Not found."),
    errors.JobNotFound: (HTTPStatus.NOT_FOUND, "Job not found."),
    errors.ArtifactNotFound: (HTTPStatus.NOT_FOUND, "Output not found."),
    errors.ScheduleNotFound: (HTTPStatus.NOT_FOUND, "Schedule not found."),
    errors.WorkflowNotFound: (HTTPStatus.NOT_FOUND, "Workflow not found."),
    errors.JobNotCancellable: (HTTPStatus.BAD_REQUEST, "This job is not in 'Queued' or 'Running' state."),
    errors.RunNotPermitted: (HTTPStatus.FORBIDDEN, "You do not have permission to run this workflow."),
    errors.NotPermitted: (HTTPStatus.BAD_REQUEST, "You do not have permission to cancel this job."),
}


class AlteryxV3:
    """The dialect of Alteryx Server's v3 API."""

    prefix = "/webapi/v3"

    def read_token(self, authorization: str | None) -> str:
        """Take the access token out of the `Authorization` header.

        Raises:
            Unauthorized: the header is missing or malformed.
        """
        return base.read_bearer(authorization)

    def parse_job_id(self, text: str) -> AlteryxJobId:
        """Read a job's id, in upper or lower case.

        Raises:
            JobNotFound: this service does not give such ids.
        """
        match = _JOB_ID.fullmatch(text)
        if match is None:
            raise errors.JobNotFound
        return AlteryxJobId(*(int(part, 16) for part in match.groups()))

    def parse_include_messages(self, query: Mapping[str, str]) -> bool:
        """Read whether the caller wants a job's messages. The default is yes.

        Raises:
            InvalidRequest: `includeMessages` is neither true nor false.
        """
        return words.parse_boolean(query, "includeMessages", default=True)

    def render_job(self, job: Job, outputs: Sequence[Any], messages: Sequence[Message] | None) -> Answer:
        """Answer with one job, reduced if no messages are wanted."""
        status, disposition = words.SHOWN[job.status]
        fields: dict[str, Any] = {
            "id": words.job_id(job),
            "appId": words.app_id(job),
            "createDateTime": words.date_time(job.created_at),
            "status": status,
            "disposition": disposition,
            "outputs": [_output(output) for output in outputs],
            "messages": None if messages is None else _messages(messages),
            "priority": priority_of(job),
            "workerTag": job.run.worker_tag,
            "runWithE2": False,
        }
        if messages is None:
            del fields["messages"]
        return Answer(HTTPStatus.OK, dump(fields))

    def parse_messages(self, query: Mapping[str, str], sighting: Sighting) -> str | None:
        """Read before which position messages are wanted; None for the newest.

        Raises:
            InvalidRequest: the cursor belongs to another list.
        """
        return cursor.position(sighting.project, _purpose_of_messages(sighting.job), query)

    def render_messages(self, call: UserCall, sighting: Sighting, page: MessagePage) -> Answer:
        """Answer with messages, oldest first, behind the newest of them, and a link to older ones."""
        shown = _messages(page.messages)
        newest = shown[-1] if shown else {"status": 0, "text": "", "toolId": 0}
        links = {}
        if page.next is not None:
            onward = cursor.encode(sighting.project, _purpose_of_messages(sighting.job), page.next)
            links["next"] = call.url(cursor=onward)
        return Answer(HTTPStatus.OK, dump({**newest, "messages": shown}), base.link_header(links))

    def render_cancelled(self, job: Job) -> Answer:
        """Answer a cancellation. The words depend on the status that it replaced."""
        done = "Deleted" if job.cancelled_from is Status.SCHEDULED else "Cancelled"
        return Answer(HTTPStatus.OK, dump({"message": f"{done} Successfully."}))

    def render_error(self, error: errors.JobsError) -> Answer:
        """See `Dialect.render_error`. `modelState` names the fields that are to blame, if any are."""
        status, sentence = base.describe(error, _SENTENCES)
        body: dict[str, Any] = {"message": sentence}
        blamed: dict[str, list[str]] = {}
        for field, reason in error.problems if isinstance(error, errors.InvalidRequest) else ():
            if field != "body":
                blamed.setdefault(field, []).append(reason)
        if blamed:
            body["modelState"] = blamed
        return Answer(status, dump(body), base.error_headers(error, "Bearer"))

    def render_failure(self, request_id: str) -> Answer:
        """See `Dialect.render_failure`."""
        return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, dump({"message": base.failure_sentence(request_id)}))


def _purpose_of_messages(job: Job) -> str:
    return f"messages before, of {job.job_id}"


def _messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    return [{"status": int(message.severity), "text": message.text, "toolId": message.tool_id} for message in messages]


def _output(output: Any) -> dict[str, Any]:
    """An output in Alteryx' form. An output that a worker reported in another form is shown as a file name."""
    if isinstance(output, Artifact):
        return {"id": output.artifact_id, "availableFormats": [output.format], "fileName": output.name}
    is_such = isinstance(output, dict) and not _OUTPUT_FIELDS.isdisjoint(output)
    told = output if is_such else {"fileName": output}
    formats = told.get("availableFormats")
    return {
        "id": _text(told.get("id")),
        "availableFormats": [_text(name) for name in formats] if isinstance(formats, list) else [],
        "fileName": _text(told.get("fileName")),
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else dump(value)
