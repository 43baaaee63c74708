"""The worker kit: what a message leads to, which reports go out, and what happens beside the work."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from jobs_worker import Cancelled, Fatal, Job, NotReported, Retry, Worker
from jobs_worker.container import Container, main
from jobs_worker.errors import NotBegun
from jobs_worker.events import TRIES, Bus, Started
from jobs_worker.job import PROGRESS_EVERY, Severity
from jobs_worker.service import Service, State
from jobs_worker.testing import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

SHORT = 0.2


def a_body(number: int = 1, *, attempt: int = 1, source: str = "jobs", **changes: Any) -> str:
    """A message of the worker's queue."""
    detail = {
        "jobId": number,
        "description": "d",
        "referenceId": "r",
        "action": "export",
        "attempt": attempt,
        "params": {"month": 11},
        "projectKey": "P",
        "timeoutSeconds": 900,
        "deduplicationId": f"1-{number}-{2 * attempt}",
        **changes,
    }
    return json.dumps({"source": source, "detail-type": "Job Started", "detail": detail})


@dataclass
class FakeBus:
    """Notes reports, and refuses those of some types."""

    refuses: tuple[str, ...] = ()
    reports: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def put(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        if detail_type in self.refuses:
            raise NotReported(detail_type)
        self.reports.append((detail_type, detail))

    @property
    def types(self) -> list[str]:
        return [detail_type for detail_type, _ in self.reports]


@dataclass
class FakePlace:
    """A service whose job has the states of a list, one after the other; the last one stays."""

    states: list[State | OSError]
    attached: list[tuple[str, str]] = field(default_factory=list)
    looks: int = 0

    def state(self, _: Started) -> State:
        self.looks += 1
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, OSError):
            raise state
        return state

    def attach(self, _: Started, name: str, path: Path, format_: str) -> None:
        self.attached.append((name, f"{path}:{format_}"))


def a_worker(does: Callable[[Job], Any], bus: FakeBus, place: FakePlace | None = None, every: float = 0.02) -> Worker:
    worker = Worker()
    worker.action("export")(does)
    return worker.connected_to(bus, place, every)


RUNNING = State("running", 1)


# ---- what the work returns or raises is what is reported ----------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "outputs"),
    [([{"rows": 75}], [{"rows": 75}]), (None, []), ({"rows": 75}, [{"rows": 75}]), ("x", ["x"]), ([], []), (0, [0])],
)
def test_what_the_work_returns_becomes_the_outputs(made: Any, outputs: list[Any]) -> None:
    bus = FakeBus()

    a_worker(lambda _: made, bus).work(a_body())

    assert bus.reports == [("Job Completed", {"projectKey": "P", "jobId": 1, "attempt": 1, "outputs": outputs})]


def raising(error: Exception) -> Callable[[Job], Any]:
    def does(_: Job) -> Any:
        raise error

    return does


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        (ValueError("no such month"), {"errors": ["ValueError: no such month"]}),
        (ValueError(), {"errors": ["ValueError"]}),
        (ValueError("x" * 2_000), {"errors": ["ValueError: " + "x" * 238]}),
        (Retry("busy", after=60), {"errors": ["busy"], "retryAfter": 60}),
        (Retry("busy"), {"errors": ["busy"]}),
        (Retry(after=0), {"errors": ["Retry"], "retryAfter": 0}),
        (Fatal("no such table"), {"errors": ["no such table"], "retryable": False}),
    ],
    ids=repr,
)
def test_what_the_work_raises_is_a_failure_that_says_whether_to_try_again(
    error: Exception, reported: dict[str, Any]
) -> None:
    bus = FakeBus()

    a_worker(raising(error), bus).work(a_body(attempt=2))

    assert bus.reports == [("Job Failed", {"projectKey": "P", "jobId": 1, "attempt": 2, **reported})]


def test_a_cancelled_job_is_not_reported_on() -> None:
    bus = FakeBus()

    a_worker(raising(Cancelled()), bus).work(a_body())

    assert bus.reports == []


def test_a_job_has_what_its_caller_gave() -> None:
    seen: list[Job] = []

    a_worker(seen.append, FakeBus()).work(a_body(7, attempt=3))

    (job,) = seen
    of = (job.params, job.reference_id, job.description, job.action, job.attempt, job.job_id, job.project_key)
    assert of == ({"month": 11}, "r", "d", "export", 3, 7, "P")


def test_an_action_is_done_by_one_function() -> None:
    worker = a_worker(print, FakeBus())

    with pytest.raises(ValueError, match="twice"):
        worker.action("export")(print)


# ---- messages that are not worked on ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "",
        "x",
        "[]",
        "{}",
        "null",
        a_body(source="com.example"),
        a_body(params=1),
        a_body(jobId="x"),
        a_body(action="other"),
        a_body().replace("Job Started", "Job Completed"),
    ],
)
def test_what_is_not_a_start_of_an_action_of_ours_stays_in_the_queue(body: str) -> None:
    bus = FakeBus()

    with pytest.raises((ValueError, LookupError)):
        a_worker(print, bus).work(body)

    assert bus.reports == []


def test_a_start_that_is_delivered_again_is_worked_on_once_and_its_next_attempt_too() -> None:
    bus = FakeBus()
    done: list[Any] = []
    worker = a_worker(lambda job: done.append(job.attempt), bus)

    for _ in range(3):
        worker.work(a_body())
    worker.work(a_body(attempt=2))
    worker.work(a_body(2))

    assert done == [1, 2, 1]
    assert bus.types == ["Job Completed"] * 3


@pytest.mark.parametrize("state", [State("completed", 1), State("cancelled", 1), State("running", 2)])
def test_an_attempt_that_is_over_is_not_begun(state: State) -> None:
    bus = FakeBus()
    done: list[Any] = []

    a_worker(done.append, bus, FakePlace([state])).work(a_body())

    assert (done, bus.reports) == ([], [])


def test_a_service_that_does_not_answer_keeps_no_work_from_being_done() -> None:
    bus = FakeBus()

    a_worker(lambda _: None, bus, FakePlace([TimeoutError()])).work(a_body())

    assert bus.types == ["Job Completed"]


@pytest.mark.parametrize("refused", ["Job Completed", "Job Failed"])
def test_work_whose_end_was_not_reported_is_done_again(refused: str) -> None:
    bus = FakeBus((refused,))
    done: list[Any] = []

    def does(job: Job) -> None:
        done.append(job)
        if refused == "Job Failed":
            raise ValueError

    worker = a_worker(does, bus)
    with pytest.raises(NotReported):
        worker.work(a_body())
    bus.refuses = ()
    worker.work(a_body())

    assert len(done) == 2
    assert bus.types == [refused]


# ---- beside the work ----------------------------------------------------------------------------------------------


def test_progress_goes_out_once_a_second_and_always_with_words() -> None:
    bus = FakeBus()

    def does(job: Job) -> None:
        for percent in range(100):
            job.progress(percent)
        job.progress(99.5, "nearly")

    a_worker(does, bus).work(a_body())

    sent = [(detail["progress"], detail.get("message")) for kind, detail in bus.reports if kind == "Job Progress"]
    assert sent == [(0, None), (99.5, "nearly")]
    assert PROGRESS_EVERY == 1.0


def test_a_silent_worker_shows_three_times_within_the_time_out_that_it_is_alive() -> None:
    bus = FakeBus()

    a_worker(lambda _: time.sleep(1.2), bus).work(a_body(timeoutSeconds=1))

    beats = [detail for kind, detail in bus.reports if kind == "Job Progress"]
    assert len(beats) == 3
    assert beats[0] == {"projectKey": "P", "jobId": 1, "attempt": 1, "progress": 0}


def test_a_beat_that_is_not_taken_stops_nothing() -> None:
    bus = FakeBus(("Job Progress",))

    a_worker(lambda _: time.sleep(SHORT * 2), bus).work(a_body(timeoutSeconds=SHORT))

    assert bus.types == ["Job Completed"]


def until_cancelled(job: Job) -> None:
    """Work for five seconds, unless the job is cancelled."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        job.progress(1)
        time.sleep(0.01)


@pytest.mark.parametrize("then", [State("cancelled", 1), State("failed", 1), State("running", 2)])
def test_the_next_progress_stops_work_whose_attempt_is_over(then: State) -> None:
    bus = FakeBus()
    place = FakePlace([RUNNING, TimeoutError(), RUNNING, then])
    began = time.monotonic()

    a_worker(until_cancelled, bus, place).work(a_body())

    assert time.monotonic() - began < 2
    assert set(bus.types) == {"Job Progress"}
    assert place.looks >= 4


def test_nobody_looks_where_no_service_is_known() -> None:
    bus = FakeBus()

    def does(job: Job) -> None:
        time.sleep(0.1)
        job.check()

    a_worker(does, bus).work(a_body())

    assert bus.types == ["Job Completed"]


def test_files_are_named_among_the_outputs_once_each() -> None:
    bus, place = FakeBus(), FakePlace([RUNNING])

    def does(job: Job) -> list[Any]:
        job.attach("a.csv", "/x/a.csv")
        job.attach("b.csv", "/x/b.csv", format="Csv")
        job.attach("a.csv", "/x/a2.csv")
        return [{"rows": 1}]

    a_worker(does, bus, place).work(a_body())

    assert bus.reports[-1][1]["outputs"] == [{"rows": 1}, {"artifact": "a.csv"}, {"artifact": "b.csv"}]
    assert place.attached == [("a.csv", "/x/a.csv:Raw"), ("b.csv", "/x/b.csv:Csv"), ("a.csv", "/x/a2.csv:Raw")]


def test_attaching_without_a_service_says_what_to_set() -> None:
    bus = FakeBus()

    a_worker(lambda job: job.attach("a", "/x"), bus).work(a_body())

    assert bus.reports[-1][1]["errors"] == ["RuntimeError: set JOBS_URL and JOBS_KEY to attach files"]


def test_a_message_says_how_grave_it_is_and_when() -> None:
    bus = FakeBus()
    before = time.time_ns() // 1_000_000

    a_worker(lambda job: job.message("slow", Severity.WARNING), bus).work(a_body())

    kind, detail = bus.reports[0]
    assert (kind, detail["status"], detail["text"]) == ("Job Message", 2, "slow")
    assert before <= detail["at"] <= time.time_ns() // 1_000_000


# ---- a Lambda function --------------------------------------------------------------------------------------------


def a_context(seconds: float = 900) -> Any:
    """What Lambda hands over."""
    end = time.monotonic() + seconds
    return SimpleNamespace(get_remaining_time_in_millis=lambda: round(1000 * (end - time.monotonic())))


def a_batch(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"m{number}", "receiptHandle": f"r{number}", "body": body, "eventSource": "aws:sqs"}
            for number, body in enumerate(bodies)
        ]
    }


def test_a_batch_answers_with_those_that_must_come_again() -> None:
    bus = FakeBus()
    worker = a_worker(lambda _: None, bus)

    answer = worker.handler(a_batch(a_body(1), "poison", a_body(2), a_body(3, action="other"), a_body(1)), a_context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m3"}]}
    assert bus.types == ["Job Completed"] * 2


def test_a_batch_of_poison_alone_is_answered_too() -> None:
    answer = a_worker(print, FakeBus()).handler(a_batch("a", "b"), a_context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}, {"itemIdentifier": "m1"}]}


def test_nothing_is_begun_without_time_for_it() -> None:
    bus = FakeBus()
    done: list[Any] = []
    worker = a_worker(done.append, bus)

    with pytest.raises(NotBegun):
        worker.work(a_body(), None, lambda: 0.0)
    assert (done, bus.reports) == ([], [])
    worker.work(a_body(), None, lambda: 0.1)
    assert len(done) == 1


@pytest.mark.parametrize(("at_first", "later", "taken"), [(900, 10.1, 2), (900, 9.9, 1), (3, 1.1, 2), (3, 0.9, 1)])
def test_a_function_begins_nothing_in_its_last_seconds_whatever_its_time_out(
    at_first: float, later: float, taken: int
) -> None:
    left = [at_first]
    context: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: round(1000 * left[0]))

    def does(_: Job) -> None:
        left[0] = later

    answer = a_worker(does, FakeBus()).handler(a_batch(a_body(1), a_body(2)), context)

    assert len(answer["batchItemFailures"]) == 2 - taken


def test_work_that_the_function_has_no_time_for_fails_honestly() -> None:
    bus = FakeBus()

    a_worker(until_cancelled, bus).handler(a_batch(a_body()), a_context(0.6))

    assert bus.reports[-1] == (
        "Job Failed",
        {"projectKey": "P", "jobId": 1, "attempt": 1, "errors": ["the time of the function was over"]},
    )


# ---- the bus ------------------------------------------------------------------------------------------------------


class EventsClient:
    """Answers PutEvents as told, then takes everything."""

    def __init__(self, *answers: Any) -> None:
        self.answers = [*answers]
        self.entries: list[dict[str, Any]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803  # AWS's name
        self.entries += Entries
        answer = self.answers.pop(0) if self.answers else {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
        if isinstance(answer, Exception):
            raise answer
        return answer


REFUSED = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}]}
ERRORS = [
    REFUSED,
    ClientError({"Error": {"Code": "ThrottlingException"}}, "PutEvents"),
    EndpointConnectionError(endpoint_url="https://events"),
]


@pytest.mark.parametrize("error", ERRORS, ids=["entry", "call", "network"])
def test_a_report_is_put_until_it_is_taken(error: Any) -> None:
    client = EventsClient(*[error] * (TRIES - 1))
    pauses: list[float] = []

    Bus(client, "jobs", "com.example", pauses.append).put("Job Progress", {"jobId": 1})

    assert len(client.entries) == TRIES
    assert client.entries[-1] == {
        "EventBusName": "jobs",
        "Source": "com.example",
        "DetailType": "Job Progress",
        "Detail": '{"jobId": 1}',
    }
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2]


@pytest.mark.parametrize("error", ERRORS, ids=["entry", "call", "network"])
def test_a_report_that_is_never_taken_is_an_error(error: Any) -> None:
    with pytest.raises(NotReported):
        Bus(EventsClient(*[error] * TRIES), "jobs", "com.example", lambda _: None).put("Job Progress", {})


def test_a_worker_says_which_setting_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JOBS_EVENT_BUS", "JOBS_SOURCE", "JOBS_URL", "JOBS_KEY"):
        monkeypatch.delenv(name, raising=False)
    worker = Worker(bus="jobs")
    worker.action("export")(print)

    with pytest.raises(RuntimeError, match="JOBS_SOURCE"):
        worker.work(a_body())


# ---- the service --------------------------------------------------------------------------------------------------


class Api(http.server.BaseHTTPRequestHandler):
    """The service and S3 in one: notes requests, and answers as told."""

    requests: list[tuple[str, str, dict[str, str], bytes]]
    answers: dict[str, tuple[int, dict[str, str], bytes]]

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        path = self.path.partition("?")[0]
        self.requests.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
        status, headers, body = self.answers[path]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815  # the names of http.server

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[tuple[str, type[Api]]]:
    handler = type("Handler", (Api,), {"requests": [], "answers": {}})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()
    thread.join()


JOB = "/public/P/jobs/1"


def test_the_state_of_a_job_is_read_with_the_key(api: tuple[str, type[Api]]) -> None:
    url, handler = api
    handler.answers[JOB] = (200, {}, b'{"data":{"status":"running","attempt":2}}')

    assert Service(f"{url}/", "k").state(Started.from_body(a_body())) == State("running", 2)

    ((method, path, headers, _),) = handler.requests
    assert (method, path, headers["Authorization"]) == ("GET", f"{JOB}?include=details", "Bearer k")


def test_the_key_follows_no_redirect(api: tuple[str, type[Api]]) -> None:
    url, handler = api
    handler.answers[JOB] = (302, {"Location": f"{url}/elsewhere"}, b"")

    with pytest.raises(HTTPError) as refused:
        Service(url, "k").state(Started.from_body(a_body()))

    assert refused.value.code == 302
    refused.value.close()
    assert len(handler.requests) == 1


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"x" * 3_000_000], ids=len)
def test_a_file_is_announced_with_its_digest_and_put_without_the_key(
    api: tuple[str, type[Api]], tmp_path: Path, content: bytes
) -> None:
    url, handler = api
    place = {
        "data": {"artifactId": "a", "url": f"{url}/bucket/key?X-Amz-Signature=s", "headers": {"If-None-Match": "*"}}
    }
    handler.answers[f"{JOB}/artifacts"] = (201, {}, json.dumps(place).encode())
    handler.answers["/bucket/key"] = (200, {}, b"")
    path = tmp_path / "file"
    path.write_bytes(content)

    Service(url, "k").attach(Started.from_body(a_body()), "report.csv", path, "Raw")

    announced, put = handler.requests
    assert json.loads(announced[3]) == {
        "name": "report.csv",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "format": "Raw",
        "attempt": 1,
    }
    assert (put[0], put[1], put[3]) == ("PUT", "/bucket/key?X-Amz-Signature=s", content)
    assert put[2]["If-None-Match"] == "*"
    assert "Authorization" not in put[2]


def test_an_address_that_is_not_http_is_refused() -> None:
    with pytest.raises(ValueError, match="https"):
        Service("file:///etc", "k")


# ---- a container --------------------------------------------------------------------------------------------------


class Queue:
    """An SQS client with some messages."""

    def __init__(self, *bodies: str, errors: int = 0, deletions: int = 1) -> None:
        self.waiting = [{"Body": body, "ReceiptHandle": f"r{number}"} for number, body in enumerate(bodies)]
        self.deleted: list[str] = []
        self.shown: list[tuple[str, int]] = []
        self.most: list[int] = []
        self.errors = errors
        self.deletions = deletions
        self.done = threading.Event()

    def receive_message(self, MaxNumberOfMessages: int, **_: Any) -> Any:  # noqa: N803
        if self.errors:
            self.errors -= 1
            raise EndpointConnectionError(endpoint_url="https://sqs")
        self.most.append(MaxNumberOfMessages)
        if not self.waiting:
            time.sleep(0.01)
            return {}
        taken, self.waiting = self.waiting[:MaxNumberOfMessages], self.waiting[MaxNumberOfMessages:]
        return {"Messages": taken}

    def delete_message(self, ReceiptHandle: str, **_: Any) -> None:  # noqa: N803
        self.deleted.append(ReceiptHandle)
        if len(self.deleted) == self.deletions:
            self.done.set()

    def change_message_visibility(self, ReceiptHandle: str, VisibilityTimeout: int, **_: Any) -> None:  # noqa: N803
        self.shown.append((ReceiptHandle, VisibilityTimeout))


def worked(container: Container, ready: threading.Event) -> None:
    """Run a container until something has happened, and end it."""
    thread = threading.Thread(target=container.run)
    thread.start()
    assert ready.wait(5)
    container.end()
    thread.join(5)
    assert not thread.is_alive()


def test_a_container_deletes_what_was_worked_on_and_leaves_the_rest() -> None:
    bus, queue = FakeBus(), Queue(a_body(1), "poison", a_body(2), a_body(1), deletions=3)

    worked(Container(a_worker(lambda _: None, bus), queue, "url", threads=2), queue.done)

    assert sorted(queue.deleted) == ["r0", "r2", "r3"]
    assert bus.types == ["Job Completed"] * 2
    assert max(queue.most) <= 2


def test_a_container_goes_on_when_the_queue_could_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs_worker.container.PAUSE", 0.01)
    queue = Queue(a_body(), errors=3)

    worked(Container(a_worker(lambda _: None, FakeBus()), queue, "url", threads=1), queue.done)

    assert queue.deleted == ["r0"]


def test_a_container_that_ends_gives_back_what_it_is_at() -> None:
    bus, queue, begun = FakeBus(), Queue(a_body()), threading.Event()

    def does(job: Job) -> None:
        begun.set()
        until_cancelled(job)

    worked(Container(a_worker(does, bus), queue, "url", threads=1), begun)

    assert (queue.deleted, queue.shown) == ([], [("r0", 0)])
    assert set(bus.types) == {"Job Progress"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nowhere:worker", "--queue-url", "q"], "No module named 'nowhere'"),
        (["run", "json:dumps", "--queue-url", "q"], "is no Worker"),
        (["run", "json:worker", "--queue-url", "q"], "has no attribute 'worker'"),
        (["run", "json", "--queue-url", "q"], "must be module:worker"),
        (["run", "json:dumps"], "set --queue-url or JOBS_QUEUE_URL"),
    ],
)
def test_a_wrong_call_is_told_what_is_wrong(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOBS_QUEUE_URL", raising=False)

    assert main(arguments) == 2

    assert said in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["-1", "21", "x"])
def test_a_look_at_the_queue_takes_no_longer_than_sqs_lets_it(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "json:dumps", "--queue-url", "q", "--wait", seconds])

    assert ended.value.code == 2
    assert "--wait" in capsys.readouterr().err


# ---- testing without AWS ------------------------------------------------------------------------------------------


def test_an_action_can_be_tried_without_aws(tmp_path: Path) -> None:
    worker = Worker()

    @worker.action("export")
    def export(job: Job) -> list[Any]:
        job.progress(50, "half")
        job.message("odd")
        path = tmp_path / "a.csv"
        path.write_text(str(job.params["month"]))
        job.attach("a.csv", path)
        return [{"rows": 75}]

    ran = run(worker, "export", {"month": 11})

    assert (ran.outcome, ran.outputs) == ("completed", [{"rows": 75}, {"artifact": "a.csv"}])
    assert (ran.progress, ran.messages, ran.files) == ([50], ["half", "odd"], {"a.csv": b"11"})


def test_a_trial_shows_how_an_action_fails_or_stops() -> None:
    worker = Worker()
    worker.action("fatal")(raising(Fatal("no")))
    worker.action("again")(raising(Retry("busy", after=5)))
    worker.action("long")(until_cancelled)

    fatal, again = run(worker, "fatal"), run(worker, "again", attempt=2)

    assert (fatal.outcome, fatal.errors, fatal.retryable) == ("failed", ["no"], False)
    assert (again.errors, again.retryable, again.retry_after) == (["busy"], True, 5)
    assert run(worker, "long", cancelled=True).outcome == "cancelled"
