"""The service as template.yaml has it: the functions' own handlers, wired to simulated services."""

from __future__ import annotations

import gc
import importlib
import json
import threading
from collections import deque
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from random import Random
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

from jobs.adapters import sqs
from jobs.adapters.eventbridge import EventBridgeBus
from jobs.adapters.sqs import SQSIngestQueue, SQSStartQueue
from jobs.errors import JobsError
from jobs.ports import Ports
from jobs.runtime import observability, wiring
from jobs.runtime.settings import Settings
from jobs.store import dynamodb
from jobs.store.directory import CachedDirectory, DynamoDBDirectory
from jobs.store.dynamodb import DynamoDBJobStore

from tests.architecture.project import RESOURCES, TEMPLATE, events, properties
from tests.builders import NOW
from tests.proofs.simulation.bus import Bus, EventsClient, Subscription
from tests.proofs.simulation.functions import Account, Function, QueueSource, Schedule, StreamSource
from tests.proofs.simulation.ledger import Ledger, LedgerLogger, LedgerMeter
from tests.proofs.simulation.queues import Queue, SQSClient
from tests.proofs.simulation.table import COLD_UNITS, PARTS, DynamoDBClient, Table
from tests.proofs.simulation.timeline import Timeline
from tests.proofs.simulation.wire import NO_FAULTS, Environment, Killed
from tests.proofs.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.proofs.simulation.functions import Context, Done, Handler
    from tests.proofs.simulation.world import Json

START_QUEUE = "StartQueue"
INGEST_QUEUE = "IngestQueue"
ACCOUNT_ID = "123456789012"
#: Functions behind the HTTP API that the simulation calls by their use cases, past HTTP.
HTTP = ("create_job", "cancel_job")
SCHEDULED = ("dispatch_due_jobs", "reap_lost_jobs")


@dataclass
class Wired:
    """What the composition root makes in one environment."""

    environment: Environment
    stack: Stack

    @property
    def clock(self) -> Environment:
        """The time."""
        return self.environment

    @cached_property
    def _dynamodb(self) -> Any:
        return DynamoDBClient(self.environment, self.stack.table)

    @cached_property
    def _sqs(self) -> Any:
        return SQSClient(self.environment, self.stack.world, self.stack.queues)

    @cached_property
    def _meter(self) -> LedgerMeter:
        return LedgerMeter(self.stack.world.ledger)

    @cached_property
    def store(self) -> DynamoDBJobStore:
        """The jobs."""
        return DynamoDBJobStore(
            self._dynamodb, "jobs", self.stack.settings.shards, start_batch=self.stack.settings.start_batch
        )

    @cached_property
    def directory(self) -> CachedDirectory:
        """Where projects are."""
        return CachedDirectory(
            DynamoDBDirectory(self._dynamodb, "jobs"),
            self.stack.settings.credential_cache_seconds,
            monotonic=lambda: self.environment.timeline.now / 1000,
        )

    @cached_property
    def bus(self) -> EventBridgeBus:
        """The bus."""
        client = EventsClient(self.environment, self.stack.world, self.stack.bus)
        return EventBridgeBus(lambda: client, "bus", self.environment, self._meter)

    @cached_property
    def ingest_queue(self) -> SQSIngestQueue:
        """Where events that are not taken go."""
        return SQSIngestQueue(lambda: self._sqs, INGEST_QUEUE, self.stack.queues[INGEST_QUEUE].dead.name, self._meter)  # type: ignore[union-attr]  # the template has one

    @cached_property
    def ports(self) -> Ports:
        """The world of the use cases."""
        return Ports(
            store=self.store,
            queue=SQSStartQueue(lambda: self._sqs, START_QUEUE, self.environment, self._meter),
            clock=self.environment,
            meter=self._meter,
            random=self.stack.world.random.random,
            token=self.stack.token,
        )


class Threads:
    """What stands for `ThreadPoolExecutor`: its threads are processes of the timeline."""

    def __init__(self, world: World, threads: int) -> None:
        self._world = world
        self._threads = threads

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """See `Executor.map`; an invocation that Lambda ends takes all its threads with it."""
        waiting = deque(enumerate(items))
        results: dict[int, Any] = {}
        failures: list[BaseException] = []

        def take() -> None:
            while waiting and not failures:
                place, item = waiting.popleft()
                try:
                    results[place] = work(item)
                except (Exception, Killed) as error:  # noqa: BLE001  # raised again in the thread that waits for all
                    failures.append(error)

        self._world.timeline.wait_for([take] * self._threads)
        if failures:
            raise failures[0]
        return [results[place] for place in sorted(results)]


class Stack:
    """All of it."""

    def __init__(self, world: World, *, warm: float = COLD_UNITS, **parameters: int) -> None:
        self.world = world
        self._parameters = parameters
        self._local = threading.local()
        self._tokens = 0
        self.settings = Settings(
            table="jobs",
            start_queue_url=START_QUEUE,
            ingest_queue_url=INGEST_QUEUE,
            account_id=ACCOUNT_ID,
            shards=self._value({"Ref": "ShardCount"}),
            start_batch=self._value({"Ref": "StartBatchSize"}),
            credential_cache_seconds=self._value({"Ref": "CredentialCacheSeconds"}),
        )
        self.table = Table(world.ledger, world.random, world.faults, warm)
        self.bus = Bus(world, ACCOUNT_ID)
        self.account = Account()
        self.queues: dict[str, Queue] = {}
        for name in (START_QUEUE, INGEST_QUEUE):
            self._make_queue(name)
        self.functions = {name: self._function(name, self._boot_http) for name in HTTP}
        names = (*SCHEDULED, "start_jobs", "ingest_events", "publish_changes")
        self.functions |= {name: self._function(name, self._boot(name)) for name in names}
        self.schedules = {name: Schedule(world, self.functions[name]) for name in SCHEDULED}
        self._source("start_jobs", START_QUEUE)
        self._source("ingest_events", INGEST_QUEUE)
        [stream] = events("publish_changes", "DynamoDB")
        self.stream = StreamSource(world, self.functions["publish_changes"], stream, PARTS)
        self.table.on_record = self.stream.record
        pattern = RESOURCES["IngestRule"]["Properties"]["EventPattern"]
        self.bus.subscriptions.append(Subscription(pattern, self._to_ingest_queue))

    def call(self, function: str, use_case: Callable[[Wired], Any], done: Done) -> bool:
        """Call a use case in a function behind the HTTP API; a `JobsError` is an answer, None the lack of one."""
        return self.functions[function].invoke(use_case, done)

    def token(self) -> str:
        """A transition token, of the length of a real one."""
        self._tokens += 1
        return f"{self._tokens:016x}"

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Put this stack in the place of the composition root, and simulated time into the store's own waiting."""

        def made(name: str) -> Any:
            return getattr(self._local.wired, name)

        timeline, random = self.world.timeline, self.world.random
        logger = LedgerLogger(self.world.ledger)
        waiting = mock.Mock(sleep=lambda seconds: made("clock").sleep(1000 * seconds))
        secrets = mock.Mock(token_urlsafe=lambda _: self.token(), SystemRandom=lambda: mock.Mock(random=random.random))
        with ExitStack() as patches:
            for name in ("ports", "store", "directory", "bus", "ingest_queue", "clock"):
                patches.enter_context(mock.patch.object(wiring, name, partial(made, name)))
            patches.enter_context(mock.patch.object(wiring, "settings", return_value=self.settings))
            patches.enter_context(mock.patch.object(observability, "invocation", nullcontext))
            patches.enter_context(mock.patch.object(observability, "logger", return_value=logger))
            patches.enter_context(mock.patch.object(sqs, "ThreadPoolExecutor", partial(Threads, self.world)))
            patches.enter_context(mock.patch.object(dynamodb, "time", waiting))
            patches.enter_context(mock.patch.object(dynamodb, "secrets", secrets))
            gc.disable()  # a run keeps nearly all that it makes: looking through that takes a quarter of the time
            try:
                yield
            finally:
                gc.enable()
                timeline.close()

    def _value(self, value: Any) -> Any:
        """What the template says, a parameter by its value in this stack."""
        if isinstance(value, dict) and "Ref" in value:
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


def a_simulated_store(shards: int) -> DynamoDBJobStore:
    """The store on a simulated table where nothing goes wrong, and whose index is not behind."""
    world = World(Timeline(NOW), Random(1), NO_FAULTS, Ledger())  # noqa: S311  # to be repeated, not to be secret
    environment = Environment(world.timeline, world.random, world.faults, world.ledger, 1769)
    table = Table(world.ledger, world.random, world.faults)
    table.index_lag = 0
    client: Any = DynamoDBClient(environment, table)
    return DynamoDBJobStore(client, "jobs", shards, start_batch=25)
