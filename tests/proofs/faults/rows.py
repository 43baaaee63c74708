"""The table in a form in which two ways to the same end look the same, and what must always be true of it."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jobs.model import DELETE_USER_DATA, TRANSITIONS, Job, Status
from jobs.store import items, keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    Rows = dict[tuple[str, str], dict[str, Any]]

#: What chance and the clock decide: tokens (the tests number them), times, and the ends of records.
_BY_CHANCE = re.compile(
    # the id of a file, which may look like one of v3
    r"(?<='id', \{'S': ')[0-9a-f]{24}|"
    # counts of a deletion, which leave out what a run deleted that died
    r'(?<="objects":)\d+|(?<="rows":)\d+|'
    r"token-\d+|0{30}\w+|\b1[5-9]\d{11}\b|\b1[5-9]\d{8}\b|\b20\d\d-\d\d-\d\dT[\d:.]+Z|\b6[0-9a-f]{7}(?=[0-9a-f]{16}\b)"
)


def without_chance(text: str) -> str:
    """A text without what chance and the clock decide."""
    return _BY_CHANCE.sub("*", text)


def told(rows: Rows) -> list[str]:
    """Rows without chance and the clock, without payload that no job names, and without known blocks."""
    orphans = set(_orphans(rows))
    kept = ({**row, "block": None} for key, row in rows.items() if key not in orphans)
    return sorted(without_chance(f"{sorted(row.items())}") for row in kept)


def jobs_of(rows: Rows) -> list[Job]:
    """The jobs, by project and number."""
    return [items.job_from_item(row) for (pk, _), row in sorted(rows.items()) if keys.is_job(pk)]


def wrongs(rows: Rows) -> list[str]:
    """What must always be true, after any failure and any crash, and is not."""
    return [*_wrong_numbers(rows), *_wrong_jobs(rows), *_wrong_references(rows)]


def _wrong_numbers(rows: Rows) -> Iterator[str]:
    numbers: dict[int, list[int]] = defaultdict(list)
    for job in jobs_of(rows):
        numbers[job.project_id].append(job.job_id)
    for project_id, found in numbers.items():
        # a scenario may begin behind a full block, with only the last job of that block
        if sorted(found) != list(range(min(found), min(found) + len(found))):
            yield f"project {project_id} has the numbers {sorted(found)}"
        hint = int(rows[keys.project(project_id)]["block"]["N"])
        if hint > keys.block_of(max(found)):
            yield f"project {project_id} is said to be at block {hint}, and is at job {max(found)}"


def _wrong_jobs(rows: Rows) -> Iterator[str]:
    deletions: dict[tuple[int, str], list[int]] = defaultdict(list)
    for job in jobs_of(rows):
        path = [change.to for change in job.history]
        moves = pairwise(path)
        if path[0] is not Status.SCHEDULED or any(after not in TRANSITIONS[before] for before, after in moves):
            yield f"job {job.job_id} went {path}"
        if (path[-1], path.count(Status.SCHEDULED)) != (job.status, job.attempt):
            yield f"job {job.job_id} is {job.status} at attempt {job.attempt} after {path}"
        row = rows[keys.job(job.project_id, job.job_id)]
        waits = job.status.is_active or "gk" in row
        if (waits, waits) != ("gk" in row, "due" in row):
            yield f"job {job.job_id} is {job.status} and in the index as {row.get('gk')}, due {row.get('due')}"
        place = job.status if job.status.is_active else keys.REDACT
        if "gk" in row and row["gk"]["S"].partition("#")[0] != place:
            yield f"job {job.job_id} is {job.status} and in the index as {row['gk']}"
        if job.action == DELETE_USER_DATA and job.status.is_active:
            deletions[job.project_id, job.reference_id].append(job.job_id)
    for (project_id, _), active in deletions.items():
        locks = {int(row["jo"]["N"]) for (pk, _), row in rows.items() if pk.startswith(f"deletion#{project_id}#")}
        if len(active) != 1 or not locks.issuperset(active):
            yield f"the deletions {active} of one user are active, and the locks name {locks}"


def _wrong_references(rows: Rows) -> Iterator[str]:
    for job in jobs_of(rows):
        if job.forgotten:
            continue
        if job.has_params != (keys.params(job.project_id, job.job_id) in rows):
            yield f"job {job.job_id} has parameters: {job.has_params}, its row says otherwise"
        if job.outputs_token and keys.outputs(job.project_id, job.job_id, job.outputs_token) not in rows:
            yield f"job {job.job_id} refers to outputs that are not there"
        if not evidence_of(job) <= rows.keys():
            yield f"job {job.job_id} refers to errors that are not there"
    for (pk, _), row in rows.items():
        job_row = rows.get(keys.job(*map(int, pk.split("#")[1:]))) if pk.startswith("payload#") else None
        if job_row is not None and "fg" in job_row and "gk" not in job_row:
            yield f"the payload of {pk} is left behind"
        kind, _, of = pk.partition("#")
        if kind in {"idempotency", "deletion"} and keys.job(int(of.split("#")[0]), int(row["jo"]["N"])) not in rows:
            yield f"{kind} names job {row['jo']}, which is not there"
        if kind == "payload" and keys.job(*map(int, of.split("#"))) not in rows:
            yield f"there is a payload of job {of}, which is not there"


def evidence_of(job: Job) -> set[keys.Key]:
    """The keys of the errors that a job's history refers to. A change that has some ended the attempt before it."""
    found, attempt = set(), 0
    for change in job.history:
        ended, attempt = attempt, attempt + (change.to is Status.SCHEDULED)
        if change.evidence is not None:
            found.add(keys.evidence(job.project_id, job.job_id, ended, change.evidence))
    return found


def _orphans(rows: Rows) -> Iterator[tuple[str, str]]:
    """Outputs and errors of a change that was never made."""
    jobs = jobs_of(rows)
    referred = {keys.outputs(job.project_id, job.job_id, job.outputs_token or "") for job in jobs}
    referred.update(*map(evidence_of, jobs))
    beside = [key for key in rows if key[1].startswith(("outputs#", keys.EVIDENCE_PREFIX))]
    yield from (key for key in beside if key not in referred)
