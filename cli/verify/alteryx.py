"""Alteryx v3, call by call, with a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from cli.verify.report import Claims, Unproven, expect
from cli.verify.service import answered, took

if TYPE_CHECKING:
    from cli.verify.service import Run

ALTERYX = Claims()


def _token(run: Run) -> str:
    if run.options.client is None:
        raise Unproven("say CLIENT=id:secret")
    if "token" not in run.notes:
        form = {"grant_type": "client_credentials"}
        answer = run.send("POST", "/webapi/oauth2/token", data=form, auth=run.options.client)
        answered(answer, 200, "the token endpoint")
        expect(answer.headers.get("Cache-Control") == "no-store", "the token may be stored")
        run.notes |= {"token": answer.json()["access_token"], "token took": took(answer)}
    token: str = run.notes["token"]
    return token


def _call(run: Run, method: str, target: str, **request: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {_token(run)}"}
    return run.send(method, f"/webapi/v3{target}", headers=headers, **request)


def _as_administrator(run: Run, method: str, target: str) -> httpx.Response:
    answer = _call(run, method, target)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise Unproven("the client is not an administrator's")
    answered(answer, 200)
    return answer


def _job(run: Run) -> str:
    """A job in Alteryx' form, which an administrator sees."""
    _as_administrator(run, "GET", "/jobs?limit=1")
    job = run.job()
    return f"{job['createdAt'] // 1000:08x}{job['projectId']:08x}{job['jobId']:08x}"


@ALTERYX.add("v3: a client gets a token for its secret")
def _issues(run: Run) -> str:
    _token(run)
    return str(run.notes["token took"])


@ALTERYX.add("v3: the organisation's jobs are listed, the newest first")
def _list(run: Run) -> str:
    wanted = _job(run)

    def look() -> httpx.Response | None:
        answer = _as_administrator(run, "GET", "/jobs?limit=20")
        return answer if wanted in [row["jobId"] for row in answer.json()["data"]] else None

    return took(run.wait(look, 10, "the new job was not listed"))


@ALTERYX.add("v3: the organisation's jobs are filtered, and what cannot be filtered is refused")
def _filter(run: Run) -> str:
    wanted = _job(run)
    answer = _as_administrator(run, "GET", f"/jobs?statuses=queued&workflowNames={run.action}&limit=100000")
    rows = answer.json()["data"]
    expect(wanted in [row["jobId"] for row in rows], "the new job does not pass")
    expect({(row["status"], row["workflowName"]) for row in rows} == {("Queued", run.action)}, "others pass the filter")
    refused = _call(run, "GET", "/jobs?statuses=failed")
    answered(refused, 400, "a status that there is not")
    expect("statuses" in refused.json().get("modelState", {}), "modelState does not name it")
    return took(answer)


@ALTERYX.add("v3: a job is shown, with its messages")
def _get(run: Run) -> str:
    wanted = _job(run)
    answer = _as_administrator(run, "GET", f"/jobs/{wanted}")
    job = answer.json()
    expect((job["id"], job["status"]) == (wanted, "Queued"), "it shows another job")
    expect(job["messages"] == [], "a new job has messages")
    return took(answer)


@ALTERYX.add("v3: the messages of a job are shown")
def _messages(run: Run) -> str:
    answer = _as_administrator(run, "GET", f"/jobs/{_job(run)}/messages")
    expect(answer.json()["messages"] == [], "a new job has messages")
    return took(answer)


@ALTERYX.add("v3: a queued job is deleted by its cancellation")
def _cancel(run: Run) -> str:
    target = f"/jobs/{_job(run)}"
    answer = _as_administrator(run, "DELETE", target)
    expect(answer.json() == {"message": "Deleted Successfully."}, "the sentence is another")
    gone = _call(run, "GET", target)
    answered(gone, 404, "the deleted job")
    return took(answer)


@ALTERYX.add("v3: a workflow that nobody knows is not found")
def _unknown(run: Run) -> str:
    for rest in ("", "/questions"):
        answer = _call(run, "GET", f"/workflows/{run.action}{rest}")
        answered(answer, 404)
        expect(answer.json() == {"message": "Workflow not found."}, "the sentence is another")
    return took(answer)


@ALTERYX.add("v3: a workflow is run")
def _run(run: Run) -> str:
    _token(run)
    if run.options.workflow is None:
        raise Unproven("say WORKFLOW=id of one whose run does no harm")
    answer = _call(run, "POST", f"/workflows/{run.options.workflow}/jobs", json={})
    answered(answer, 200)
    job_id = answer.json()["id"]
    # the client's project may be another than PROJECT, so it is cancelled here
    run.notes.setdefault("v3 jobs", []).append(job_id)
    cancelled = _call(run, "DELETE", f"/jobs/{job_id}")
    answered(cancelled, 200, "its cancellation")
    run.notes["v3 jobs"].remove(job_id)
    return took(answer)


@ALTERYX.add("v3: a workflow that has run is found, and what it asks")
def _find(run: Run) -> str:
    _token(run)
    if run.options.workflow is None:
        raise Unproven("say WORKFLOW=id of one whose run does no harm")

    def look() -> httpx.Response | None:
        answer = _call(run, "GET", f"/workflows/{run.options.workflow}")
        return answer if answer.status_code == httpx.codes.OK else None

    found = run.wait(look, 10, "the workflow was not found")
    expect(found.json()["id"] == run.options.workflow, "it shows another workflow")
    questions = _call(run, "GET", f"/workflows/{run.options.workflow}/questions")
    answered(questions, 200, "its questions")
    expect(isinstance(questions.json(), list), "its questions are no list")
    listed = _call(run, "GET", "/workflows")
    answered(listed, 200, "the list of workflows")
    return took(found)
