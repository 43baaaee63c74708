"""Lists of jobs and of workflows in Alteryx' v3: what is read of their queries, and how their rows look."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from jobs import errors, representation
from jobs.dialects import alteryx_lists, alteryx_workflows
from jobs.dialects.alteryx_lists import parse_jobs, parse_workflow_jobs
from jobs.dialects.alteryx_workflows import parse_full, parse_workflows
from jobs.model import DAY, HOUR, MINUTE, SECOND, Change, Run, Status
from jobs.tenants import Question, Registration
from jobs.workflows.catalogue import WorkflowFilter
from jobs.workflows.listing import Entry, Selection, SortField

from tests.builders import NOW, a_job, a_user_call, a_workflow
from tests.unit.test_viewing import C, F, R, S, X, a_job_that_was

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.dialects.base import Answer
    from jobs.model import Job

ALL = frozenset(Status)
RUN = Run("5bc4a813156ae016dcb442bd", "user-1", ("c-1",), "High", "tag")
#: 2026-11-20T00:00:00Z
A_DAY = 1_795_132_800_000


# ---- what is read -------------------------------------------------------------------------------------------------


def test_lists_are_the_newest_fifty_unless_told_otherwise() -> None:
    assert parse_jobs({}) == parse_workflow_jobs({}) == Selection(ALL, 0, 50, descending=True)


def test_a_parameter_that_is_empty_counts_as_left_out() -> None:
    of_jobs = ("sortField", "direction", "offset", "limit", "priorities", "statuses", "users", "allUsers")
    empty = dict.fromkeys((*of_jobs, "workflowNames", "completedBefore", "completedAfter", "status", "resultCode"), "")

    assert parse_jobs(empty) == parse_workflow_jobs(empty) == Selection()
    assert parse_workflows(dict.fromkeys(("name", "ownerId", "createdAfter", "createdBefore"), "")) == WorkflowFilter()
    assert not parse_full({"view": ""})


@pytest.mark.parametrize(("direction", "descending"), [("asc", False), ("ASC", False), ("desc", True), ("Desc", True)])
def test_jobs_come_in_the_direction_asked_for(direction: str, descending: bool) -> None:  # noqa: FBT001
    assert parse_workflow_jobs({"direction": direction}).descending is descending
    assert parse_jobs({"direction": direction}).descending is descending


@pytest.mark.parametrize("field", ["createDate", "createdate", "CREATEDATE"])
def test_the_sort_field_of_a_workflow_s_jobs_may_be_written_in_any_case(field: str) -> None:
    assert parse_workflow_jobs({"sortField": field}) == parse_workflow_jobs({})


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("CreateDate", SortField.CREATED),
        ("completiondatetime", SortField.ENDED),
        ("AppName", SortField.WORKFLOW),
        ("PRIORITY", SortField.PRIORITY),
        ("status", SortField.STATUS),
    ],
)
def test_the_organisation_s_jobs_are_sorted_by_five_fields(text: str, field: SortField) -> None:
    assert parse_jobs({"sortField": text}).sort is field


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("Queued", {S}),
        ("queued", {S}),
        ("Running", {R}),
        ("Completed", {C, F}),
        ("Complete", {C, F}),
        ("Cancelled", {X}),
        ("Initializing", set()),
        ("Created", set()),
        ("Initializing,Running", {R}),
        ("Queued,Running", {S, R}),
        (" Queued , RUNNING ,", {S, R}),
        ("Queued,Queued", {S}),
        (",", ALL),
        ("Queued,Running,Completed,Cancelled", ALL),
    ],
)
def test_statuses_are_read_in_alteryx_words(text: str, statuses: set[Status]) -> None:
    assert parse_jobs({"statuses": text}).statuses == statuses
    assert parse_workflow_jobs({"status": text}).statuses == statuses


def test_each_list_has_its_own_name_for_statuses() -> None:
    assert parse_jobs({"status": "Queued", "resultCode": "Error"}).statuses == ALL
    assert parse_workflow_jobs({"statuses": "Queued"}).statuses == ALL


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ({"resultCode": "Success"}, {C}),
        ({"resultCode": "error"}, {F}),
        ({"resultCode": "Cancelled"}, {X}),
        ({"resultCode": "None"}, {S, R}),
        ({"resultCode": "Success,Error"}, {C, F}),
        ({"resultCode": "None", "status": "Running"}, {R}),
        ({"resultCode": "Success", "status": "Running"}, set()),
    ],
)
def test_result_codes_are_dispositions(query: dict[str, str], statuses: set[Status]) -> None:
    assert parse_workflow_jobs(query).statuses == statuses


def test_priorities_are_read_in_any_case() -> None:
    assert parse_jobs({"priorities": "high, LOW"}).priorities == {"High", "Low"}


def test_users_count_with_all_users_alone() -> None:
    assert parse_jobs({"users": "Ann,b", "allUsers": "True"}).owners == {"ann", "b"}
    for all_users in ({}, {"allUsers": "false"}, {"allUsers": ""}):
        assert parse_jobs({"users": "Ann,b", **all_users}) == Selection()


def test_a_workflow_s_name_with_a_comma_is_found_if_it_is_asked_for_alone() -> None:
    assert parse_jobs({"workflowNames": " Sales, EMEA"}).workflow_names == {"Sales, EMEA", "Sales", "EMEA"}
    assert parse_jobs({"workflowNames": "Sales"}).workflow_names == {"Sales"}
    assert parse_jobs({"workflowNames": " , "}).workflow_names == frozenset()


@pytest.mark.parametrize(
    ("text", "after", "before"),
    [
        ("2026-11-20", A_DAY + DAY, A_DAY),
        ("2026-11-20T00:00Z", A_DAY + 1, A_DAY),
        ("2026-11-20T01:00:00.005+01:00", A_DAY + 6, A_DAY + 5),
        ("2026-11-20T00:00:00", A_DAY + 1, A_DAY),
        ("2024-02-29", 1_709_164_800_000 + DAY, 1_709_164_800_000),
        ("0001-01-01", -62_135_596_800_000 + DAY, -62_135_596_800_000),
        ("9999-12-31T23:59:59-12:00", 253_402_343_999_001, 253_402_343_999_000),
    ],
)
def test_a_day_does_not_count_itself_and_neither_does_a_moment(text: str, after: int, before: int) -> None:
    wanted = parse_jobs({"completedAfter": text, "completedBefore": text})
    assert (wanted.ended_from, wanted.ended_before) == (after, before)
    filtered = parse_workflows({"createdAfter": text, "createdBefore": text})
    assert (filtered.created_from, filtered.created_before) == (after, before)


def test_a_workflow_s_name_and_owner_are_read_in_any_case() -> None:
    assert parse_workflows({"name": "Sales ", "ownerId": "AB"}) == WorkflowFilter("sales", "ab")
    assert [parse_full({"view": view}) for view in ("Full", "full", "Default")] == [True, True, False]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("limit", "1", 1),
        ("limit", "200", 200),
        ("limit", "201", 200),
        ("limit", "2147483647", 200),
        pytest.param("limit", "9" * 5_000, 200, id="a limit of 5,000 digits"),
        ("offset", "0", 0),
        ("offset", "10000", 10_000),
    ],
)
def test_a_limit_has_no_bound_and_an_offset_has(name: str, text: str, value: int) -> None:
    for wanted in (parse_jobs({name: text}), parse_workflow_jobs({name: text})):
        assert getattr(wanted, name) == value


@pytest.mark.parametrize(
    ("parse", "name", "text", "reason"),
    [
        *(
            (parse, name, text, "must be an integer")
            for parse in (parse_jobs, parse_workflow_jobs)
            for name, texts in {
                "limit": ("0", "-1", "x", "1.0", " 1", "1,2", "\u0661"),
                "offset": ("-1", "10001", "x", "1e3", "+1", "0x1", "9" * 5_000),
            }.items()
            for text in texts
        ),
        *((parse_workflow_jobs, "sortField", text, "must be of createDate") for text in ("status", "createDate,x")),
        *((parse_jobs, "sortField", text, "must be of CreateDate, Comp") for text in ("createDateTime", "Owner")),
        (parse_jobs, "sortField", "Status,Priority", "must be one of CreateDate, Comp"),
        (parse_jobs, "direction", "up", "must be of asc, desc"),
        (parse_workflow_jobs, "direction", "asc,desc", "must be one of asc, desc"),
        *(
            (parse_jobs, "statuses", text, "must be of Queued, Running, Completed, Cancelled, Complete, Created, Init")
            for text in ("scheduled", "failed", "Success", "None", "Queued;Running", "Queued,x")
        ),
        (parse_workflow_jobs, "status", "failed", "must be of Queued, Running"),
        (parse_workflow_jobs, "resultCode", "Failed", "must be of None, Success, Error, Cancelled"),
        (parse_jobs, "priorities", "Urgent", "must be of Default, Low, Medium, High, Critical"),
        (parse_jobs, "allUsers", "yes", "must be true or false"),
        *(
            (parse, name, text, "must be a day as yyyy-MM-dd, or a time in ISO 8601")
            for parse, name in (
                (parse_jobs, "completedAfter"),
                (parse_jobs, "completedBefore"),
                (parse_workflows, "createdAfter"),
                (parse_workflows, "createdBefore"),
            )
            for text in (
                "x",
                "20-11-2026",
                "2026-13-01",
                "2026-02-30",
                "2026-11-20 10:00",
                "1795132800000",
                "2026-W01-1",
            )
        ),
        (parse_full, "view", "Whole", "must be of Default, Full"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_its_name(
    parse: Callable[[dict[str, str]], object], name: str, text: str, reason: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        parse({name: text})

    assert refusal.value.field == name
    assert refusal.value.reason.startswith(reason)


# ---- how rows look ------------------------------------------------------------------------------------------------


def entry_of(job: Job, now: int = NOW) -> dict[str, Any]:
    [shown] = json.loads(alteryx_lists.render_jobs([Entry(job, "Sales", "key-1")], now, a_user_call(), 0).body)["data"]
    assert isinstance(shown, dict)
    return shown


def test_rows_are_shown_with_these_fields_in_this_order() -> None:
    job = a_job(at=1_726_740_174_589, run=RUN)

    assert alteryx_lists.render_jobs([Entry(job, "Sales", "Ann")], job.created_at, a_user_call(), 0).body == (
        '{"data":[{"jobId":"66ebf6ce0000000100000001","status":"Queued","workflowName":"Sales",'
        '"workflowId":"5bc4a813156ae016dcb442bd","submittedBy":"Ann","startTime":null,"queueTime":"00:00:00",'
        '"executionTime":"00:00:00","priority":"High"}]}'
    )
    assert alteryx_lists.render_workflow_jobs([job], a_user_call(), 0).body == (
        '[{"id":"66ebf6ce0000000100000001","createDate":"2024-09-19T10:02:54.589Z","status":"Queued",'
        '"priority":"High","workerTag":"tag","runWithE2":false}]'
    )


def test_a_job_that_runs_no_workflow_is_shown_by_its_action() -> None:
    assert (entry_of(a_job())["workflowId"], entry_of(a_job())["priority"]) == ("export", "Default")


def test_lists_of_nothing_are_empty() -> None:
    assert alteryx_lists.render_jobs([], NOW, a_user_call(), 0).body == '{"data":[]}'
    assert alteryx_lists.render_workflow_jobs([], a_user_call(), 0).body == "[]"
    assert alteryx_workflows.render_workflows([], a_user_call(), 0, full=True).body == "[]"


def changed(*changes: tuple[Status, int], **overrides: Any) -> Job:
    history = tuple(Change(to, NOW + at, "key-1") for to, at in changes)
    return a_job_that_was(*(to for to, _ in changes), **overrides)._replace(history=history)


@pytest.mark.parametrize(
    ("job", "now", "times"),
    [
        (changed((S, 0)), 90 * SECOND, (None, "00:01:30", "00:00:00")),
        # it is not in the queue before it is due
        (changed((S, 0), start_at=NOW + HOUR), 90 * SECOND, (None, "00:00:00", "00:00:00")),
        (changed((S, 0), start_at=NOW + MINUTE), 90 * SECOND, (None, "00:00:30", "00:00:00")),
        (changed((S, 0), (R, 1_999)), HOUR + 1_999, ("2023-11-14T22:13:21Z", "00:00:01", "01:00:00")),
        (changed((S, 0), (R, 5_000), (C, 6_000)), 10**9, ("2023-11-14T22:13:25Z", "00:00:05", "00:00:01")),
        (changed((S, 0), (R, 5_000), (X, 5_000)), 10**9, ("2023-11-14T22:13:25Z", "00:00:05", "00:00:00")),
        # of the current attempt
        (changed((S, 0), (R, 5_000), (S, 9_000)), 19_000, (None, "00:00:10", "00:00:00")),
        (
            changed((S, 0), (R, 5_000), (S, 9_000), (R, 10_000)),
            12_000,
            ("2023-11-14T22:13:30Z", "00:00:01", "00:00:02"),
        ),
        # more hours than two digits hold, and a clock that was late
        (changed((S, 0), (R, 0)), 100 * HOUR, ("2023-11-14T22:13:20Z", "00:00:00", "100:00:00")),
        (changed((S, 0), (R, 0)), -5, ("2023-11-14T22:13:20Z", "00:00:00", "00:00:00")),
    ],
)
def test_how_long_a_job_waited_and_ran(job: Job, now: int, times: tuple[str | None, str, str]) -> None:
    shown = entry_of(job, NOW + now)

    assert (shown["startTime"], shown["queueTime"], shown["executionTime"]) == times


WORKFLOW = a_workflow(
    workflow_id="w-1",
    registration=Registration("Sales", "user-1", "gpu", 7, (Question("Region", "DropDown", items=(("n", "North"),)),)),
)


def test_a_workflow_is_shown_with_these_fields_in_this_order() -> None:
    assert alteryx_workflows.render_workflow(WORKFLOW).body == (
        '{"id":"w-1","sourceAppId":"","dateCreated":"2023-11-14T22:13:20.000Z","runCount":7,"versions":[],"name":"Sales",'
        '"ownerId":"user-1","workerTag":"gpu","districtTags":[],"comments":"","isPublic":false,"isReadyForMigration":false,'
        '"publishedVersionId":"","othersMayDownload":false,"othersCanViewHistory":false,"othersCanExecute":false,'
        '"executionMode":"Standard","hasPrivateDataExemption":false}'
    )
    reduced = (
        '[{"id":"w-1","sourceAppId":"","name":"Sales","ownerId":"user-1","dateCreated":"2023-11-14T22:13:20.000Z",'
        '"publishedVersionNumber":0,"isAmp":false,"executionMode":"Standard"}]'
    )
    assert alteryx_workflows.render_workflows([WORKFLOW], a_user_call(), 0, full=False).body == reduced


def test_a_workflow_of_which_nobody_told_is_called_by_its_id() -> None:
    shown = json.loads(alteryx_workflows.render_workflow(a_workflow()).body)

    assert [shown[name] for name in ("name", "ownerId", "workerTag", "runCount")] == ["w", "", "", 0]


def test_questions_are_shown_as_they_were_registered() -> None:
    assert alteryx_workflows.render_questions(WORKFLOW.registration.questions).body == (
        '[{"name":"Region","questionType":"DropDown","description":"","value":"","multiple":false,'
        '"items":[{"key":"n","value":"North"}]}]'
    )
    assert alteryx_workflows.render_questions(()).body == "[]"


# ---- what does not fit --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["jobs", "jobs of a workflow", "workflows"])
def test_a_list_that_does_not_fit_is_cut_and_leads_on(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(representation, "MAX_ANSWER_BYTES", 2_000)
    query = {"limit": "100", "statuses": "Queued", "path": "/elsewhere", "unknown": "x", "view": "Full"}
    jobs = [a_job(job_id=number) for number in range(30)]
    workflows = [a_workflow(workflow_id=f"{number}") for number in range(30)]

    def answer_from(offset: int) -> Answer:
        call = replace(a_user_call(), query={**query, "offset": f"{offset}"})
        if kind == "workflows":
            return alteryx_workflows.render_workflows(workflows, call, offset, full=True)
        if kind == "jobs":
            return alteryx_lists.render_jobs([Entry(job, "", "") for job in jobs[offset:]], NOW, call, offset)
        return alteryx_lists.render_workflow_jobs(jobs[offset:], call, offset)

    seen, offset = [], 0
    while True:
        answer = answer_from(offset)
        shown = json.loads(answer.body)
        seen += [row.get("id") or row["jobId"] for row in (shown["data"] if kind == "jobs" else shown)]
        assert len(json.dumps(answer.body)) <= 2_100
        if not answer.headers:
            break
        offset = len(seen)
        # what the query said is repeated, but nothing that the list does not know
        repeated = "limit=100&statuses=Queued&view=Full"
        assert answer.headers["Link"] == f'<https://h/x?{repeated}&offset={offset}>; rel="next"'

    assert len(seen) == len(set(seen)) == 30
