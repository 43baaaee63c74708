"""The service on an AWS in memory that is put back to where it was in no time."""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import json
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, Protocol

from jobs.model import MINUTE
from jobs.store import keys
from moto.s3.models import s3_backends

from tests.conftest import TABLE
from tests.integration.conftest import Context
from tests.memory_aws import ACCOUNT, TableRows
from tests.proofs.faults.injection import Crash, Wire
from tests.proofs.faults.memory import BUCKET, FILES, Memory, Messages, Nothing, Objects, rows_of
from tests.proofs.faults.rows import jobs_of, told, without_chance, wrongs
from tests.proofs.faults.scenarios import NOW
from tests.proofs.faults.triggers import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes import FakeClock
    from tests.integration.conftest import Service
    from tests.proofs.faults.rows import Rows
    from tests.proofs.faults.scenarios import Event, Scenario

#: A job that is due within this time is hinted by the call that set its due time.
SOON = 3 * MINUTE


class Effects(NamedTuple):
    """What an invocation leaves behind, without chance, the clock, hints and repetitions."""

    rows: list[str]
    #: The status changes on the bus, and the ends that a worker reported.
    told: set[str]
    set_aside: set[str]
    objects: list[str]


class Look:
    """The table in one of its states."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    @cached_property
    def told(self) -> list[str]:
        """See `rows.told`."""
        return told(self.rows)

    @cached_property
    def wrongs(self) -> list[str]:
        """See `rows.wrongs`."""
        return wrongs(self.rows)


class BeginEnvironment(Protocol):
    """Give the next invocation a fresh environment."""

    def __call__(self, *, spent: bool) -> None:
        """Begin an environment; `spent` says that its clients have no retries left."""


class Limited(Context):
    """An invocation with a time-out in milliseconds."""

    def __init__(self, clock: FakeClock, milliseconds: int) -> None:
        self._clock = clock
        self._until = clock.now() + milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._until - self._clock.now()


class Arena:
    """The service on an AWS in memory that is put back to where it was in no time."""

    def __init__(self, service: Service, wire: Wire, clock: FakeClock, begin_environment: BeginEnvironment) -> None:
        self.service = service
        self.wire = wire
        self.clock = clock
        self._memories = {
            "dynamodb": Memory(TableRows(TABLE)),
            "eventbridge": Memory(Nothing()),
            "s3": Memory(Objects()),
            "sqs": Memory(Messages()),
        }
        self._begin_environment = begin_environment
        #: The function that is running, "" between invocations.
        self.function = ""
        self.log = io.StringIO()
        #: How many tokens were given out.
        self.numbers = count()
        self._rows: Rows = {}
        self._looks: dict[int, Look] = {}

    def prepare(self, scenario: Scenario) -> None:
        """Put what a scenario needs. `restore` goes back to this state."""
        self.wire.begin()
        self.wire.instead.clear()
        for memory in self._memories.values():
            memory.clear()
        scenario.prepare(self.service)
        backend = s3_backends[ACCOUNT]["aws"]
        for name in scenario.objects:
            backend.put_object(BUCKET, name, b"")
        for name in scenario.files:
            backend.put_object(FILES, name, b"")
        for service, memory in self._memories.items():
            memory.begin()
            self.wire.instead[service] = memory.ask
        self._looks.clear()
        self._rows = self.table.rows

    def restore(self) -> None:
        """Go back to where the scenario begins."""
        for memory in self._memories.values():
            memory.state = 0
        self.clock.time = NOW
        self.numbers = count()
        self.wire.done.clear()
        self.log.seek(0)
        self.log.truncate()

    def invoke(self, function: str, event: Event, milliseconds: int, *, spent: bool = False) -> Result:
        handler = importlib.import_module(f"functions.{function}.app").handler
        self._begin_environment(spent=spent)
        self.function = function
        with contextlib.redirect_stdout(self.log):
            try:
                return Result(handler(copy.deepcopy(event), Limited(self.clock, milliseconds)))
            except (Exception, Crash) as error:  # noqa: BLE001  # Lambda's part, which has the function called again
                return Result(raised=error)
            finally:
                self.function = ""

    @property
    def table(self) -> Look:
        """The table in its current state."""
        memory = self._memories["dynamodb"]
        if memory.state not in self._looks:
            self._looks[memory.state] = Look(rows_of(memory.now))
        return self._looks[memory.state]

    def effects(self) -> Effects:
        objects = sorted(f"{bucket}/{key}" for bucket, keys in self._memories["s3"].now.items() for key in keys)
        return Effects(self.table.told, set(self._told()), set(self.sent_to("IngestDeadLetterQueue")), objects)

    def sent_to(self, queue: str) -> list[str]:
        """The bodies of the single messages that a queue has taken."""
        asked = [parameters for operation, parameters in self.wire.done if operation == "SendMessage"]
        return [each["MessageBody"] for each in asked if each["QueueUrl"].endswith(f"/{queue}")]

    def hinted(self) -> set[keys.Key]:
        """The jobs that the start queue knows."""
        found = set()
        for operation, parameters in self.wire.done:
            for entry in parameters["Entries"] if operation == "SendMessageBatch" else ():
                hint = json.loads(entry["MessageBody"])
                found |= {keys.job(hint["projectId"], job_id) for job_id, _ in hint["jobs"]}
        return found

    def made_due(self) -> set[keys.Key]:
        """The jobs that became due, now or soon, since the scenario began."""
        rows = self.table.rows
        latest = self.clock.now() + SOON
        of_jobs = {keys.job(job.project_id, job.job_id): job for job in jobs_of(rows)}
        due = {key for key, job in of_jobs.items() if job.due_at is not None and job.due_at < latest}
        return {key for key in due if rows[key] != self._rows.get(key)}

    def rows_made(self) -> int:
        return len(self.table.rows) - len(self._rows)

    def _told(self) -> Iterator[str]:
        for operation, parameters in self.wire.done:
            for entry in parameters["Entries"] if operation == "PutEvents" else ():
                detail = json.loads(entry["Detail"])
                if entry["Source"] == "jobs":
                    yield without_chance(f"{entry['DetailType']} {entry['Detail']}")
                elif entry["DetailType"] in {"Job Completed", "Job Failed"}:
                    yield f"{entry['DetailType']} {detail['jobId']} {detail['attempt']} {detail.get('errors')}"
