"""Bugs that a jobs service has when nobody looks: each as one edit, and the tests that must not let it live."""

from __future__ import annotations

from typing import NamedTuple

CORE = "layers/core/jobs"
STORE = f"{CORE}/store/dynamodb.py"
STORE_CONTRACT = ("tests/contract/test_job_store.py", "-k", "moto")
STORE_CALLS = ("tests/unit/test_dynamodb.py",)
#: One of the races that are explored.
INTERLEAVINGS = ("tests/simulation/test_interleavings.py", "-k", "whatever_the_order and completes")


class Mutant(NamedTuple):
    """`code`, which stands once in `file`, becomes `bug`; one of `tests`, as pytest is given them, must fail then."""

    name: str
    file: str
    code: str
    bug: str
    tests: tuple[str, ...]


MUTANTS = (
    # ---- one conditional write for each status change -----------------------------------------------------------
    Mutant(
        "start without a look at the status",
        STORE,
        'condition=f"{is_scheduled} AND {is_due}"',
        "condition=is_due",
        STORE_CONTRACT,
    ),
    Mutant(
        "start without a look at the time",
        STORE,
        'condition=f"{is_scheduled} AND {is_due}"',
        "condition=is_scheduled",
        STORE_CONTRACT,
    ),
    Mutant(
        "start a millisecond before its time",
        STORE,
        """        is_scheduled = "st = :scheduled"
        is_due = "due <= :now\"""",
        """        is_scheduled = "st = :scheduled"
        now += 1
        is_due = "due <= :now\"""",
        STORE_CONTRACT,
    ),
    Mutant(
        "start only after its time",
        STORE,
        """        is_scheduled = "st = :scheduled"
        is_due = "due <= :now\"""",
        """        is_scheduled = "st = :scheduled"
        is_due = "due < :now\"""",
        STORE_CONTRACT,
    ),
    Mutant(
        "start together what is not due",
        STORE,
        'is_due = "due <= ?"',
        'is_due = "(due <= ? OR due > 0)"',
        ("tests/contract/test_starts.py", "tests/contract/test_job_store.py", "-k", "ministack"),
    ),
    Mutant(
        "start together what is not scheduled",
        STORE,
        'is_scheduled = "st = ?"',
        "is_scheduled = \"(st = ? OR st > '')\"",
        ("tests/contract/test_starts.py", "tests/contract/test_job_store.py", "-k", "ministack"),
    ),
    Mutant(
        "cancel without a condition",
        STORE,
        """                remove="gk, due",
                condition=f"{is_active} AND {is_not_made_yet}",""",
        """                remove="gk, due",
                condition=f"attribute_exists(pk) AND {is_not_made_yet}",""",
        STORE_CONTRACT,
    ),
    Mutant(
        "a cancel that is sent again cancels what was retried",
        STORE,
        'is_not_made_yet = "(attribute_not_exists(tx) OR tx <> :token)"',
        'is_not_made_yet = "(attribute_not_exists(tx) OR tx <> :token OR tx = :token)"',
        STORE_CALLS,
    ),
    Mutant(
        "cancel read, then written",
        f"{CORE}/cancellation.py",
        "    return ports.store.cancel_job(project.project_id, job_id, ports.clock.now(), by)",
        """    from dataclasses import replace
    from jobs.errors import JobNotCancellable
    from jobs.model import Change, Status
    job = ports.store.get_job(project.project_id, job_id)
    if job is None:
        raise JobNotFound
    if not job.status.is_active:
        raise JobNotCancellable(job)
    change = Change(Status.CANCELLED, ports.clock.now(), by)
    cancelled = replace(job, status=Status.CANCELLED, next_at=None, history=(*job.history, change))
    ports.store.jobs[project.project_id, job_id] = cancelled
    return cancelled""",
        INTERLEAVINGS,
    ),
    Mutant(
        "a report ends whatever attempt runs",
        STORE,
        "        clauses = [is_running, is_this_attempt, *condition]",
        "        clauses = [is_running, *condition]",
        STORE_CONTRACT,
    ),
    Mutant(
        "a report ends what does not run",
        STORE,
        "        clauses = [is_running, is_this_attempt, *condition]",
        "        clauses = [is_this_attempt, *condition]",
        STORE_CONTRACT,
    ),
    Mutant(
        "the reaper ends what has been heard of",
        STORE,
        "            clauses.append(time_out_has_passed)",
        "            pass",
        STORE_CONTRACT,
    ),
    Mutant(
        "fail with attempts left",
        STORE,
        "            condition=[is_last_attempt],",
        "            condition=[],",
        STORE_CONTRACT,
    ),
    Mutant(
        "back off without attempts left",
        STORE,
        "            condition=[attempts_are_left],",
        "            condition=[],",
        STORE_CONTRACT,
    ),
    Mutant(
        "retry of a job that has moved on",
        STORE,
        'is_as_seen = "st = :seen AND an = :attempt"',
        'is_as_seen = "attribute_exists(pk) AND (st = :seen OR an = :attempt)"',
        STORE_CONTRACT,
    ),
    Mutant(
        "progress falls",
        STORE,
        'does_not_fall = "due <= :due AND (attribute_not_exists(pg) OR pg <= :progress)"',
        'does_not_fall = "due <= :due"',
        STORE_CONTRACT,
    ),
    # ---- a lost answer is not a lost job -------------------------------------------------------------------------
    Mutant(
        "start and end share a token",
        STORE,
        'set_="st = :to, due = :now + tm, gk = :gk, ts = :token"',
        'set_="st = :to, due = :now + tm, gk = :gk, tf = :token"',
        STORE_CALLS,
    ),
    Mutant(
        "cancel does not know its own token",
        STORE,
        'if item.get("tx") != items.string(token):',
        "if True:",
        STORE_CALLS,
    ),
    Mutant(
        "start does not know its own token",
        STORE,
        'if old.get("ts") == items.string(token):',
        "if False:",
        STORE_CALLS,
    ),
    Mutant(
        "an end does not know its own token",
        STORE,
        'if token is not None and old.get("tf") == items.string(token):',
        "if False:",
        STORE_CALLS,
    ),
    Mutant(
        "a creation does not know its own token",
        STORE,
        "if any(item.get(attribute) == items.string(token) for item in of_rows.values()):",
        "if False:",
        STORE_CALLS,
    ),
    # ---- dense numbers -------------------------------------------------------------------------------------------
    Mutant(
        "the number taken without a condition",
        STORE,
        """        number_is_free = "attribute_not_exists(pk)\"""",
        """        number_is_free = "attribute_not_exists(pk) OR attribute_exists(pk)\"""",
        STORE_CONTRACT,
    ),
    Mutant(
        "a number guessed after what proves nothing",
        f"{CORE}/creation.py",
        """        while outcome is Append.UNCERTAIN:
            contention.wait()
            outcome = ports.store.append(job, token, new.params, record, moved, seen)
""",
        """        while outcome is Append.UNCERTAIN:
            contention.wait()
            job = _numbered(ports, project, new, by, job.job_id + 1)
            outcome = ports.store.append(job, token, new.params, record, moved, seen)
""",
        ("tests/unit/test_creation.py",),
    ),
    Mutant(
        "the highest number read weakly",
        f"{CORE}/creation.py",
        "        job = _numbered(ports, project, new, by, ports.store.highest_job_id(project, strong=True) + 1)",
        "        job = _numbered(ports, project, new, by, ports.store.highest_job_id(project, strong=False) + 1)",
        ("tests/unit/test_creation.py",),
    ),
    Mutant(
        "the highest number read weakly for a batch",
        f"{CORE}/creation.py",
        "        first = ports.store.highest_job_id(project, strong=True) + 1",
        "        first = ports.store.highest_job_id(project, strong=False) + 1",
        ("tests/unit/test_creation.py",),
    ),
    # ---- one active deletion per user, one job per key -----------------------------------------------------------
    Mutant(
        "the deletion lock not moved",
        f"{CORE}/creation.py",
        "        outcome = ports.store.append(job, token, new.params, record, moved, seen)\n        while",
        "        outcome = ports.store.append(job, token, new.params, record, None, seen)\n        while",
        ("tests/unit/test_creation.py",),
    ),
    Mutant(
        "the deletion lock moved whoever has moved it before",
        STORE,
        'lock_was_not_moved = "v = :seen"',
        'lock_was_not_moved = "v >= :seen"',
        STORE_CONTRACT,
    ),
    Mutant(
        "the first deletion takes a lock that is there",
        STORE,
        """            lock_is_new = "attribute_not_exists(pk)\"""",
        """            lock_is_new = "attribute_not_exists(nothing)\"""",
        STORE_CONTRACT,
    ),
    Mutant(
        "a retried deletion without its lock",
        f"{CORE}/retrying.py",
        "        moved = lock and replace(lock, job_id=job_id)",
        "        moved = None",
        ("tests/unit/test_retrying.py",),
    ),
    Mutant(
        "an idempotency key for every body",
        f"{CORE}/creation.py",
        "    if record.body_digest != idempotency.body_digest:\n        raise IdempotencyKeyReused\n",
        "",
        ("tests/unit/test_creation.py",),
    ),
    Mutant(
        "an expired idempotency record believed",
        STORE,
        'if not item or int(item["ttl"]["N"]) <= now // 1000:',
        "if not item:",
        STORE_CONTRACT,
    ),
    # ---- effects come from the committed change ------------------------------------------------------------------
    Mutant(
        "an event for every write",
        f"{CORE}/publishing.py",
        "    if known == len(job.history):\n        return\n",
        "    known = min(known, len(job.history) - 1)\n",
        ("tests/unit/test_publishing.py",),
    ),
    Mutant(
        "a deduplication id for each delivery",
        f"{CORE}/publishing.py",
        'return f"{job.project_id}-{job.job_id}-{length}"',
        'import time\n    return f"{job.project_id}-{job.job_id}-{time.monotonic_ns()}"',
        ("tests/unit/test_publishing.py",),
    ),
    Mutant(
        "refused events forgotten",
        f"{CORE}/publishing.py",
        "    return {position for position, event in zip(origin, events, strict=True) if id(event) in refused}",
        "    return set()",
        ("tests/unit/test_publishing.py",),
    ),
    Mutant(
        "events emitted by the handler, before the commit",
        f"{CORE}/creation.py",
        "        outcome = ports.store.append(job, token, new.params, record, moved, seen)\n        while",
        "        announce(ports, [DueJob(job.start_at, job.project_id, job.job_id)])\n"
        "        outcome = ports.store.append(job, token, new.params, record, moved, seen)\n        while",
        ("tests/unit/test_creation.py",),
    ),
    Mutant(
        "events taken as often as they come",
        STORE,
        """        event_is_new = "attribute_not_exists(pk) OR #ttl <= :now\"""",
        """        event_is_new = "attribute_not_exists(pk) OR #ttl > :now OR #ttl <= :now\"""",
        STORE_CONTRACT,
    ),
    Mutant(
        "our own events taken",
        f"{CORE}/ingestion.py",
        "    if project is None or source == SOURCE:",
        "    if project is None:",
        ("tests/unit/test_ingestion.py",),
    ),
    Mutant(
        "events of any account taken",
        f"{CORE}/ingestion.py",
        "    if account != own_account and account not in project.accounts:",
        "    if False:",
        ("tests/unit/test_ingestion.py",),
    ),
    # ---- never lost: tick, sweep, reaper -------------------------------------------------------------------------
    Mutant(
        "a horizon of a minute",
        f"{CORE}/dispatch.py",
        "HORIZON = 180 * SECOND",
        "HORIZON = 60 * SECOND",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a shard forgotten by the tick",
        f"{CORE}/dispatch.py",
        "due = _dispatch_due(ports, range(shards),",
        "due = _dispatch_due(ports, range(shards - 1),",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a shard forgotten by the reaper",
        f"{CORE}/reaping.py",
        "    for offset in range(shards):",
        "    for offset in range(shards - 1):",
        ("tests/unit/test_reaping.py",),
    ),
    Mutant(
        "a watermark moved over what was refused",
        f"{CORE}/dispatch.py",
        "        if row in refused:\n            return rows[:position]\n",
        "        if row in refused:\n            continue\n",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a sweep whatever the backlog",
        f"{CORE}/dispatch.py",
        "    if ports.queue.backlog() > SWEEP_BACKLOG:\n        return 0\n",
        "",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a sweep without end",
        f"{CORE}/dispatch.py",
        "        room -= len(found)\n",
        "",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a sweep that begins at the same shard each time",
        f"{CORE}/dispatch.py",
        "        ports.store.save_sweep_cursor(cursor)\n",
        "        pass\n",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "no hint for what is due before the next tick looks",
        f"{CORE}/creation.py",
        "SELF_ENQUEUE = 240 * SECOND",
        "SELF_ENQUEUE = 0 * SECOND",
        ("tests/unit/test_creation.py",),
    ),
    Mutant(
        "a delay rounded up",
        f"{CORE}/adapters/sqs.py",
        "// SECOND",
        "// SECOND + 1",
        ("tests/unit/test_sqs.py",),
    ),
    # ---- the tenant comes from the credential --------------------------------------------------------------------
    Mutant(
        "a project for whoever names it",
        f"{CORE}/access.py",
        "    if project is None or project.organisation_id != credential.organisation_id:",
        "    if project is None:",
        ("tests/unit/test_access.py",),
    ),
    Mutant(
        "an expired credential believed",
        f"{CORE}/access.py",
        "    if credential is None or not credential.is_live(now):",
        "    if credential is None:",
        ("tests/unit/test_access.py",),
    ),
    Mutant(
        "a job shown to another organisation's user",
        f"{CORE}/viewing.py",
        "    if project is None or project.organisation_id != principal.client.organisation_id:",
        "    if project is None:",
        ("tests/unit/test_viewing.py",),
    ),
    Mutant(
        "a job cancelled through a collection for viewing",
        f"{CORE}/viewing.py",
        "    if not _has_right(principal, job, {Right.CANCEL}):",
        "    if not _has_right(principal, job, set(Right)):",
        ("tests/unit/test_viewing.py",),
    ),
    Mutant(
        "a cursor for any project",
        f"{CORE}/store/cursor.py",
        "hmac.new(project.secret, message, hashlib.sha256)",
        'hmac.new(b"secret", message, hashlib.sha256)',
        ("tests/unit/test_cursor.py",),
    ),
    Mutant(
        "a user's data under a prefix of another's",
        f"{CORE}/erasure.py",
        "quote(user_id, safe='')",
        "quote(user_id, safe='/')",
        ("tests/unit/test_erasure.py",),
    ),
    Mutant(
        "a cancelled deletion goes on",
        f"{CORE}/erasure.py",
        "    return job.status is Status.RUNNING and job.attempt == order.attempt and job.action == DELETE_USER_DATA",
        "    return job.attempt == order.attempt and job.action == DELETE_USER_DATA",
        ("tests/unit/test_erasure.py",),
    ),
)
