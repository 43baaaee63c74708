"""The service as its callers see it: requests that go out exactly as they are given, and the jobs that they made."""

from __future__ import annotations

import math
import secrets
import time
from typing import TYPE_CHECKING, Any

import httpx

from cli.verify.report import Unproven, Wrong, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.verify.options import Options

#: Bounds of a whole run.
MAX_REQUESTS = 600
MAX_SECONDS = 110.0
MAX_SECONDS_LONG = 220.0
#: Seconds between two looks.
PAUSE = 0.4
#: How often a request that was throttled is sent.
TRIES = 4
DAY = 86_400_000
ACTIVE = ("scheduled", "running")


class Run:
    """One verification: the service, the options, and what was made so far."""

    def __init__(
        self,
        options: Options,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.options = options
        #: In the action and in every user id of this run, so that its jobs can be told from others.
        self.mark = secrets.token_hex(4)
        self.action = f"verify.{self.mark}"
        self.made: set[int] = set()
        #: What earlier checks leave for later ones.
        self.notes: dict[str, Any] = {}
        self.requests = 0
        self.sleep = sleep
        self.deadline = time.monotonic() + (MAX_SECONDS_LONG if options.long else MAX_SECONDS)
        self._client = httpx.Client(
            base_url=options.url, timeout=15, transport=transport, trust_env=not options.loopback
        )

    @property
    def public(self) -> str:
        """Base of the project's paths in the public dialect."""
        return f"/public/{self.options.project}"

    @property
    def v1(self) -> str:
        """Base of the project's paths in OpenReplay's v1."""
        return f"/api/v1/{self.options.project}"

    def send(self, method: str, target: str, tries: int = TRIES, **request: Any) -> httpx.Response:
        """Send one request whose target stays as it is given; a throttled one is sent again.

        Raises:
            Wrong: no answer came, or the run has sent as many requests as it may.
            Unproven: the time of the run is over.
        """
        path = self._client.base_url.path.rstrip("/") + target
        for tried in range(1, tries + 1):
            if time.monotonic() > self.deadline:
                raise Unproven("the time of the run was over")
            self.requests += 1
            expect(self.requests <= MAX_REQUESTS, f"{MAX_REQUESTS} requests were not enough")
            try:
                answer = self._client.request(method, "/", extensions={"target": path.encode()}, **request)
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                raise Wrong(f"no answer: {type(error).__name__}") from None
            if answer.status_code not in {429, 503} or tried == tries:
                break
            self.sleep(min(_retry_after(answer), 3.0))
        return answer

    def follow(self, method: str, url: str, **request: Any) -> httpx.Response:
        """Send one request to an address that the service gave, with no credential of ours.

        Raises:
            Wrong: no answer came.
        """
        self.requests += 1
        try:
            return self._client.request(method, url, **request)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Wrong(f"no answer: {type(error).__name__}") from None

    def call(self, method: str, target: str, **request: Any) -> httpx.Response:
        """Send one request with the key, in the way of the path's dialect."""
        key = self.options.key
        authorization = key if target.startswith("/api/v1/") else f"Bearer {key}"
        headers = {"Authorization": authorization, **request.pop("headers", {})}
        return self.send(method, target, headers=headers, **request)

    def create(self, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        """Ask for a job. It is due in a day unless the body says otherwise, so it does not start by itself."""
        wanted = {"action": self.action, "startAt": now() + DAY, **body}
        answer = self.call("POST", f"{self.public}/jobs", json=wanted, headers=headers or {})
        self.note(answer)
        return answer

    def job(self, **body: Any) -> dict[str, Any]:
        """Create a job that other claims need.

        Raises:
            Wrong: there is none.
        """
        job: dict[str, Any] = data(self.create(**body), 201)
        return job

    def details(self, job_id: int) -> dict[str, Any]:
        """A job with its history.

        Raises:
            Wrong: it was not shown.
        """
        job: dict[str, Any] = data(self.call("GET", f"{self.public}/jobs/{job_id}?include=details"), 200)
        return job

    def cancel(self, job_id: int) -> httpx.Response:
        """Cancel a job in the public dialect."""
        return self.call("DELETE", f"{self.public}/jobs/{job_id}")

    def note(self, answer: httpx.Response) -> None:
        """Remember the job of an answer, to cancel it at the end."""
        try:
            self.made.add(int(answer.json()["data"]["jobId"]))
        except (KeyError, TypeError, ValueError):
            return

    def wait(self, look: Callable[[], Any], seconds: float, otherwise: str) -> Any:
        """Look until there is something to see.

        Raises:
            Wrong: nothing was seen within these seconds.
        """
        until = time.monotonic() + seconds
        while not (seen := look()):
            expect(time.monotonic() < until, f"{otherwise} within {seconds:.0f} s")
            self.sleep(PAUSE)
        return seen

    def wait_for(self, job_id: int, status: str, seconds: float, attempt: int = 1) -> dict[str, Any]:
        """Wait until a job has a status in an attempt; its details.

        Raises:
            Wrong: it did not get there.
        """

        def look() -> dict[str, Any] | None:
            job = self.details(job_id)
            return job if (job["status"], job["attempt"]) == (status, attempt) else None

        job: dict[str, Any] = self.wait(look, seconds, f"job {job_id} was not {status} in attempt {attempt}")
        return job


def answered(answer: httpx.Response, status: int, what: str = "it") -> None:
    """Go on only if an answer has a status.

    Raises:
        Wrong: it has another.
    """
    expect(answer.status_code == status, f"{what} answered {answer.status_code}, not {status}")


def data(answer: httpx.Response, status: int) -> Any:
    """What an answer of v1 or public holds.

    Raises:
        Wrong: it has another status, or another form.
    """
    answered(answer, status)
    try:
        return answer.json()["data"]
    except (KeyError, TypeError, ValueError):
        raise Wrong(f"answered {status} without data") from None


def took(answer: httpx.Response) -> str:
    """The status of an answer and how long it took."""
    return f"{answer.status_code} in {answer.elapsed.total_seconds() * 1000:.0f} ms"


def now() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def percentile(values: list[int], share: float) -> int:
    """The value that a share of the values does not pass."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def _retry_after(answer: httpx.Response) -> float:
    try:
        return max(float(answer.headers.get("Retry-After", "1")), 0.0)
    except ValueError:
        return 1.0
