"""The service as template.yaml has it: the functions' own handlers, wired to simulated services."""

from __future__ import annotations

import gc
import importlib
import json
import threading
from collections import deque
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cached_property, partial
from random import Random
from typing import TYPE_CHECKING, Any
from unittest import mock

from jobs.errors import JobsError
from jobs.model import SECOND
from jobs.runtime import observability, wiring
from jobs.runtime.settings import Settings
from jobs.runtime.wiring import THREADS, Wiring
from jobs.store.table import Table as StoreTable

from tests.architecture.project import RESOURCES, TEMPLATE, events, properties
from tests.builders import NOW
from tests.proofs.simulation.bus import Bus, EventsClient, Subscription
from tests.proofs.simulation.functions import (
    ACCOUNT_CONCURRENCY,
    Account,
    Function,
    QueueSource,
    Schedule,
    StreamSource,
)
from tests.proofs.simulation.ledger import Ledger, LedgerLogger, LedgerMeter
from tests.proofs.simulation.queues import Queue, SQSClient
from tests.proofs.simulation.table import COLD_UNITS, PARTS, DynamoDBClient, Table
from tests.proofs.simulation.timeline import Timeline
from tests.proofs.simulation.wire import NO_FAULTS, Environment, Killed
from tests.proofs.simulation.world import World
from tests.stores import WholeStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from jobs.ports import Parallel

    from tests.proofs.simulation.functions import Context, Done, Handler
    from tests.proofs.simulation.world import Json

START_QUEUE = "StartQueue"
FIRE_QUEUE = "FireQueue"
INGEST_QUEUE = "IngestQueue"
ACCOUNT_ID = "123456789012"
#: Functions behind the HTTP API. The simulation calls their use cases directly.
HTTP = ("create_job", "cancel_job", "move_job", "manage_schedules")
SCHEDULED = ("dispatch_due_jobs", "reap_lost_jobs", "redact_jobs")


class Wired(Wiring):
    """The composition root in one environment: the deployed one, with simulated services, time and chance."""

    def __init__(self, environment: Environment, stack: Stack) -> None:
        super().__init__(stack.variables)
        self._stack = stack
        self._environment = environment

    @cached_property
    def clock(self) -> Environment:
        """Simulated time."""
        return self._environment

    @cached_property
    def meter(self) -> LedgerMeter:
        """Counts go to the ledger."""
        return LedgerMeter(self._stack.world.ledger)

    @cached_property
    def parallel(self) -> Parallel:
        """Processes of the timeline."""
        return partial(in_processes, self._stack.world)

    @cached_property
    def random(self) -> Callable[[], float]:
        """Repeatable random numbers."""
        return self._stack.world.random.random

    @cached_property
    def token(self) -> Callable[[], str]:
        """Repeatable tokens."""
        return self._stack.token

    @cached_property
    def _dynamodb(self) -> Any:
        return DynamoDBClient(self._environment, self._stack.table)

    @cached_property
    def _sqs(self) -> Any:
        return SQSClient(self._environment, self._stack.world, self._stack.queues)

    @cached_property
    def _events(self) -> Any:
        return EventsClient(self._environment, self._stack.world, self._stack.bus)

    @cached_property
    def _s3(self) -> Any:
        return EmptyBuckets()

    def _monotonic(self) -> float:
        return self._environment.timeline.now / SECOND


class EmptyBuckets:
    """The client of S3: no worker of a run puts a file."""

    def list_object_versions(self, **_: Any) -> Any:
        """There are none."""
        return {"IsTruncated": False}


def in_processes(world: World, work: Callable[[Any], Any], given: Iterable[Any]) -> list[Any]:
    """`Parallel` by processes of the timeline. An invocation that Lambda ends takes all of them with it."""
    waiting = deque(enumerate(given))
    results: dict[int, Any] = {}
    failures: list[BaseException] = []

    def take() -> None:
        while waiting and not failures:
            place, item = waiting.popleft()
            try:
                results[place] = work(item)
            except (Exception, Killed) as error:  # noqa: BLE001  # raised again in the thread that waits for all
                failures.append(error)

    if not waiting:
        return []
    world.timeline.wait_for([take] * min(THREADS, len(waiting)))
    if failures:
        raise failures[0]
    return [results[place] for place in sorted(results)]


class Stack:
    """The whole service, or with only those of the functions that run each minute which are `scheduled`."""

    def __init__(
        self, world: World, scheduled: Sequence[str] = SCHEDULED, /, *, warm: float = COLD_UNITS, **parameters: int
    ) -> None:
        self.world = world
        self._parameters = parameters
        self._local = threading.local()
        self._tokens = 0
        parameters_of = {
            "SHARD_COUNT": "ShardCount",
            "START_BATCH_SIZE": "StartBatchSize",
            "CREDENTIAL_CACHE_SECONDS": "CredentialCacheSeconds",
        }
        #: The environment of every function.
        self.variables = {
            "JOBS_TABLE": "jobs",
            "START_QUEUE_URL": START_QUEUE,
            "FIRE_QUEUE_URL": FIRE_QUEUE,
            "INGEST_QUEUE_URL": INGEST_QUEUE,
            "INGEST_DEAD_LETTER_QUEUE_URL": RESOURCES[INGEST_QUEUE]["Properties"]["RedrivePolicy"][
                "deadLetterTargetArn"
            ]["Fn::GetAtt"][0],
            "ACCOUNT_ID": ACCOUNT_ID,
            "EVENT_BUS_NAME": "bus",
            "ARTIFACTS_BUCKET": "artifacts",
            "SESSIONS_BUCKET": "sessions",
            **{name: str(self._value({"Ref": parameter})) for name, parameter in parameters_of.items()},
        }
        self.settings = Settings(self.variables)
        self.table = Table(world.ledger, world.random, world.faults, warm)
        self.bus = Bus(world, ACCOUNT_ID)
        self.account = Account()
        self.queues: dict[str, Queue] = {}
        for name in (START_QUEUE, FIRE_QUEUE, INGEST_QUEUE):
            self._make_queue(name)
        self.functions = {name: self._function(name, self._boot_http) for name in HTTP}
        names = (*SCHEDULED, "start_jobs", "fire_schedules", "ingest_events", "publish_changes")
        self.functions |= {name: self._function(name, self._boot(name)) for name in names}
        self.schedules = {name: Schedule(world, self.functions[name]) for name in scheduled}
        self._source("start_jobs", START_QUEUE)
        self._source("fire_schedules", FIRE_QUEUE)
        self._source("ingest_events", INGEST_QUEUE)
        [stream] = events("publish_changes", "DynamoDB")
        stream = {name: self._value(value) for name, value in stream.items()}
        self.stream = StreamSource(world, self.functions["publish_changes"], stream, PARTS)
        self.table.on_record = self.stream.record
        pattern = RESOURCES["IngestRule"]["Properties"]["EventPattern"]
        self.bus.subscriptions.append(Subscription(pattern, self._to_ingest_queue))

    def call(self, function: str, use_case: Callable[[Wired], Any], done: Done) -> bool:
        """Call a use case in a function behind the HTTP API. A `JobsError` is an answer; None means that none came."""
        return self.functions[function].invoke(use_case, done)

    def stop(self, milliseconds: float) -> None:
        """Let no function begin for a time, as if others took all that the account has."""
        self.account.running += ACCOUNT_CONCURRENCY

        def go_on() -> None:
            self.account.running -= ACCOUNT_CONCURRENCY

        self.world.timeline.after(milliseconds, go_on)

    def token(self) -> str:
        """A transition token, of the length of a real one."""
        self._tokens += 1
        return f"{self._tokens:016x}"

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Put this stack's wiring in the place of the deployed one."""
        timeline = self.world.timeline
        logger = LedgerLogger(self.world.ledger)
        with ExitStack() as patches:
            patches.enter_context(mock.patch.object(wiring, "ports", self._wired))
            patches.enter_context(mock.patch.object(observability, "invocation", nullcontext))
            patches.enter_context(mock.patch.object(observability, "logger", return_value=logger))
            gc.disable()  # a run keeps nearly all objects; collecting would cost a quarter of the time
            try:
                yield
            finally:
                gc.enable()
                timeline.close()

    def _wired(self) -> Wired:
        """The wiring of this thread's environment."""
        wired: Wired = self._local.wired
        return wired

    def _value(self, value: Any) -> Any:
        """A value of the template, with a parameter replaced by its value in this stack."""
        if isinstance(value, dict) and value.get("Ref") in TEMPLATE["Parameters"]:
            name = value["Ref"]
            return self._parameters.get(name, TEMPLATE["Parameters"][name]["Default"])
        return value

    def _make_queue(self, name: str) -> Queue:
        described = RESOURCES[name]["Properties"]
        redrive = described.get("RedrivePolicy")
        dead = self._make_queue(redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]) if redrive else None
        queue = self.queues[name] = Queue(
            self.world,
            name,
            described.get("VisibilityTimeout", 30),
            redrive["maxReceiveCount"] if redrive else None,
            dead,
        )
        return queue

    def _function(self, name: str, boot: Callable[[Environment], Handler]) -> Function:
        described = {**TEMPLATE["Globals"]["Function"], **properties(name)}
        return Function(self.world, self.account, name, boot, described["MemorySize"], described["Timeout"])

    def _boot(self, name: str) -> Callable[[Environment], Handler]:
        module = importlib.import_module(f"functions.{name}.app")

        def boot(environment: Environment) -> Handler:
            wired = Wired(environment, self)

            def handle(event: Any, context: Context) -> Any:
                self._local.wired = wired
                return module.handler(event, context)

            return handle

        return boot

    def _boot_http(self, environment: Environment) -> Handler:
        wired = Wired(environment, self)

        def handle(use_case: Callable[[Wired], Any], _context: Context) -> Any:
            self._local.wired = wired
            try:
                return use_case(wired)
            except JobsError as error:
                return error

        return handle

    def _source(self, name: str, queue: str) -> None:
        [source] = events(name, "SQS")
        QueueSource(
            self.world,
            self.queues[queue],
            self.functions[name],
            source["BatchSize"],
            source.get("MaximumBatchingWindowInSeconds", 0),
            self._value(source["ScalingConfig"]["MaximumConcurrency"]),
        )

    def _to_ingest_queue(self, event: Json) -> None:
        self.queues[INGEST_QUEUE].send(json.dumps(event))


def a_simulated_store(shards: int) -> WholeStore:
    """The store on a simulated table without faults, whose index never lags."""
    world = World(Timeline(NOW), Random(1), NO_FAULTS, Ledger())  # noqa: S311  # to be repeated, not to be secret
    environment = Environment(world.timeline, world.random, world.faults, world.ledger, 1769)
    table = Table(world.ledger, world.random, world.faults)
    table.index_lag = 0
    client: Any = DynamoDBClient(environment, table)
    return WholeStore(StoreTable(client, "jobs", environment, world.random.random), shards, start_batch=25)
