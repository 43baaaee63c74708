"""What must hold of jobs that are forgotten: only ended ones are, and what is due is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.model import DAY, REDACTED, Forgotten, Status
from jobs.store import items, keys

from tests.proofs.simulation.table import Key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.tenants import Project

    from tests.proofs.simulation.ledger import Ledger
    from tests.proofs.simulation.table import Row, Table

#: The attribute of a job's row that says how much of it is forgotten.
MARK = "fg"


class Forgetting:
    """Sees each write of a table, some of whose projects have a retention."""

    def __init__(self, ledger: Ledger, table: Table, projects: Sequence[Project]) -> None:
        self._ledger = ledger
        self._table = table
        self._retentions = {of.project_id: of.retention for of in projects if of.retention.is_on}

    def committed(self, rows: Sequence[Row]) -> None:
        """Check that a write forgets nothing of an active job."""
        for row in rows:
            if keys.is_job(row.key.pk) and row.new is not None:
                marked = row.new.get(MARK)
                if Status(row.new["st"]["S"]).is_active and marked is not None:
                    self._ledger.violation(f"job {row.key} is {row.new['st']['S']}, and forgotten")
                if marked is not None and (row.old or {}).get(MARK) != marked:
                    self._ledger.counts[f"forgotten: {Forgotten(int(marked['N'])).name.lower()}"] += 1
            elif row.new is None and row.key.pk.startswith("payload#"):
                project_id, job_id = (int(part) for part in row.key.pk.split("#")[1:])
                job = self._table.get(Key(*keys.job(project_id, job_id)))
                if job is None or MARK not in job:
                    self._ledger.violation(f"{row.key} is deleted, and its job is not forgotten")
                self._ledger.counts["forgotten: row of a payload"] += 1

    def check(self, until: float) -> None:
        """Check that everything is forgotten that was due by `until`."""
        rows = list(self._table.rows())
        kept = {row["pk"]["S"] for row in rows if row["pk"]["S"].startswith("payload#")}
        for row in rows:
            if not keys.is_job(row["pk"]["S"]):
                continue
            job = items.job_from_item(row)
            retention = self._retentions.get(job.project_id)
            if retention is None:
                if job.forgotten:
                    self._ledger.violation(f"job {job.project_id}-{job.job_id} is forgotten, and its project keeps all")
                continue
            if job.status.is_active or job.finished_at is None:
                continue
            days = {Forgotten.PAYLOAD: retention.payload_days, Forgotten.REDACTED: retention.redact_days}
            due = [level for level, of in days.items() if of is not None and job.finished_at + of * DAY <= until]
            if job.forgotten < max(due, default=Forgotten.NOTHING):
                self._ledger.violation(f"job {job.project_id}-{job.job_id} was to be forgotten")
            if job.forgotten and job.next_at is None and keys.payload(job.project_id, job.job_id) in kept:
                self._ledger.violation(f"job {job.project_id}-{job.job_id} is forgotten, and has a payload")
            is_tag = not job.reference_id or job.reference_id.startswith(REDACTED)
            if job.forgotten is Forgotten.REDACTED and (job.description or not is_tag):
                self._ledger.violation(f"job {job.project_id}-{job.job_id} is redacted, and names somebody")
