"""Rows of jobs to the model and back, by hand, because this runs for each row of every list.

Attribute names are short, because the size of the row sets the price of a status change. docs/access-patterns.md
explains each name.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jobs.model import (
    DELETE_USER_DATA,
    NO_OCCASION,
    NO_RUN,
    Change,
    DueJob,
    DueSchedule,
    Forgotten,
    Job,
    ListedJob,
    Message,
    Occasion,
    Run,
    Severity,
    Status,
)
from jobs.store import keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.model import Due
    from jobs.outcomes import Attempt

Item = dict[str, Any]

#: A dictionary finds one faster than the class does.
_STATUSES = {status.value: status for status in Status}


def string(value: str) -> dict[str, str]:
    """A string attribute."""
    return {"S": value}


def number(value: int) -> dict[str, str]:
    """A number attribute."""
    return {"N": str(value)}


def key(of: keys.Key) -> Item:
    """The key attributes of a row."""
    return {"pk": {"S": of[0]}, "sk": {"S": of[1]}}


def change(to: Status, at: int, by: str, evidence: str | None = None) -> dict[str, Any]:
    """One entry of a job's history, as transitions append it."""
    return {"L": [{"S": to}, {"N": str(at)}, {"S": by}, *([] if evidence is None else [{"S": evidence}])]}


#: Parts of a change that ended an attempt which did not succeed.
_WITH_EVIDENCE = 4


def _change_from_item(entry: Mapping[str, Any]) -> Change:
    told = entry["L"]
    return Change(
        _STATUSES[told[0]["S"]], int(told[1]["N"]), told[2]["S"], told[3]["S"] if len(told) == _WITH_EVIDENCE else None
    )


def job_to_item(job: Job, token: str, shards: int) -> Item:
    """The row of a job; `token` is the token of its creator."""
    item: Item = {
        **key(keys.job(job.project_id, job.job_id)),
        "st": {"S": job.status},
        "ac": {"S": job.action},
        "sa": {"N": str(job.start_at)},
        "an": {"N": str(job.attempt)},
        "ma": {"N": str(job.max_attempts)},
        "tm": {"N": str(job.timeout_seconds * 1000)},
        "h": {"L": [change(*entry) for entry in job.history]},
        "tc": {"S": token},
    }
    if job.next_at is not None:
        of_index = job.status if job.status.is_active else keys.REDACT
        item["gk"] = {"S": keys.status_shard(of_index, job.project_id, job.job_id, shards)}
        item["due"] = {"N": str(job.next_at)}
    texts = {"de": job.description, "rf": job.reference_id, "ou": job.outputs_token}
    texts |= {name: getattr(job.run, field) for name, field in _RUN_STRINGS.items()}
    if job.run.workflow_id:
        item["wk"] = {"S": keys.workflow_runs(job.project_id, job.run.workflow_id)}
    item |= {name: {"S": text} for name, text in texts.items() if text}
    if job.errors is not None:
        item["er"] = {"L": [{"S": error} for error in job.errors]}
    if job.has_params:
        item["pa"] = {"BOOL": True}
    if job.progress is not None:
        item["pg"] = {"N": str(job.progress)}
    if job.progress_at is not None:
        item["pt"] = {"N": str(job.progress_at)}
    if job.moves:
        item |= {"mn": {"N": str(job.moves)}, "mb": {"S": job.moved_by}}
    item |= _occasion_to_attributes(job.made_by)
    if job.forgotten:
        item["fg"] = {"N": str(int(job.forgotten))}
    if job.run.collection_ids:
        item["co"] = {"L": [{"S": collection} for collection in job.run.collection_ids]}
    return item


#: Attributes of a workflow's run that are strings. Its collections are a list, and its id is in the key of an index.
_RUN_STRINGS = {"ow": "owner_id", "pr": "priority", "wt": "worker_tag"}


#: All of a run's attributes.
_RUN = frozenset({*_RUN_STRINGS, "wk", "co"})


def _run_from_item(item: Mapping[str, Any]) -> Run:
    if _RUN.isdisjoint(item):
        return NO_RUN
    found: dict[str, Any] = {field: item[name]["S"] for name, field in _RUN_STRINGS.items() if name in item}
    if "wk" in item:
        found["workflow_id"] = keys.parse_workflow_runs(item["wk"]["S"])
    if "co" in item:
        found["collection_ids"] = tuple(collection["S"] for collection in item["co"]["L"])
    return Run(**found)


def job_from_item(item: Mapping[str, Any]) -> Job:
    """The job of a row."""
    status = _STATUSES[item["st"]["S"]]
    # A start leaves the errors of the attempt before in the row, where the next end removes or replaces them.
    has_errors = "er" in item and status is not Status.RUNNING
    # In the order of the fields. With their names, this takes half as long again, for each row of every list.
    return Job(
        *keys.parse_job(item["pk"]["S"], item["sk"]["S"]),
        item["ac"]["S"],
        status,
        int(item["sa"]["N"]),
        int(item["due"]["N"]) if "due" in item else None,
        tuple([_change_from_item(entry) for entry in item["h"]["L"]]),
        item["de"]["S"] if "de" in item else "",
        item["rf"]["S"] if "rf" in item else "",
        int(item["an"]["N"]),
        int(item["ma"]["N"]),
        int(item["tm"]["N"]) // 1000,
        tuple(error["S"] for error in item["er"]["L"]) if has_errors else None,
        "pa" in item,
        int(item["pg"]["N"]) if "pg" in item else None,
        int(item["pt"]["N"]) if "pt" in item else None,
        item["ou"]["S"] if "ou" in item else None,
        int(item["mn"]["N"]) if "mn" in item else 0,
        item["mb"]["S"] if "mb" in item else "",
        Forgotten(int(item["fg"]["N"])) if "fg" in item else Forgotten.NOTHING,
        _run_from_item(item),
        _occasion_from_item(item) if "sd" in item else NO_OCCASION,
    )


#: The attributes that a list needs. Less to send and to read makes it cheaper, though not its request units.
LISTED = "sk, ac, st, sa, h, de, rf, er"


def listed_from_item(project_id: int, item: Mapping[str, Any]) -> ListedJob:
    """What a list shows of a row; as `job_from_item`, from the attributes `LISTED` alone."""
    status = _STATUSES[item["st"]["S"]]
    has_errors = "er" in item and status is not Status.RUNNING
    history = item["h"]["L"]
    return ListedJob(
        project_id,
        keys.parse_job_sort(item["sk"]["S"]),
        item["ac"]["S"],
        status,
        int(item["sa"]["N"]),
        int(history[0]["L"][1]["N"]),
        int(history[-1]["L"][1]["N"]) if len(history) > 1 else None,
        item["de"]["S"] if "de" in item else "",
        item["rf"]["S"] if "rf" in item else "",
        tuple(error["S"] for error in item["er"]["L"]) if has_errors else None,
    )


def _occasion_to_attributes(occasion: Occasion) -> Item:
    if not occasion.schedule_id:
        return {}
    at = {} if occasion.at is None else {"sf": {"N": str(occasion.at)}}
    return {"sd": {"S": occasion.schedule_id}, **at}


def _occasion_from_item(item: Mapping[str, Any]) -> Occasion:
    return Occasion(item["sd"]["S"], int(item["sf"]["N"]) if "sf" in item else None)


def reference_to_item(job: Job, person: str) -> Item:
    """The row that says that a job is about a person."""
    is_deletion = {"BOOL": job.action == DELETE_USER_DATA}
    return {**key(keys.reference(job.project_id, person, job.job_id)), "de": is_deletion}


def walk_to_item(project_id: int, at: int, onward: int) -> Item:
    """The row of a walk over a project's old jobs: since when, and from which number on."""
    return {**key(keys.ongoing(keys.WALKS, project_id)), "at": number(at), "jo": number(onward)}


def outputs_to_item(project_id: int, job_id: int, token: str, outputs: Sequence[Any]) -> Item:
    """The row of a job's outputs, under the token of the change that refers to it."""
    text = json.dumps(outputs, separators=(",", ":"), ensure_ascii=False)
    return {**key(keys.outputs(project_id, job_id, token)), "json": {"S": text}}


def outputs_from_item(item: Mapping[str, Any]) -> list[Any]:
    """The outputs of a row."""
    outputs: list[Any] = json.loads(item["json"]["S"])
    return outputs


def evidence_to_item(attempt: Attempt, token: str, errors: Sequence[str]) -> Item:
    """The row of an attempt's errors, under the token of the change that refers to it."""
    return {**key(keys.evidence(*attempt, token)), "er": {"L": [{"S": error} for error in errors]}}


def evidence_from_item(item: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The token and the errors of a row."""
    return keys.parse_evidence(item["sk"]["S"]), [error["S"] for error in item["er"]["L"]]


def message_to_item(project_id: int, job_id: int, message: Message, suffix: str) -> Item:
    """The row of a message."""
    return {
        **key(keys.message(project_id, job_id, message.at, suffix)),
        "sv": {"N": str(int(message.severity))},
        "tx": {"S": message.text},
        "tl": {"N": str(message.tool_id)},
    }


def message_from_item(item: Mapping[str, Any]) -> Message:
    """The message of a row."""
    at = keys.parse_message(item["sk"]["S"])
    return Message(at, Severity(int(item["sv"]["N"])), item["tx"]["S"], int(item["tl"]["N"]))


def params_to_item(job: Job, params: Mapping[str, Any]) -> Item:
    """The row of a job's parameters: JSON text, because DynamoDB's numbers would not give back what was sent."""
    text = json.dumps(params, separators=(",", ":"), ensure_ascii=False)
    return {**key(keys.params(job.project_id, job.job_id)), "json": {"S": text}}


def params_from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a row."""
    params: dict[str, Any] = json.loads(item["json"]["S"])
    return params


def due_to_index_key(due: Due, partition: str) -> Item:
    """The full key of a row of the status index, behind which a Query goes on."""
    if isinstance(due, DueJob):
        row = keys.job(due.project_id, due.job_id)
    else:
        row = keys.schedule_state(due.project_id, due.schedule_id)
    return {**key(row), "gk": {"S": partition}, "due": {"N": str(due.due_at)}}


def due_from_item(item: Mapping[str, Any]) -> Due:
    """The job or schedule of a row of the status index."""
    due_at, pk, sk = int(item["due"]["N"]), item["pk"]["S"], item["sk"]["S"]
    if keys.is_job(pk):
        return DueJob(due_at, *keys.parse_job(pk, sk))
    return DueSchedule(due_at, *keys.parse_schedule(pk, sk))


def due_to_attributes(due: Due) -> Item:
    """A status index position, as watermarks and the sweep cursor keep it."""
    which = {"jo": {"N": str(due.job_id)}} if isinstance(due, DueJob) else {"sd": {"S": due.schedule_id}}
    return {"at": {"N": str(due.due_at)}, "pr": {"N": str(due.project_id)}, **which}


def due_from_attributes(item: Mapping[str, Any]) -> Due:
    """The position that a watermark or sweep cursor row keeps."""
    due_at, project_id = int(item["at"]["N"]), int(item["pr"]["N"])
    if "sd" in item:
        return DueSchedule(due_at, project_id, item["sd"]["S"])
    return DueJob(due_at, project_id, int(item["jo"]["N"]))
