"""What happened, and what must always hold: kept beside the table, and checked during a run and at its end."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any

from jobs.model import TRANSITIONS, Status

from tests.proofs.simulation.wire import LostAnswer, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.proofs.simulation.expressions import Item

#: A job's path has a letter for each state.
LETTERS = {
    Status.SCHEDULED: "S",
    Status.RUNNING: "R",
    Status.COMPLETED: "C",
    Status.FAILED: "F",
    Status.CANCELLED: "X",
}
_STATUS = {letter: status for status, letter in LETTERS.items()}
_LEGAL = {(LETTERS[of], LETTERS[to]) for of, targets in TRANSITIONS.items() for to in targets}
#: The name of the event for each state.
_TOLD = {"S": "Job Retried", "R": "Job Started", "C": "Job Completed", "F": "Job Failed", "X": "Job Cancelled"}

#: How many violations are kept in words; the others are only counted.
MAX_KEPT = 50


class Ledger:
    """Counts, start lags, and violations."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        #: For each attempt that started: its lag in milliseconds, when it was due and scheduled, and its project.
        self.lags = array("d")
        self.due = array("d")
        self.known = array("d")
        self.projects = array("l")
        self.last_start = 0.0
        self._paths: dict[int, str] = {}
        self._scheduled_at: dict[int, float] = {}
        #: The published changes, as bits; the first bit is the creation.
        self._published: dict[int, int] = {}
        self._before = 0
        #: The moves that were committed and those that were published, by their job and their number in it.
        self._moved: set[tuple[int, int]] = set()
        self._told_moves: set[tuple[int, int]] = set()
        self._active_deletions: dict[tuple[str, str], int] = {}

    # ---- while it runs -------------------------------------------------------------------------------------------

    def violation(self, what: str) -> None:
        """Note something that must never happen."""
        self.counts["violations"] += 1
        if len(self.violations) < MAX_KEPT:
            self.violations.append(what)

    def seeded(self, project_id: int, job_id: int) -> None:
        """Note a job that was scheduled and published before the run, as all such jobs must be."""
        self._paths[_number(project_id, job_id)] = "S"
        self._before = 1

    def committed(self, now: float, old: Item | None, new: Item) -> None:
        """Check a write of a job's row."""
        number = _number(int(new["pk"]["S"].partition("#")[0]), int(new["sk"]["S"]))
        path = self._paths.get(number, "")
        letter = LETTERS[Status(new["st"]["S"])]
        length = len(new["h"]["L"])
        if old is not None and letter == path[-1:] and length == len(path):
            moves = int(new.get("mn", {"N": "0"})["N"])
            if moves != int(old.get("mn", {"N": "0"})["N"]):
                self._look_at_move(now, number, moves)
            return  # progress, or a move
        self.counts[f"job: {path[-1:] or '-'}{letter}"] += 1
        history = new["h"]["L"][-1]["L"]
        if length != len(path) + 1 or history[0]["S"] != new["st"]["S"]:
            self.violation(f"job {_name(number)}: {path} became {letter} with {length} changes in its history")
        if path and (path[-1], letter) not in _LEGAL:
            self.violation(f"job {_name(number)}: {path} became {letter}")
        if int(new["an"]["N"]) != path.count("S") + (letter == "S"):
            self.violation(f"job {_name(number)}: {path}{letter} is attempt {new['an']['N']}")
        self._paths[number] = path + letter
        if letter == "R" and old is not None and "due" in old:
            self._started(now, number, old, int(history[1]["N"]))
        elif letter == "S":
            self._scheduled_at[number] = now
        self._look_at_deletion(number, letter, new)

    def _look_at_move(self, now: float, number: int, moves: int) -> None:
        self.counts["job: moved"] += 1
        if self._paths[number] != "S" or (number, moves) in self._moved:
            self.violation(f"job {_name(number)}: {self._paths[number]} is moved for the time {moves}")
        self._moved.add((number, moves))
        self._scheduled_at[number] = now

    def _started(self, now: float, number: int, old: Item, at: int) -> None:
        due = int(old["due"]["N"])
        if at < due or now < due:
            self.violation(f"job {_name(number)}: due at {due}, started at {at}, which was {now}")
        self.lags.append(now - due)
        self.due.append(due)
        self.known.append(self._scheduled_at.get(number, 0.0))
        self.projects.append(number >> 32)
        self.last_start = max(self.last_start, now)

    def _look_at_deletion(self, number: int, letter: str, new: Item) -> None:
        if new["ac"]["S"] != "delete_user_data":
            return
        user = (new["pk"]["S"].partition("#")[0], new.get("rf", {"S": ""})["S"])
        if not _STATUS[letter].is_active:
            self._active_deletions.pop(user, None)
        elif self._active_deletions.setdefault(user, number) != number:
            self.violation(f"job {_name(number)}: a second active deletion of a user")

    def published(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Check an event of the service that the bus has taken."""
        name = detail["deduplicationId"]
        project_id, job_id, length, *move = (int(part.removeprefix("m")) for part in name.split("-"))
        number = _number(project_id, job_id)
        path = self._paths.get(number, "")
        if move or detail_type == "Job Rescheduled":
            if detail_type != "Job Rescheduled" or not move or (number, move[0]) not in self._moved:
                self.violation(f"event {name} says {detail_type}, and no such move was made")
            self._told_moves.update((number, moves) for moves in move)
            return
        right = "Job Scheduled" if length == 1 else _TOLD.get(path[length - 1 : length], "")
        if detail_type != right:
            self.violation(f"event {name} says {detail_type}, and the path is {path}")
        bit = 1 << (length - 1)
        seen = self._published.get(number, self._before)
        self.counts["event: published again" if seen & bit else "event: published"] += 1
        self._published[number] = seen | bit

    def raised(self, where: str, error: BaseException) -> None:
        """Check an exception that ended an invocation: a fault must be its cause."""
        self.counts[f"{where}: failed"] += 1
        if not _was_caused(error):
            self.violation(f"{where} raised {error!r} for no cause")

    def survived(self, call: str, error: BaseException) -> None:
        """Check an exception that the code caught: a fault must be its cause."""
        self.counts[f"survived: {call}"] += 1
        code = (getattr(error, "response", None) or {}).get("Error", {}).get("Code")
        if not _was_caused(error) and code not in {"InternalFailure", "ThrottlingException"}:
            self.violation(f"{call} swallowed {error!r}, which nothing has caused")

    def logged(self, level: str, message: str) -> None:
        """Note a log line that asks for attention: there is no cause for one."""
        self.violation(f"{level}: {message}")

    # ---- at the end ----------------------------------------------------------------------------------------------

    def check_rows(self, rows: Iterable[Item], until: float) -> None:
        """Check that nothing due by `until` is left undone, and that numbers are dense."""
        numbers: dict[int, set[int]] = {}
        for row in rows:
            if "st" not in row:
                continue
            project_id, job_id = int(row["pk"]["S"].partition("#")[0]), int(row["sk"]["S"])
            numbers.setdefault(project_id, set()).add(job_id)
            if "due" in row and int(row["due"]["N"]) <= until:
                self.violation(f"job {project_id}-{job_id} is {row['st']['S']}, and was due at {row['due']['N']}")
        for project_id, given in numbers.items():
            if given != set(range(1, len(given) + 1)):
                self.violation(f"project {project_id} has a gap among its {len(given)} numbers")

    def check_events(self) -> None:
        """Check that every change and every move was published."""
        for number, moves in self._moved - self._told_moves:
            self.violation(f"job {_name(number)}: move {moves} was not published")
        for number, path in self._paths.items():
            if self._published.get(number, self._before) != (1 << len(path)) - 1:
                self.violation(f"job {_name(number)}: not every change of {path} was published")

    @property
    def paths(self) -> Counter[str]:
        """The number of jobs for each path."""
        return Counter(self._paths.values())

    def path_of(self, project_id: int, job_id: int) -> str:
        """The states of a job, in order."""
        return self._paths.get(_number(project_id, job_id), "")


class LedgerMeter:
    """`Meter` that counts in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def count(self, name: str, value: float = 1) -> None:
        """See `Meter.count`."""
        self._ledger.counts[f"metric: {name}"] += int(value)

    def milliseconds(self, name: str, value: float) -> None:
        """See `Meter.milliseconds`."""

    def failed(self, call: str, error: Exception) -> None:
        """See `Meter.failed`."""
        self._ledger.survived(call, error)


class LedgerLogger:
    """Stands for Powertools' logger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def info(self, message: str, **_: Any) -> None:
        """A line of information."""

    def warning(self, message: str, **_: Any) -> None:
        """A warning, which somebody should read. The load has events that must be refused."""
        if message == "refused":
            self._ledger.counts["log: refused"] += 1
        else:
            self._ledger.logged("warning", message)

    def error(self, message: str, **_: Any) -> None:
        """An error, which somebody must read."""
        self._ledger.logged("error", message)


def _was_caused(error: BaseException | None) -> bool:
    """Whether a simulated fault caused an exception."""
    while error is not None:
        if isinstance(error, ServiceError | LostAnswer):
            return True
        error = error.__cause__ or error.__context__
    return False


def _number(project_id: int, job_id: int) -> int:
    return project_id << 32 | job_id


def _name(number: int) -> str:
    return f"{number >> 32}-{number & 0xFFFFFFFF}"
