"""Bugs that a jobs service may have: each as one edit, with the tests that must notice it."""

from __future__ import annotations

from typing import NamedTuple

STORE_CONTRACT = ("tests/contract/test_job_store.py", "-k", "moto")
STORE_CALLS = ("tests/unit/test_dynamodb.py",)
#: The calls that the emulator of PartiQL answers.
STARTS_TOGETHER = ("tests/contract/test_starts.py", "tests/contract/test_job_store.py", "-k", "ministack")
ARTIFACTS_CONTRACT = ("tests/contract/test_artifacts.py", "-k", "moto")
REDACTING = ("tests/unit/test_redacting.py",)
ERASURES = ("tests/unit/test_erasures.py",)
FORGETTING_CONTRACT = ("tests/contract/test_forgetting.py", "-k", "moto or walk")
SCHEDULES = ("tests/unit/test_schedules.py",)
SCHEDULES_CONTRACT = ("tests/contract/test_schedules.py", "-k", "moto")
RHYTHM = ("tests/unit/test_schedule_rhythm.py",)
CLOCKS = ("tests/proofs/occurrences/test_occurrences.py", "-k", "rare")
OFFBOARDING = ("tests/integration/test_offboarding.py", "-m", "not prove")
#: One of the races that are explored.
INTERLEAVINGS = ("tests/proofs/interleavings/test_interleavings.py", "-k", "whatever_the_order and completes")


class Mutant(NamedTuple):
    """`code`, which stands once in `place`, becomes `bug`; one of `tests`, as pytest is given them, must fail then.

    See `Product.mutate` for what a place and its code are.
    """

    name: str
    place: str
    code: str
    bug: str
    tests: tuple[str, ...]


MUTANTS = (
    # ---- one conditional write for each status change -----------------------------------------------------------
    Mutant(
        "start without a look at the status",
        "_start_alone",
        'f"{is_scheduled} AND {is_due}"',
        "is_due",
        STORE_CONTRACT,
    ),
    Mutant(
        "start without a look at the time",
        "_start_alone",
        'f"{is_scheduled} AND {is_due}"',
        "is_scheduled",
        STORE_CONTRACT,
    ),
    Mutant(
        "start a millisecond before its time",
        "_start_alone",
        'is_due = "due <= :now"',
        """
        now += 1
        is_due = "due <= :now"
        """,
        STORE_CONTRACT,
    ),
    Mutant(
        "start only after its time",
        "_start_alone",
        'is_due = "due <= :now"',
        'is_due = "due < :now"',
        STORE_CONTRACT,
    ),
    Mutant(
        "start together what is not due",
        "_start_together",
        'is_due = "due <= ?"',
        'is_due = "(due <= ? OR due > 0)"',
        STARTS_TOGETHER,
    ),
    Mutant(
        "start together what is not scheduled",
        "_start_together",
        'is_scheduled = "st = ?"',
        "is_scheduled = \"(st = ? OR st > '')\"",
        STARTS_TOGETHER,
    ),
    Mutant(
        "cancel without a condition",
        "store:cancel_job",
        'f"{is_active} AND {is_not_made_yet}"',
        'f"attribute_exists(pk) AND {is_not_made_yet}"',
        STORE_CONTRACT,
    ),
    Mutant(
        "a cancel that is sent again cancels what was retried",
        "store:cancel_job",
        'is_not_made_yet = "(attribute_not_exists(tx) OR tx <> :token)"',
        'is_not_made_yet = "(attribute_not_exists(tx) OR tx <> :token OR tx = :token)"',
        STORE_CALLS,
    ),
    Mutant(
        "cancel read, then written",
        "cancellation:cancel_job",
        "return ports.attempts.cancel_job(project.project_id, job_id, now, by, project.retention.first_due(now))",
        """
        from jobs.errors import JobNotCancellable
        from jobs.model import Change, Status
        job = ports.jobs.get_job(project.project_id, job_id)
        if job is None:
            raise JobNotFound
        if not job.status.is_active:
            raise JobNotCancellable(job)
        change = Change(Status.CANCELLED, ports.clock.now(), by)
        cancelled = job._replace(status=Status.CANCELLED, next_at=None, history=(*job.history, change))
        ports.attempts.jobs[project.project_id, job_id] = cancelled
        return cancelled
        """,
        INTERLEAVINGS,
    ),
    Mutant(
        "a report ends any attempt that runs",
        "_end_attempt",
        "[is_running, is_this_attempt, *condition]",
        "[is_running, *condition]",
        STORE_CONTRACT,
    ),
    Mutant(
        "a report ends what does not run",
        "_end_attempt",
        "[is_running, is_this_attempt, *condition]",
        "[is_this_attempt, *condition]",
        STORE_CONTRACT,
    ),
    Mutant(
        "the reaper ends what has been heard of",
        "_end_attempt",
        "clauses.append(time_out_has_passed)",
        "",
        STORE_CONTRACT,
    ),
    Mutant(
        "fail with attempts left",
        "fail_job",
        "[is_last_attempt]",
        "[]",
        STORE_CONTRACT,
    ),
    Mutant(
        "back off without attempts left",
        "back_off_job",
        "[attempts_are_left]",
        "[]",
        STORE_CONTRACT,
    ),
    Mutant(
        "retry of a job that has moved on",
        "store:retry_job",
        'is_as_seen = "st = :seen AND an = :attempt"',
        'is_as_seen = "attribute_exists(pk) AND (st = :seen OR an = :attempt)"',
        STORE_CONTRACT,
    ),
    Mutant(
        "a move of a job that does not wait",
        "store:move_job",
        'is_scheduled = "st = :scheduled"',
        'is_scheduled = "(attribute_exists(pk) OR st = :scheduled)"',
        STORE_CONTRACT,
    ),
    Mutant(
        "a move of a later attempt",
        "store:move_job",
        'is_first_attempt = "an = :one"',
        'is_first_attempt = "an >= :one"',
        STORE_CONTRACT,
    ),
    Mutant(
        "one move made twice",
        "store:move_job",
        'is_not_made_yet = "(attribute_not_exists(mt) OR mt <> :token)"',
        'is_not_made_yet = "(attribute_not_exists(mt) OR mt <> :start)"',
        STORE_CALLS,
    ),
    Mutant(
        "a move that does not know its own token",
        "store:move_job",
        'item.get("mt") != items.string(token)',
        "True",
        STORE_CALLS,
    ),
    Mutant(
        "a move without a hint",
        "moving:move_job",
        "announce(ports, [DueJob(due_at, project.project_id, job_id)])",
        "None",
        ("tests/unit/test_moving.py",),
    ),
    Mutant(
        "a move into the past",
        "moving:move_job",
        "max(start_at, ports.clock.now())",
        "start_at",
        ("tests/unit/test_moving.py",),
    ),
    Mutant(
        "a move that nobody is told of",
        "publishing:events_of",
        "job.moves > before.moves",
        "False",
        ("tests/unit/test_publishing.py",),
    ),
    Mutant(
        "progress falls",
        "store:note_progress",
        'progress_does_not_fall = "(attribute_not_exists(pg) OR pg <= :progress)"',
        'progress_does_not_fall = "attribute_exists(pk)"',
        STORE_CONTRACT,
    ),
    Mutant(
        "a time-out falls",
        "store:note_progress",
        "clauses.append(time_out_does_not_fall)",
        "",
        STORE_CONTRACT,
    ),
    Mutant(
        "progress alone moves the time-out",
        "reporting:note_progress",
        "at + timeout if moves_on else None",
        "at + timeout",
        ("tests/unit/test_reporting.py",),
    ),
    Mutant(
        "another quarter is no news",
        "_is_news",
        "reached // QUARTER > job.progress // QUARTER or (is_further and at - job.progress_at >= PROGRESS_GAP)",
        "is_further and at - job.progress_at >= PROGRESS_GAP",
        ("tests/unit/test_reporting.py",),
    ),
    Mutant(
        "what was written a moment ago is written again",
        "_is_news",
        "is_further and at - job.progress_at >= PROGRESS_GAP",
        "is_further",
        ("tests/unit/test_reporting.py",),
    ),
    # ---- why an attempt ended ------------------------------------------------------------------------------------
    Mutant(
        "the errors of an attempt not kept",
        "_end_attempt",
        "stamp.token if failure.errors else None",
        "None",
        STORE_CONTRACT,
    ),
    Mutant(
        "errors put after the change that names them",
        "_end_attempt",
        "if failure.errors:\n    self._table.write(put(items.evidence_to_item(attempt, stamp.token, failure.errors)))",
        "",
        STORE_CONTRACT,
    ),
    Mutant(
        "the errors of a change that was never made are shown",
        "store:get_evidence",
        "{token: errors for token, errors in evidence if token in named}",
        "dict(evidence)",
        STORE_CONTRACT,
    ),
    Mutant(
        "a running job shows the errors of the attempt before",
        "job_from_item",
        '"er" in item and status is not Status.RUNNING',
        '"er" in item',
        STORE_CONTRACT,
    ),
    Mutant(
        "a completed job shows the errors of an earlier attempt",
        "store:complete_job",
        'f"er, pt{no_entry}"',
        'f"pt{no_entry}"',
        STORE_CONTRACT,
    ),
    Mutant(
        "a cancelled job shows the errors of an earlier attempt",
        "store:cancel_job",
        'f"er, pt{no_entry}"',
        'f"pt{no_entry}"',
        STORE_CONTRACT,
    ),
    Mutant(
        "a further attempt although none would help",
        "end_attempt",
        "attempt.number >= job.max_attempts or not failure.retryable",
        "attempt.number >= job.max_attempts",
        ("tests/unit/test_reporting.py",),
    ),
    Mutant(
        "the wait that a worker asks for forgotten",
        "end_attempt",
        "round(wait) if failure.retry_after is None else failure.retry_after * SECOND",
        "round(wait)",
        ("tests/unit/test_reporting.py",),
    ),
    Mutant(
        "a report that changes nothing leaves its errors",
        "reporting:fail",
        "job is None or refusal is not None",
        "job is None",
        ("tests/unit/test_reporting.py",),
    ),
    Mutant(
        "a row of the index that is out of date leaves errors",
        "reaping:_end",
        "job is None or job.timeout_at is None or job.timeout_at > ports.clock.now()",
        "job is None",
        ("tests/unit/test_reaping.py",),
    ),
    # ---- what decorates a report does not veto it ------------------------------------------------------------------
    *(
        Mutant(name, place, code, bug, ("tests/unit/test_event_bodies.py",))
        for name, place, code, bug in (
            (
                "an unknown field vetoes a report",
                "_Report",
                "ConfigDict(extra='ignore', strict=True)",
                "ConfigDict(extra='forbid', strict=True)",
            ),
            ("progress is rounded to the nearest", "_percent", "math.floor(value)", "round(value)"),
            (
                "progress beyond a hundred",
                "_percent",
                "max(0, min(100, math.floor(value)))",
                "max(0, math.floor(value))",
            ),
            (
                "true is progress",
                "_percent",
                "isinstance(value, bool) or not isinstance(value, int | float)",
                "not isinstance(value, int | float)",
            ),
            ("a text that is a byte too long", "cut", "size(text) <= most", "size(text) <= most + 1"),
            ("a cut that leaves no room for its mark", "cut", "most - size(CUT)", "most"),
            ("an entry too many", "_entries", "len(entries) <= MAX_ENTRIES", "len(entries) <= MAX_ENTRIES + 1"),
            ("a failure without a reason", "_errors", '"".join(errors).strip()', "True"),
            (
                "an output cut by its text and not by its JSON",
                "report_bodies:_travelling",
                "len(dump(text).encode()) - QUOTES",
                "len(text.encode())",
            ),
            (
                "any time for a message",
                "MessageReport.message",
                "self.at is not None and abs(self.at - arrived) <= MAX_CLOCK_ERROR",
                "self.at is not None",
            ),
            ("no further attempt for whatever is falsy", "FailedReport", "value is not False", "bool(value)"),
            (
                "a wait of any length",
                "_up_to",
                "isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most",
                "isinstance(value, int) and not isinstance(value, bool)",
            ),
            (
                "what SQS does not carry is kept",
                "parse_leniently",
                "(carried := replace_uncarried(text)) != text",
                "(carried := text) != text",
            ),
            ("depth vetoes a report", "report_bodies:MAX_DEPTH", "500", "50_000"),
        )
    ),
    # ---- a lost answer is not a lost job -------------------------------------------------------------------------
    Mutant(
        "start and end share a token",
        "_start_alone",
        '"st = :to, due = :now + tm, gk = :gk, ts = :token"',
        '"st = :to, due = :now + tm, gk = :gk, tf = :token"',
        STORE_CALLS,
    ),
    Mutant(
        "cancel does not know its own token",
        "store:cancel_job",
        'item.get("tx") != items.string(token)',
        "True",
        STORE_CALLS,
    ),
    Mutant(
        "start does not know its own token",
        "_not_started",
        'old.get("ts") == items.string(token)',
        "False",
        STORE_CALLS,
    ),
    Mutant(
        "an end does not know its own token",
        "_report_outcome",
        'token is not None and old.get("tf") == items.string(token)',
        "False",
        STORE_CALLS,
    ),
    Mutant(
        "a creation does not know its own token",
        "_why_not",
        'any(row.get("tc") == items.string(rows[place].token) for place, row in taken.items())',
        "False",
        STORE_CALLS,
    ),
    Mutant(
        "a creation does not know its own row behind a conflict",
        "_why_not",
        'own_row.get("tc") == items.string(rows[0].token)',
        "False",
        STORE_CALLS,
    ),
    Mutant(
        "a retry does not know its own token",
        "store:retry_job",
        'row.get("tr") == items.string(token)',
        "False",
        STORE_CALLS,
    ),
    # ---- a failed condition is an answer, everything else is a failure ---------------------------------------------
    Mutant(
        "a refusal taken for a failed condition",
        "writing",
        """
        if rows:
            raise ConditionFailed(rows) from error
        """,
        "raise ConditionFailed(rows) from error",
        STORE_CALLS,
    ),
    Mutant(
        "a failed condition taken for a failure",
        "writing",
        """
        if rows:
            raise ConditionFailed(rows) from error
        """,
        "",
        STORE_CONTRACT,
    ),
    Mutant(
        "a mistake of ours taken for a throttle",
        "writing",
        "outcome_unknown(error)",
        "True",
        STORE_CALLS,
    ),
    Mutant(
        "what proves nothing taken for a mistake of ours",
        "writing",
        "outcome_unknown(error)",
        "False",
        STORE_CALLS,
    ),
    Mutant(
        "a throttled read taken for a mistake of ours",
        "reading",
        "is_throttle(error)",
        "False",
        STORE_CALLS,
    ),
    Mutant(
        "a read that was refused taken for a throttle",
        "reading",
        "is_throttle(error)",
        "True",
        STORE_CALLS,
    ),
    Mutant(
        "a conflict that is not outlasted",
        "Table.change",
        "not left or failures.is_throttle(busy.__cause__)",
        "True",
        STORE_CALLS,
    ),
    Mutant(
        "a throttle tried again on top of the client's tries",
        "Table.change",
        "not left or failures.is_throttle(busy.__cause__)",
        "not left",
        STORE_CALLS,
    ),
    Mutant(
        "a block that was not noted taken for noted",
        "store:note_block",
        "raise errors.Busy from error",
        "pass",
        STORE_CALLS,
    ),
    Mutant(
        "a block that another has noted is a failure",
        "store:note_block",
        "pass",
        "raise errors.Busy",
        STORE_CALLS,
    ),
    Mutant(
        "a noted block forgotten",
        "store:note_block",
        "self._noted[project.project_id] = block",
        "",
        STORE_CALLS,
    ),
    Mutant(
        "a watermark that another has raised is a failure",
        "store:raise_watermark",
        "return",
        "raise",
        STORE_CONTRACT,
    ),
    Mutant(
        "a mark that is there is a failure",
        "store:mark_seen",
        "return",
        "raise",
        STORE_CONTRACT,
    ),
    Mutant(
        "a message that was seen is a failure",
        "store:add_message",
        "return False",
        "raise",
        STORE_CONTRACT,
    ),
    # ---- dense numbers -------------------------------------------------------------------------------------------
    Mutant(
        "the number taken without a condition",
        "_row_put",
        'number_is_free = "attribute_not_exists(pk)"',
        'number_is_free = "attribute_not_exists(pk) OR attribute_exists(pk)"',
        STORE_CONTRACT,
    ),
    Mutant(
        "a number guessed after what proves nothing",
        "creation:create_job",
        "result = contention.settle(partial(ports.jobs.append, rows, record, moved))",
        """
        result = ports.jobs.append(rows, record, moved)
        while result.outcome is AppendOutcome.UNCERTAIN:
            contention.wait()
            job = _numbered(ports, project, new, by, job.job_id + 1)
            result = ports.jobs.append([NewRow(job, token, new.params, seen)], record, moved)
        """,
        ("tests/unit/test_creation.py",),
    ),
    Mutant(
        "the highest number read weakly",
        "creation:create_job",
        "ports.jobs.highest_job_id(project, strong=True)",
        "ports.jobs.highest_job_id(project, strong=False)",
        ("tests/unit/test_creation.py",),
    ),
    Mutant(
        "the highest number read weakly for a batch",
        "_append_chunk",
        "ports.jobs.highest_job_id(project, strong=True)",
        "ports.jobs.highest_job_id(project, strong=False)",
        ("tests/unit/test_creation.py",),
    ),
    # ---- one active deletion per user, one job per key -----------------------------------------------------------
    Mutant(
        "the deletion lock not moved",
        "creation:create_job",
        "partial(ports.jobs.append, rows, record, moved)",
        "partial(ports.jobs.append, rows, record, None)",
        ("tests/unit/test_creation.py",),
    ),
    Mutant(
        "the deletion lock moved although another has moved it",
        "lock_put",
        'lock_was_not_moved = "v = :seen"',
        'lock_was_not_moved = "v >= :seen"',
        STORE_CONTRACT,
    ),
    Mutant(
        "the first deletion takes a lock that is there",
        "lock_put",
        'lock_is_new = "attribute_not_exists(pk)"',
        'lock_is_new = "attribute_not_exists(nothing)"',
        STORE_CONTRACT,
    ),
    Mutant(
        "a retried deletion without its lock",
        "retrying:retry_job",
        "lock and lock._replace(job_id=job_id)",
        "None",
        ("tests/unit/test_retrying.py",),
    ),
    Mutant(
        "an idempotency key for every body",
        "_find_replay",
        "record.body_digest != body_digest",
        "False",
        ("tests/unit/test_creation.py",),
    ),
    Mutant(
        "an expired idempotency record believed",
        "find_idempotency_record",
        'not item or int(item["ttl"]["N"]) <= now // SECOND',
        "not item",
        STORE_CONTRACT,
    ),
    # ---- effects come from the committed change ------------------------------------------------------------------
    Mutant(
        "an event for every write",
        "events_of",
        """
        if known == len(job.history) and not is_move:
            return
        """,
        "known = min(known, len(job.history) - 1)",
        ("tests/unit/test_publishing.py",),
    ),
    Mutant(
        "a deduplication id for each delivery",
        "deduplication_id",
        'return f"{job.project_id}-{job.job_id}-{length}"',
        """
        import time
        return f"{job.project_id}-{job.job_id}-{time.monotonic_ns()}"
        """,
        ("tests/unit/test_publishing.py",),
    ),
    Mutant(
        "refused events forgotten",
        "publish",
        "{position for position, event in zip(origin, events, strict=True) if id(event) in refused}",
        "set()",
        ("tests/unit/test_publishing.py",),
    ),
    Mutant(
        "events emitted by the handler, before the commit",
        "creation:create_job",
        "moved = lock and lock._replace(job_id=job.job_id)",
        """
        announce(ports, [DueJob(job.start_at, job.project_id, job.job_id)])
        moved = lock and lock._replace(job_id=job.job_id)
        """,
        ("tests/unit/test_creation.py",),
    ),
    Mutant(
        "events taken as often as they come",
        "seen_put",
        'event_is_new = "attribute_not_exists(pk) OR #ttl <= :now"',
        'event_is_new = "attribute_not_exists(pk) OR #ttl > :now OR #ttl <= :now"',
        STORE_CONTRACT,
    ),
    Mutant(
        "our own events taken",
        "_project_of",
        "is_reserved(source)",
        "False",
        ("tests/unit/test_ingestion.py",),
    ),
    Mutant(
        "a job asked for in the name of our own worker",
        "_project_of",
        "not isinstance(delivery.content, JobRequested)",
        "True",
        ("tests/unit/test_ingestion.py",),
    ),
    Mutant(
        "a partner taken for our own worker",
        "_project_of",
        "account == own_account",
        "True",
        ("tests/unit/test_ingestion.py",),
    ),
    Mutant(
        "a report on a job of any action",
        "_may_report",
        "job.action in actions",
        "True",
        ("tests/unit/test_ingestion.py",),
    ),
    Mutant(
        "events of any account taken",
        "_project_of",
        "account != own_account and account not in project.accounts",
        "False",
        ("tests/unit/test_ingestion.py",),
    ),
    Mutant(
        "a refusal that tells a name from outside",
        "refusal_of",
        "error.field in _NAMES",
        "True",
        ("tests/integration/test_events.py",),
    ),
    Mutant(
        "a log that tells any source",
        "told_of",
        "_REVERSED_DOMAIN.fullmatch(source)",
        "True",
        ("tests/unit/test_event_bodies.py",),
    ),
    Mutant(
        "a report that is early for ever, left to SQS",
        "is_last",
        "_receives(record) >= RECEIVES",
        "False",
        ("tests/integration/test_events.py",),
    ),
    # ---- never lost: tick, sweep, reaper -------------------------------------------------------------------------
    Mutant(
        "a horizon of a minute",
        "HORIZON",
        "180 * SECOND",
        "60 * SECOND",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a shard forgotten by the tick",
        "dispatch",
        "range(shards)",
        "range(shards - 1)",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a tick that looks no further than now for shards with jobs",
        "dispatch:dispatch",
        "ports.due.list_due(shard, None, until, 1)",
        "ports.due.list_due(shard, None, now, 1)",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a sweep that leaves late shards alone",
        "dispatch:dispatch",
        "waiting.get(shard, until) <= now - OVERDUE",
        "waiting.get(shard, until) <= now - 10 * OVERDUE",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a sweep that looks at the backlog though nothing is late",
        "dispatch:dispatch",
        "overdue = _sweep(ports, shards, late, now - OVERDUE, has_time) if late else 0",
        "overdue = _sweep(ports, shards, late, now - OVERDUE, has_time)",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a shard forgotten by the reaper",
        "take_turns",
        "range(shards)",
        "range(shards - 1)",
        ("tests/unit/test_reaping.py",),
    ),
    Mutant(
        "a watermark moved over what was refused",
        "_raise_watermarks",
        "next((position for position, row in enumerate(rows) if row in unsent), len(rows))",
        "len(rows)",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a tick in which one shard's hints were refused stops reading the others",
        "_dispatch_due",
        "{s: row for s, row in more.items() if not refused or refused.isdisjoint(unmarked[s])}",
        "{} if refused else dict(more)",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a tick reads on behind what was refused",
        "_dispatch_due",
        "{s: row for s, row in more.items() if not refused or refused.isdisjoint(unmarked[s])}",
        "dict(more)",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a refused hint holds the watermark of every shard",
        "_raise_watermarks",
        "next((position for position, row in enumerate(rows) if row in unsent), len(rows))",
        "0 if unsent else len(rows)",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "what was refused forgotten in the next round",
        "_dispatch_due",
        "refused |= not_sent",
        "refused = not_sent",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "nothing is sent behind what was refused",
        "dispatch:_send",
        "start == 0 or has_time(SLICE_TIME)",
        "not not_sent and (start == 0 or has_time(SLICE_TIME))",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a sweep goes on behind what was refused",
        "_sweep",
        """
        if refused:
            cursor = begin
        """,
        "",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a sweep that was refused in part counts as nothing",
        "_sweep",
        "len(overdue) - len(refused)",
        "0 if refused else len(overdue)",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a sweep whatever the backlog",
        "_sweep",
        "ports.queue.backlog() > SWEEP_BACKLOG",
        "False",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a sweep without end",
        "_sweep",
        "room -= len(found)",
        "",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "a sweep that begins at the same shard each time",
        "_sweep",
        "ports.due.save_sweep_cursor(cursor)",
        "",
        ("tests/unit/test_dispatch.py",),
    ),
    Mutant(
        "no hint for what is due before the next tick looks",
        "SELF_ENQUEUE",
        "240 * SECOND",
        "0 * SECOND",
        ("tests/unit/test_creation.py",),
    ),
    Mutant(
        "a delay rounded up",
        "_delay",
        "(hint.due_at - self._clock.now()) // SECOND",
        "(hint.due_at - self._clock.now()) // SECOND + 1",
        ("tests/unit/test_sqs.py",),
    ),
    # ---- the tenant comes from the credential --------------------------------------------------------------------
    Mutant(
        "a project for anyone who names it",
        "tenants:opens",
        "organisation_id == self.organisation_id",
        "True",
        ("tests/unit/test_access.py",),
    ),
    Mutant(
        "a project opened by a key that is limited to others",
        "tenants:opens",
        "project_id in self.projects",
        "True",
        ("tests/unit/test_access.py",),
    ),
    Mutant(
        "an open project remembered for everyone",
        "caching:open_project",
        '("opened", opener, project_key)',
        '("opened", project_key)',
        ("tests/unit/test_directory.py",),
    ),
    Mutant(
        "a key used for what it is not for",
        "access:require",
        "not any(map(credential.has, scopes))",
        "False",
        ("tests/unit/test_access.py",),
    ),
    Mutant(
        "a workflow run by anyone",
        "running:run_workflow",
        "collections and not principal.user.may(Right.RUN, collections)",
        "False",
        ("tests/unit/test_workflows.py",),
    ),
    Mutant(
        "a limit of creations that holds for one job more",
        "check_rate",
        "newest - limit + 1",
        "newest - limit",
        ("tests/unit/test_limits.py",),
    ),
    Mutant(
        "an expired credential believed",
        "authenticate",
        "credential is None or not credential.is_live(ports.clock.now())",
        "credential is None",
        ("tests/unit/test_access.py",),
    ),
    Mutant(
        "a job shown to another organisation's user",
        "directory:get_own_project",
        "project.organisation_id != organisation_id",
        "False",
        ("tests/contract/test_directory.py",),
    ),
    Mutant(
        "a job cancelled through a collection for viewing",
        "viewing:cancel_job",
        "_has_right(principal, job, Right.CANCEL)",
        "_has_right(principal, job, Right.VIEW)",
        ("tests/unit/test_viewing.py",),
    ),
    # ---- Alteryx' lists say what they cannot serve ----------------------------------------------------------------
    Mutant(
        "a search that ends in silence",
        "listing:_bounded",
        """
        raise TooManyJobs(
            f"{count} jobs were searched, and this page needs more: "
            "ask for a smaller offset, for a filter that more jobs pass, or for the jobs of one workflow"
        )
        """,
        "return",
        ("tests/unit/test_listing.py",),
    ),
    Mutant(
        "the newest of the matches sorted as if they were all",
        "listing:_sorted",
        "len(found) > MAX_SORTED",
        "False",
        ("tests/unit/test_listing.py",),
    ),
    Mutant(
        "a list cut in silence",
        "alteryx_lists:rows",
        'links["next"] = call.url(**repeated, offset=offset + len(texts))',
        "",
        ("tests/unit/test_alteryx_lists.py",),
    ),
    Mutant(
        "a day that counts itself",
        "parse_after",
        "(DAY if moment[1] else 1)",
        "0",
        ("tests/unit/test_alteryx_lists.py",),
    ),
    Mutant(
        "users who count by themselves",
        "alteryx_lists:parse_jobs",
        'words.parse_boolean(query, "allUsers", default=False)',
        "True",
        ("tests/unit/test_alteryx_lists.py",),
    ),
    Mutant(
        "a workflow shown to those it is not shared with",
        "catalogue:_may_see",
        "user.may(Right.VIEW, collections)",
        "True",
        ("tests/unit/test_catalogue.py",),
    ),
    Mutant(
        "a workflow registered twice",
        "add_registration",
        'is_unregistered = "attribute_not_exists(#name)"',
        'is_unregistered = "attribute_exists(pk)"',
        ("tests/contract/test_directory.py", "-k", "moto"),
    ),
    Mutant(
        "a workflow owned by somebody else's user",
        "directory_workflows:_register",
        "[must_exist(keys.user(organisation_id, owner_id))] if owner_id else []",
        "[]",
        ("tests/contract/test_directory.py", "-k", "moto"),
    ),
    Mutant(
        "a cursor for any project",
        "cursor:_digest",
        "project.secret",
        'b"secret"',
        ("tests/unit/test_cursor.py",),
    ),
    # ---- files -------------------------------------------------------------------------------------------------
    Mutant(
        "a file of a late attempt",
        "put_artifact",
        'f"{is_running} AND {is_this_attempt}"',
        'f"{is_running} AND an >= :attempt"',
        ARTIFACTS_CONTRACT,
    ),
    Mutant(
        "a file of a job that does not run",
        "put_artifact",
        'is_running = "st = :running"',
        'is_running = "st >= :running OR st < :running"',
        ARTIFACTS_CONTRACT,
    ),
    Mutant(
        "a slot that another has taken",
        "put_artifact",
        '"attribute_not_exists(pk)"',
        '"attribute_not_exists(pk) OR attribute_exists(pk)"',
        ARTIFACTS_CONTRACT,
    ),
    Mutant(
        "a slot that has changed since it was seen",
        "put_artifact",
        '"id = :over"',
        '"id = :over OR attribute_exists(pk)"',
        ARTIFACTS_CONTRACT,
    ),
    Mutant(
        "a late worker that follows the job into its next attempt",
        "announcing:announce",
        "_running(queries.get_job(ports, project, job_id), attempt)",
        "_running(queries.get_job(ports, project, job_id), new.attempt)",
        ("tests/unit/test_artifacts.py",),
    ),
    Mutant(
        "twenty-one files",
        "announcing:_slot",
        "range(MAX_ARTIFACTS)",
        "range(MAX_ARTIFACTS + 1)",
        ("tests/unit/test_artifacts.py",),
    ),
    Mutant(
        "slots that an earlier attempt keeps",
        "announcing:_slot",
        "held.attempt == artifact.attempt",
        "held.attempt <= artifact.attempt",
        ("tests/unit/test_artifacts.py",),
    ),
    Mutant(
        "a file of an earlier attempt is shown",
        "_announced",
        "artifact.attempt == job.attempt",
        "artifact.attempt <= job.attempt",
        ("tests/unit/test_artifacts.py",),
    ),
    Mutant(
        "an upload that may replace a file",
        "sign_upload",
        '"IfNoneMatch"',
        '"IfMatch"',
        ("tests/unit/test_artifact_dialects.py",),
    ),
    Mutant(
        "a key that all attempts share",
        "adapters.artifacts:_key",
        'f"{files_of(artifact.project_id, artifact.job_id)}{artifact.attempt}/{artifact.artifact_id}"',
        'f"{files_of(artifact.project_id, artifact.job_id)}1/{artifact.artifact_id}"',
        ("tests/unit/test_artifact_dialects.py",),
    ),
    Mutant(
        "addresses of the host of all regions",
        "SIGNING",
        '"virtual"',
        '"auto"',
        ("tests/unit/test_artifact_dialects.py",),
    ),
    Mutant(
        "files for keys that may create",
        "PUBLIC_ANNOUNCE_ARTIFACT",
        "Scope.WORK",
        "Scope.CREATE",
        ("tests/unit/test_routes.py",),
    ),
    # ---- lists and how requests are read -------------------------------------------------------------------------
    Mutant(
        "the errors of a job as a list among the ten fields",
        "core_fields",
        '"\\n".join(job.errors) if job.errors else None',
        "None if job.errors is None else list(job.errors)",
        ("tests/unit/test_public.py",),
    ),
    Mutant(
        "pages from the newest end that overlap",
        "Listing.wanted",
        "total - skipped",
        "total - skipped + (skipped > 0)",
        ("tests/unit/test_queries.py",),
    ),
    Mutant(
        "a list from the newest end with a hole",
        "_without_gap",
        "below is not None and job.job_id != below - 1",
        "False",
        ("tests/unit/test_queries.py",),
    ),
    Mutant(
        "jobs lost below one that is newer than the count",
        "queries:list_jobs",
        "(query.behind or 0) > total + 1",
        "False",
        ("tests/unit/test_queries.py",),
    ),
    Mutant(
        "a cut page that goes on with the next page",
        "Public.render_listing",
        "listing.was_cut(place) if isinstance(query, Page) else listing.goes_on(place)",
        "not isinstance(query, Page) and listing.goes_on(place)",
        ("tests/unit/test_answer_sizes.py",),
    ),
    Mutant(
        "a reference that filters nothing",
        "Walk.wants",
        'self.reference_id in {"", job.reference_id}',
        "True",
        ("tests/unit/test_queries.py",),
    ),
    Mutant(
        "a number whose digits break the parser",
        "parse_integer",
        "int(digits) if len(digits) <= MAX_DIGITS else 10**MAX_DIGITS",
        "int(digits)",
        ("tests/unit/test_dialects.py",),
    ),
    Mutant(
        "a key that comes twice taken",
        "json_text:_object",
        "len(read) < len(pairs)",
        "False",
        ("tests/unit/test_bodies.py",),
    ),
    Mutant(
        "an integer of any number of digits taken",
        "json_text:_integer",
        'len(text.removeprefix("-")) > MAX_DIGITS',
        "False",
        ("tests/unit/test_bodies.py",),
    ),
    Mutant(
        "a requested job by event read as leniently as a report",
        "_parse_content",
        'bodies.parse_object(body)["detail"]',
        "detail",
        ("tests/unit/test_event_bodies.py",),
    ),
    Mutant(
        "only the first bad field told",
        "validated",
        "raise InvalidRequest(*found[0], *found[1:])",
        "raise InvalidRequest(*found[0])",
        ("tests/unit/test_bodies.py",),
    ),
    Mutant(
        "a misspelt parameter that answers the whole list",
        "Route.check_query",
        "self.query is None",
        "True",
        ("tests/unit/test_http.py",),
    ),
    Mutant(
        "a compressed body read as it is",
        "runtime.http:_body",
        "text and _headers(event).get('content-encoding', _AS_IT_IS).lower() != _AS_IT_IS",
        "False",
        ("tests/unit/test_http.py",),
    ),
    Mutant(
        "a redirect to another user's id",
        "unrouted:_answer",
        'f"{clean}/"',
        "path",
        ("tests/unit/test_http.py",),
    ),
    Mutant(
        "a user's data under a prefix of another's",
        "prefix_of",
        "quote(user_id, safe=left)",
        "quote(user_id, safe=left + '/')",
        ("tests/unit/test_erasure.py",),
    ),
    Mutant(
        "the spelling of JavaScript forgotten",
        "prefixes_of",
        '("", LEFT_BY_JAVASCRIPT)',
        '("",)',
        ("tests/unit/test_erasure.py",),
    ),
    Mutant(
        "a walk that ends with the first spelling",
        "erasing:_list",
        "page.more or place < len(prefixes)",
        "page.more",
        ("tests/unit/test_erasure.py",),
    ),
    Mutant(
        "a walk that goes on in the wrong spelling",
        "erasing:_list",
        "next((place for place, prefix in enumerate(prefixes) if key.startswith(prefix)), 0)",
        "0",
        ("tests/unit/test_erasure.py",),
    ),
    Mutant(
        "nothing found is no warning",
        "reports:Reports.complete",
        "Severity.INFORMATION if tally.done else Severity.WARNING",
        "Severity.INFORMATION",
        ("tests/unit/test_erasure.py",),
    ),
    Mutant(
        "a cancelled deletion goes on",
        "_is_ours",
        "job.status is Status.RUNNING and job.attempt == order.attempt and job.action == DELETE_USER_DATA",
        "job.attempt == order.attempt and job.action == DELETE_USER_DATA",
        ("tests/unit/test_erasure.py",),
    ),
    # ---- forgetting ---------------------------------------------------------------------------------------------
    Mutant(
        "a payload that goes without a mark",
        "_without_payload",
        "found and marked != job",
        "False",
        REDACTING,
    ),
    Mutant(
        "a job without its payload is retried",
        "store:retry_job",
        'f"{is_as_seen} AND {is_whole}"',
        "is_as_seen",
        STORE_CONTRACT,
    ),
    Mutant(
        "a job that was retried is forgotten",
        "_write_if_as_seen",
        'f"{is_as_seen} AND {is_not_forgotten_further}"',
        '"st = st OR :seen = :seen OR :attempt = :attempt OR due = :due"',
        FORGETTING_CONTRACT,
    ),
    Mutant(
        "a second run that saw the same writes too",
        "_write_if_as_seen",
        'f"{is_as_seen} AND {is_not_forgotten_further}"',
        "is_as_seen",
        FORGETTING_CONTRACT,
    ),
    Mutant(
        "forgotten a moment late",
        "redacting:plan",
        "at <= now",
        "at < now",
        REDACTING,
    ),
    Mutant(
        "what was forgotten comes back",
        "redacting:plan",
        "[least, job.forgotten, *(level for level, at in times.items() if at <= now)]",
        "[least, *(level for level, at in times.items() if at <= now)]",
        REDACTING,
    ),
    Mutant(
        "no second look at what came late",
        "redacting:plan",
        "level and now < last_look",
        "False",
        REDACTING,
    ),
    Mutant(
        "the files of job 10 go with those of job 1",
        "files_of",
        'f"{project_id}/{job_id}/"',
        'f"{project_id}/{job_id}"',
        REDACTING,
    ),
    Mutant(
        "an owner survives redaction",
        "_redacted",
        "tag(job.run.owner_id)",
        "job.run.owner_id",
        REDACTING,
    ),
    Mutant(
        "the longer of two times begins",
        "Retention.first_due",
        "min(days)",
        "max(days)",
        ("tests/unit/test_retention.py",),
    ),
    Mutant(
        "the end of a deletion waits like any other",
        "reporting:complete",
        "stamp._replace(forget_at=stamp.at)",
        "stamp",
        ("tests/unit/test_retention.py",),
    ),
    Mutant(
        "a cancelled job is never forgotten",
        "cancellation:cancel_job",
        "project.retention.first_due(now)",
        "None",
        ("tests/unit/test_retention.py",),
    ),
    Mutant(
        "a deletion redacts itself",
        "_forget_user",
        "after >= deletion.job_id",
        "after > deletion.job_id",
        ERASURES,
    ),
    Mutant(
        "a deletion that failed redacts",
        "has_deleted_its_user",
        "job.action == DELETE_USER_DATA and job.status is Status.COMPLETED",
        "job.action == DELETE_USER_DATA",
        ERASURES,
    ),
    Mutant(
        "a batch with persons is larger than a transaction",
        "_take_chunk",
        "2 + bool(new.params) + bool(person_of(project, new.reference_id))",
        "2 + bool(new.params)",
        ERASURES,
    ),
    Mutant(
        "a redacted job is still found",
        "redacting:_forget",
        "redacts and job.reference_id and job.action != DELETE_USER_DATA",
        "False",
        ERASURES,
    ),
    Mutant(
        "a deletion is forgotten with what it has deleted",
        "_without_payload",
        "has_deleted_its_user(job)",
        "False",
        ERASURES,
    ),
    Mutant(
        "nothing remains while the walk is under way",
        "prove",
        "project.retention.is_on and not ports.forgetting.has_walk(project.project_id)",
        "project.retention.is_on",
        ("tests/unit/test_walking.py",),
    ),
    Mutant(
        "a walk that does not wait",
        "walking:walk",
        "each.at <= settled",
        "True",
        ("tests/unit/test_walking.py",),
    ),
    Mutant(
        "a walk that a new retention does not begin again",
        "DynamoDBForgetting.move_walk",
        '"#at = :at AND jo = :jo"',
        '"(#at = :at OR #at > :jo) AND (jo = :jo OR jo < :jo)"',
        FORGETTING_CONTRACT,
    ),
    Mutant(
        "a project whose jobs are not cancelled",
        "closing:_cancel_jobs",
        "job.status.is_active",
        "False",
        OFFBOARDING,
    ),
    Mutant(
        "a project that leaves the rows that find its jobs",
        "of_project",
        '("payload", "ref", "idempotency", "deletion", "schedules")',
        '("payload", "idempotency", "deletion", "schedules")',
        OFFBOARDING,
    ),
    Mutant(
        "a project that is being deleted is shown",
        "directory:get_own_project",
        "project.closed_at is not None",
        "False",
        OFFBOARDING,
    ),
    # ---- schedules ------------------------------------------------------------------------------------------------
    Mutant(
        "an occurrence that is made twice",
        "state_update",
        'has_not_moved = "v = :v AND due = :seen"',
        'has_not_moved = "v = :v AND (due = :seen OR due <> :seen)"',
        SCHEDULES_CONTRACT,
    ),
    Mutant(
        "a job of a schedule as it was before its change",
        "state_update",
        'has_not_moved = "v = :v AND due = :seen"',
        'has_not_moved = "(v = :v OR v <> :v) AND due = :seen"',
        SCHEDULES_CONTRACT,
    ),
    Mutant(
        "a job whose schedule does not move with it",
        "DynamoDBJobStore.append",
        "[state_update(row.moved, self._shards) for row in rows if row.moved is not None]",
        "[]",
        SCHEDULES_CONTRACT,
    ),
    Mutant(
        "a change that takes back what a fire has moved",
        "_has_not_moved",
        '"due = :at"',
        '"due = :at OR due <> :at"',
        SCHEDULES_CONTRACT,
    ),
    Mutant(
        "a change that loses what is due",
        "_settled",
        "firing.is_due(seen, ports.clock.now())",
        "False",
        SCHEDULES,
    ),
    Mutant(
        "a schedule that is not looked at again",
        "firing:_after_commit",
        "[DueSchedule(at, project_id, of) for at, project_id, of in next_ones if at is not None]",
        "[]",
        SCHEDULES,
    ),
    Mutant(
        "an occurrence that is never late",
        "next_step",
        "horizon = now - LATE",
        "horizon = 0",
        SCHEDULES,
    ),
    Mutant(
        "the newest missed occurrence of any day",
        "occasions:_kept",
        "at >= now - LAST_WITHIN",
        "at >= 0",
        SCHEDULES,
    ),
    Mutant(
        "an occurrence beside an active job",
        "firing:_turn",
        "schedule.spec.overlap is Overlap.SKIP",
        "schedule.spec.overlap is Overlap.ALLOW",
        SCHEDULES,
    ),
    Mutant(
        "a fire before its time",
        "firing:is_due",
        "schedule.state.next_at <= now",
        "schedule.state.next_at <= now + 86_400_000",
        SCHEDULES,
    ),
    Mutant(
        "a project without a bound of schedules",
        "DynamoDBSchedules.add_schedule",
        '"attribute_not_exists(n) OR n < :most"',
        '"attribute_not_exists(n) OR n < :most OR n >= :most"',
        SCHEDULES_CONTRACT,
    ),
    Mutant(
        "a time that the clocks skip although it should run",
        "rhythm:_chosen",
        "gap is Gap.SHIFT",
        "gap is Gap.SKIP",
        RHYTHM,
    ),
    Mutant(
        "the first of two times for the second",
        "rhythm:_chosen",
        "{Fold.FIRST: both[:1], Fold.SECOND: both[1:], Fold.BOTH: both}",
        "{Fold.FIRST: both[:1], Fold.SECOND: both[:1], Fold.BOTH: both}",
        RHYTHM,
    ),
    Mutant(
        "a rhythm of elapsed time that the clocks change",
        "rhythm:_cron",
        "(Gap.SKIP, Fold.BOTH) if elapses else (of.gap, of.fold)",
        "(of.gap, of.fold)",
        RHYTHM,
    ),
    Mutant("an instant that has two occurrences", "rhythm:_cron", "at > last", "at >= last", RHYTHM),
    Mutant(
        "occurrences behind clocks that are put back",
        "earliest_wall_time",
        "min(wall_time(at, of), wall_time(at + timedelta(days=1), of) - timedelta(days=1))",
        "wall_time(at, of)",
        CLOCKS,
    ),
    Mutant(
        "occurrences out of order",
        "rhythm:_cron",
        "waiting[0][0] < found.first",
        "waiting[0][0] < found.first or found.second",
        CLOCKS,
    ),
)
