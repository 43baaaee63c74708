"""Alteryx Server v3: `/webapi/v3`. Decision 0020 says how we read its documentation."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jobs import errors
from jobs.artifacts.ports import Artifact
from jobs.dialects import base, cursor
from jobs.dialects.base import Answer
from jobs.model import SECOND, Status
from jobs.representation import dump
from jobs.workflows.viewing import AlteryxJobId, Selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jobs.dialects.base import UserCall
    from jobs.model import Job, Message
    from jobs.outcomes import MessagePage
    from jobs.workflows.viewing import Sighting

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_OFFSET = 1_000
DEFAULT_PRIORITY = "Default"
_JOB_ID = re.compile(r"([0-9a-f]{8})([0-9a-f]{8})([0-9a-f]{8})")
_BOOLEANS = {"": True, "true": True, "false": False}
_DIRECTIONS = {"asc": False, "desc": True}
_SORT_FIELD = "createDate"
_OUTPUT_FIELDS = frozenset({"id", "availableFormats", "fileName"})

#: The status and disposition that show a job's state.
_SHOWN = {
    Status.SCHEDULED: ("Queued", "None"),
    Status.RUNNING: ("Running", "None"),
    Status.COMPLETED: ("Completed", "Success"),
    Status.FAILED: ("Completed", "Error"),
    Status.CANCELLED: ("Cancelled", "Cancelled"),
}

_SENTENCES: dict[type[errors.JobsError], tuple[HTTPStatus, str]] = {
    errors.Unauthorized: (HTTPStatus.UNAUTHORIZED, "Unauthorized"),
    errors.RouteNotFound: (HTTPStatus.NOT_FOUND, "Not found."),
    errors.JobNotFound: (HTTPStatus.NOT_FOUND, "Job not found."),
    errors.ArtifactNotFound: (HTTPStatus.NOT_FOUND, "Output not found."),
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
        """Read a job's id.

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
        include = _BOOLEANS.get(query.get("includeMessages", "").lower())
        if include is None:
            raise errors.InvalidRequest("includeMessages", "must be true or false")
        return include

    def parse_jobs(self, query: Mapping[str, str]) -> Selection:
        """Read which of the organisation's jobs are wanted.

        Raises:
            InvalidRequest: a parameter is out of bounds.
        """
        return _selection(query, "statuses", newest_first=True)

    def parse_workflow_jobs(self, query: Mapping[str, str]) -> Selection:
        """Read which of a workflow's jobs are wanted, and in which order.

        Raises:
            InvalidRequest: a parameter is out of bounds.
        """
        if query.get("sortField", _SORT_FIELD).lower() not in {"", _SORT_FIELD.lower()}:
            raise errors.InvalidRequest("sortField", f"must be {_SORT_FIELD}")
        newest_first = _DIRECTIONS.get(query.get("direction", "").lower() or "desc")
        if newest_first is None:
            raise errors.InvalidRequest("direction", "must be asc or desc")
        return _selection(query, "status", newest_first=newest_first)

    def render_job(self, job: Job, outputs: Sequence[Any], messages: Sequence[Message] | None) -> Answer:
        """Answer with one job, reduced if no messages are wanted."""
        status, disposition = _SHOWN[job.status]
        fields: dict[str, Any] = {
            "id": job_id(job),
            "appId": _app_id(job),
            "createDateTime": _date_time(job.created_at),
            "status": status,
            "disposition": disposition,
            "outputs": [_output(output) for output in outputs],
            "messages": None if messages is None else _messages(messages),
            "priority": job.run.priority or DEFAULT_PRIORITY,
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

    def render_jobs(self, jobs: Iterable[Job]) -> Answer:
        """Answer with the organisation's jobs."""
        shown = [
            {
                "jobId": job_id(job),
                "appId": _app_id(job),
                "status": _SHOWN[job.status][0],
                "disposition": _SHOWN[job.status][1],
                "createDateTime": _date_time(job.created_at),
                "priority": job.run.priority or DEFAULT_PRIORITY,
                "workerTag": job.run.worker_tag,
            }
            for job in jobs
        ]
        return Answer(HTTPStatus.OK, dump({"data": shown}))

    def render_workflow_jobs(self, jobs: Iterable[Job]) -> Answer:
        """Answer with a workflow's jobs: a bare array."""
        shown = [
            {
                "id": job_id(job),
                "createDate": _date_time(job.created_at),
                "status": _SHOWN[job.status][0],
                "priority": job.run.priority or DEFAULT_PRIORITY,
                "workerTag": job.run.worker_tag,
                "runWithE2": False,
            }
            for job in jobs
        ]
        return Answer(HTTPStatus.OK, dump(shown))

    def render_error(self, error: errors.JobsError) -> Answer:
        """See `Dialect.render_error`."""
        status, sentence = base.describe(error, _SENTENCES)
        return Answer(status, dump({"message": sentence}), base.error_headers(error, "Bearer"))

    def render_failure(self, request_id: str) -> Answer:
        """See `Dialect.render_failure`."""
        return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, dump({"message": base.failure_sentence(request_id)}))


def job_id(job: Job) -> str:
    """A job's id in Alteryx' form: 24 hexadecimal digits that say where it is and when it was made."""
    return f"{job.created_at // SECOND:08x}{job.project_id:08x}{job.job_id:08x}"


def _purpose_of_messages(job: Job) -> str:
    return f"messages before, of {job.job_id}"


def _selection(query: Mapping[str, str], statuses: str, *, newest_first: bool) -> Selection:
    given = {name: text for name, text in query.items() if text}
    return Selection(
        statuses=_statuses(given, statuses),
        offset=base.parse_bounded(given, "offset", 0, MAX_OFFSET),
        limit=base.parse_bounded(given, "limit", 1, MAX_LIMIT, default=DEFAULT_LIMIT),
        newest_first=newest_first,
    )


def _statuses(query: Mapping[str, str], name: str) -> frozenset[Status]:
    """The states behind a parameter's statuses, which commas separate; all states if it has none."""
    wanted = {text.strip().lower() for text in query.get(name, "").split(",")} - {""}
    names = {shown.lower() for shown, _ in _SHOWN.values()}
    if not wanted <= names:
        raise errors.InvalidRequest(
            name, f"must be of {', '.join(dict.fromkeys(shown for shown, _ in _SHOWN.values()))}"
        )
    return frozenset(status for status, (shown, _) in _SHOWN.items() if not wanted or shown.lower() in wanted)


def _app_id(job: Job) -> str:
    return job.run.workflow_id or job.action


def _date_time(at: int) -> str:
    """ISO 8601, UTC, with milliseconds."""
    moment = datetime.fromtimestamp(at // SECOND, UTC).replace(tzinfo=None)
    return f"{moment.isoformat()}.{at % SECOND:03d}Z"


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
