"""Lists of jobs in Alteryx' v3: how their parameters are read and how their rows look."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jobs.dialects import alteryx_words as words
from jobs.dialects import base
from jobs.dialects.base import Answer
from jobs.model import Status
from jobs.representation import Room, dump
from jobs.workflows.listing import Selection, SortField, priority_of
from jobs.workflows.running import PRIORITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jobs.dialects.base import Request
    from jobs.model import Job
    from jobs.workflows.listing import Entry

DEFAULT_LIMIT = 50
#: Clients send any limit. A greater one counts as this.
MAX_LIMIT = 200
MAX_OFFSET = 10_000
SORT_FIELDS = {
    "CreateDate": SortField.CREATED,
    "CompletionDateTime": SortField.ENDED,
    "AppName": SortField.WORKFLOW,
    "Priority": SortField.PRIORITY,
    "Status": SortField.STATUS,
}
#: The only field that sorts the jobs of a workflow.
CREATE_DATE = "createDate"
_DIRECTIONS = {"asc": "asc", "desc": "desc"}
#: What each word of a filter by status means.
STATUSES = {
    **{shown: shown for shown, _ in words.SHOWN.values()},
    words.COMPLETE: words.SHOWN[Status.COMPLETED][0],
    **{word: word for word in words.NEVER_SHOWN},
}
RESULT_CODES = {disposition: disposition for _, disposition in words.SHOWN.values()}
#: What a link to the rest of a list repeats of the query.
_REPEATED = (
    "sortField",
    "direction",
    "limit",
    "priorities",
    "statuses",
    "users",
    "allUsers",
    "workflowNames",
    "completedBefore",
    "completedAfter",
    "status",
    "resultCode",
    "view",
    "name",
    "ownerId",
    "createdBefore",
    "createdAfter",
)


def parse_jobs(query: Mapping[str, str]) -> Selection:
    """Read which of the organisation's jobs are wanted, and in which order. `users` counts with `allUsers` alone.

    Raises:
        InvalidRequest: a parameter is out of bounds.
    """
    sort = words.parse_word(query, "sortField", {name: name for name in SORT_FIELDS}, "CreateDate")
    all_users = words.parse_boolean(query, "allUsers", default=False)
    names = words.values(query, "workflowNames")
    return Selection(
        statuses=_parse_statuses(query, "statuses"),
        offset=parse_offset(query),
        limit=_parse_limit(query),
        descending=_parse_descending(query),
        sort=SORT_FIELDS[sort],
        priorities=words.parse_words(query, "priorities", {name: name for name in PRIORITIES}),
        owners=frozenset(user.lower() for user in words.values(query, "users")) if all_users else frozenset(),
        # a name may have a comma itself: then it is found if it is asked for alone
        workflow_names=frozenset([*names, query["workflowNames"].strip()] if names else ()),
        ended_from=words.parse_after(query, "completedAfter"),
        ended_before=words.parse_before(query, "completedBefore"),
    )


def parse_workflow_jobs(query: Mapping[str, str]) -> Selection:
    """Read which of a workflow's jobs are wanted, and in which order.

    Raises:
        InvalidRequest: a parameter is out of bounds.
    """
    words.parse_word(query, "sortField", {CREATE_DATE: CREATE_DATE}, CREATE_DATE)
    results = words.parse_words(query, "resultCode", RESULT_CODES)
    with_result = {status for status, (_, result) in words.SHOWN.items() if not results or result in results}
    return Selection(
        statuses=_parse_statuses(query, "status") & with_result,
        offset=parse_offset(query),
        limit=_parse_limit(query),
        descending=_parse_descending(query),
    )


def parse_offset(query: Mapping[str, str]) -> int:
    """Read how many rows are to be skipped.

    Raises:
        InvalidRequest: it is not a number from 0 to 10,000.
    """
    return base.parse_bounded(_given(query), "offset", 0, MAX_OFFSET)


def _parse_limit(query: Mapping[str, str]) -> int:
    return min(base.parse_bounded(_given(query), "limit", 1, default=DEFAULT_LIMIT), MAX_LIMIT)


def _given(query: Mapping[str, str]) -> dict[str, str]:
    """A query without what is empty, which counts as left out."""
    return {name: text for name, text in query.items() if text}


def _parse_descending(query: Mapping[str, str]) -> bool:
    return words.parse_word(query, "direction", _DIRECTIONS, "desc") == "desc"


def _parse_statuses(query: Mapping[str, str], name: str) -> frozenset[Status]:
    """The states behind a parameter's words; all states if it has none."""
    wanted = words.parse_words(query, name, STATUSES)
    return frozenset(status for status, (shown, _) in words.SHOWN.items() if not wanted or shown in wanted)


def render_jobs(entries: Iterable[Entry], now: int, call: Request, offset: int) -> Answer:
    """Answer with the organisation's jobs as they are at the time `now`."""
    return rows((_entry(entry, now) for entry in entries), call, offset, '{"data":[', "]}")


def render_workflow_jobs(jobs: Iterable[Job], call: Request, offset: int) -> Answer:
    """Answer with a workflow's jobs: a bare array."""
    return rows(map(_workflow_job, jobs), call, offset)


def rows(shown: Iterable[dict[str, Any]], call: Request, offset: int, begin: str = "[", end: str = "]") -> Answer:
    """Answer with as many rows as an answer holds, and a link to those that are left."""
    room, texts, links = Room(), list[str](), {}
    for row in shown:
        text = dump(row)
        if not room.holds(text):
            repeated = {name: call.query[name] for name in _REPEATED if name in call.query}
            links["next"] = call.url(**repeated, offset=offset + len(texts))
            break
        texts.append(text)
    return Answer(HTTPStatus.OK, begin + ",".join(texts) + end, base.link_header(links))


def _entry(entry: Entry, now: int) -> dict[str, Any]:
    job = entry.job
    started = job.started_at
    queued = max(change.at for change in job.history if change.to is Status.SCHEDULED)
    # a job that is to start later is not in the queue before
    waited = (now if started is None else started) - max(queued, job.start_at)
    return {
        "jobId": words.job_id(job),
        "status": words.SHOWN[job.status][0],
        "workflowName": entry.workflow_name,
        "workflowId": words.app_id(job),
        "submittedBy": entry.submitted_by,
        "startTime": None if started is None else words.short_date_time(started),
        "queueTime": words.duration(waited),
        "executionTime": words.duration(0 if started is None else (job.finished_at or now) - started),
        "priority": priority_of(job),
    }


def _workflow_job(job: Job) -> dict[str, Any]:
    return {
        "id": words.job_id(job),
        "createDate": words.date_time(job.created_at),
        "status": words.SHOWN[job.status][0],
        "priority": priority_of(job),
        "workerTag": job.run.worker_tag,
        "runWithE2": False,
    }
