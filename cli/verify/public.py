"""The public dialect, call by call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.verify.report import Claims, expect
from cli.verify.service import answered, data, now, took

if TYPE_CHECKING:
    from cli.verify.service import Run

PUBLIC = Claims()
FIELDS = [
    *("jobId", "description", "status", "projectId", "action"),
    *("referenceId", "createdAt", "updatedAt", "startAt", "errors"),
]


@PUBLIC.add("public: a job is created, with its address in Location")
def _create(run: Run) -> str:
    answer = run.create(description="verify")
    job = data(answer, 201)
    expect(answer.headers.get("Location", "").endswith(f"/jobs/{job['jobId']}"), "Location is another address")
    expect(job["status"] == "scheduled", f"the job is {job['status']}")
    return took(answer)


@PUBLIC.add("public: a job has the ten documented fields in their order")
def _get(run: Run) -> str:
    made = run.job()
    answer = run.call("GET", f"{run.public}/jobs/{made['jobId']}")
    job = data(answer, 200)
    expect([*job] == FIELDS, f"the fields are {', '.join(job)}")
    expect(job == made, "the job differs from what its creation answered")
    return took(answer)


@PUBLIC.add("public: a list has rows, X-Total-Count and Link")
def _list(run: Run) -> str:
    run.job()
    answer = run.call("GET", f"{run.public}/jobs?limit=1")
    expect(len(data(answer, 200)) == 1, "the page of one has another number of rows")
    expect(answer.headers.get("X-Total-Count", "").isdigit(), "X-Total-Count is missing")
    expect('rel="last"' in answer.headers.get("Link", ""), "Link is missing")
    return f"{took(answer)}, {answer.headers['X-Total-Count']} jobs"


@PUBLIC.add("public: a filtered list has the newest job of an action first")
def _filtered(run: Run) -> str:
    newest = run.job()["jobId"]

    def look() -> bool:
        rows = data(run.call("GET", f"{run.public}/jobs?order=desc&action={run.action}&limit=5"), 200)
        expect(all(row["action"] == run.action for row in rows), "the list has jobs of other actions")
        return bool(rows) and rows[0]["jobId"] == newest

    run.wait(look, 10, "the newest job was not first")
    return f"job {newest}"


@PUBLIC.add("public: the messages of a job are listed")
def _messages(run: Run) -> str:
    answer = run.call("GET", f"{run.public}/jobs/{run.job()['jobId']}/messages")
    expect(data(answer, 200) == [], "a new job has messages")
    return took(answer)


@PUBLIC.add("public: a job is cancelled once, and then answers 400")
def _cancel(run: Run) -> str:
    job_id = run.job()["jobId"]
    answer = run.cancel(job_id)
    expect(data(answer, 200)["status"] == "cancelled", "the job is not cancelled")
    again = run.cancel(job_id)
    answered(again, 400, "the second cancellation")
    return took(answer)


@PUBLIC.add("public: a scheduled job is moved, and once it is cancelled answers 409")
def _move(run: Run) -> str:
    job_id, at = run.job()["jobId"], now() + 2 * 86_400_000
    path = f"{run.public}/jobs/{job_id}"
    answer = run.call("PATCH", path, json={"startAt": at})
    expect(data(answer, 200)["startAt"] == at, "the job has another start")
    expect(data(run.call("GET", path), 200)["startAt"] == at, "the job is shown with another start")
    run.cancel(job_id)
    answered(run.call("PATCH", path, json={"startAt": at}), 409, "a move of a cancelled job")
    return took(answer)


@PUBLIC.add("public: a cancelled job is retried, as its second attempt")
def _retry(run: Run) -> str:
    made = run.details(run.job()["jobId"])
    job_id = made["jobId"]
    data(run.cancel(job_id), 200)
    answer = run.call("POST", f"{run.public}/jobs/{job_id}/retry")
    expect(data(answer, 200)["status"] == "scheduled", "the job is not scheduled again")
    attempt = run.details(job_id)["attempt"]
    expect(attempt == made["attempt"] + 1, f"it is attempt {attempt}")
    run.cancel(job_id)
    return took(answer)


@PUBLIC.add("public: an Idempotency-Key that comes again makes no second job; with another body it answers 422")
def _idempotency(run: Run) -> str:
    headers, body = {"Idempotency-Key": f"verify-{run.mark}"}, {"startAt": now() + 86_400_000}
    first = data(run.create(headers, **body), 201)
    second = data(run.create(headers, **body), 200)
    expect(first["jobId"] == second["jobId"], f"jobs {first['jobId']} and {second['jobId']}")
    other = run.create(headers, **body, description="other")
    answered(other, 422, "another body")
    return f"job {first['jobId']} twice"
