"""Alteryx' six operations of schedules through the real handlers, as the contract of its v3 has them.

Its documentation calls them «Create a New Schedule», «Get Information about All Schedules», «Search for a Specific
Schedule», «Update an Existing Schedule» (PUT and PATCH) and «Delete a Schedule».
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from jobs.runtime import wiring
from jobs.tenancy import access, registering
from jobs.tenants import Client, Registration, Right, Role, User

from tests.fakes import at
from tests.integration.conftest import USER_ID, WORKFLOW_ID
from tests.stores import an_admin

if TYPE_CHECKING:
    from tests.integration.conftest import Answered, Service

#: The fields of a view, in order, and of a reduced one.
VIEW = [
    "id", "name", "workflowId", "versionId", "ownerId", "runDateTime", "comment", "enabled", "priority", "workerTag",
    "status", "credentialId", "creationTime", "lastRunTime", "state", "runCount", "iteration", "frequency", "lastError",
    "cpuName", "lastModifiedId", "lastModifiedDate", "canEdit", "timeZone", "questions",
]  # fmt: skip
REDUCED = ["id", "name", "workflowId", "ownerId", "runDateTime", "timeZone"]
NOT_FOUND = (404, '{"message":"Schedule not found."}')
UNAUTHORIZED = (401, '{"message":"Unauthorized"}')
WEEKLY = {
    "iterationType": "Weekly",
    "startTime": "2035-01-01T08:30:00",
    "endTime": None,
    "weeklyContract": {"daysOfWeek": ["Monday", "Friday"]},
}


def told(answer: Answered) -> tuple[int, str]:
    return answer.status, answer.text


def make(service: Service, **changes: Any) -> dict[str, Any]:
    """Make the schedule of the event, with other fields."""
    answer = service.http("manage_schedules", "alteryx_v3", body=json.dumps({**asked(service), **changes}))
    assert answer.status == 200, answer.text
    made: dict[str, Any] = answer.json
    return made


def asked(service: Service) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(service.event("manage_schedules", "alteryx_v3")["body"])
    return body


def of(schedule: dict[str, Any]) -> dict[str, str]:
    return {"scheduleId": schedule["id"]}


def get(service: Service, schedule: dict[str, Any], **request: Any) -> Answered:
    return service.http("get_schedules", "alteryx_v3", path=of(schedule), **request)


def change(service: Service, schedule: dict[str, Any], case: str = "change", /, **body: Any) -> Answered:
    return service.http("manage_schedules", f"alteryx_v3_{case}", path=of(schedule), body=json.dumps(body))


def listed(service: Service, **query: str) -> Any:
    answer = service.http("get_schedules", "alteryx_v3_list", queryStringParameters=query)
    assert answer.status == 200, answer.text
    return answer.json


def a_user(service: Service, user_id: str, role: Role = Role.MEMBER, **collections: Right) -> dict[str, str]:
    """Make a user; return the header of a call by the user's client."""
    directory = an_admin(service.dynamodb)
    client = Client(client_id=f"{user_id:f<24}", organisation_id=1, user_id=user_id, project_id=1, secret_digest="")
    directory.add_user(User(organisation_id=1, user_id=user_id, role=role, collections=collections))
    directory.add_client(client)
    token = access.issue_token(at(wiring.ports().clock.now(), directory), client).token
    return {"authorization": f"Bearer {token}"}


def public(service: Service, **body: Any) -> dict[str, Any]:
    """Make a schedule in the public API."""
    told = {"name": "s", "job": {"action": "export", "params": {"a": 1}}, **body}
    answer = service.http("manage_schedules", "public", body=json.dumps(told), headers={"idempotency-key": None})
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json["data"]
    return {**made, "id": made["scheduleId"]}


def public_view(service: Service, schedule: dict[str, Any]) -> dict[str, Any]:
    view: dict[str, Any] = service.http("get_schedules", "public", path=of(schedule)).json["data"]
    return view


# ---- Create a New Schedule: POST /v3/schedules -----------------------------------------------------------------------


def test_a_new_schedule_is_answered_as_it_is_read(service: Service) -> None:
    answer = service.http("manage_schedules", "alteryx_v3")

    view = answer.json
    assert (answer.status, list(view)) == (200, VIEW)
    assert {name: view[name] for name in VIEW if name not in {"id", "creationTime", "lastModifiedDate"}} == {
        "name": "Sales",
        "workflowId": WORKFLOW_ID,
        "versionId": "",
        "ownerId": USER_ID,
        "runDateTime": "2035-01-01T07:30:00.000Z",
        "comment": "For the meeting",
        "enabled": True,
        "priority": "High",
        "workerTag": "",
        "status": "",
        "credentialId": "",
        "lastRunTime": None,
        "state": "Active",
        "runCount": 0,
        "iteration": WEEKLY,
        "frequency": "Weekly",
        "lastError": "",
        "cpuName": "",
        "lastModifiedId": "",
        "canEdit": True,
        "timeZone": "Europe/Berlin",
        "questions": [{"name": "Region", "value": "North"}],
    }
    assert view["creationTime"] == view["lastModifiedDate"]
    assert told(get(service, view)) == told(answer)
    assert get(service, {"id": view["id"].upper()}).text == answer.text


def test_what_is_left_out_has_its_default_and_times_are_utc(service: Service) -> None:
    once = {"iterationType": "once", "startTime": "2035-01-01T08:30:59.999Z", "endTime": "2034-01-01T00:00:00Z"}
    body = {"workflowId": "w", "name": "n", "iteration": once, "timeZone": "", "comment": None, "questions": None}
    answer = service.http("manage_schedules", "alteryx_v3", body=json.dumps({**body, "unknown": 1, "enabled": False}))

    view = answer.json
    assert answer.status == 200, answer.text
    assert view["iteration"] == {"iterationType": "Once", "startTime": "2035-01-01T08:30:00Z", "endTime": None}
    assert (view["runDateTime"], view["timeZone"], view["enabled"]) == ("2035-01-01T08:30:00.000Z", "UTC", True)
    defaults = {"comment": "", "priority": "Default", "workerTag": "", "credentialId": "", "questions": []}
    assert {name: view[name] for name in defaults} == defaults


def test_only_administrators_make_schedules_whatever_the_body(service: Service) -> None:
    headers = a_user(service, "member")

    for body in (json.dumps(asked(service)), "{}", "nonsense"):
        assert told(service.http("manage_schedules", "alteryx_v3", body=body, headers=headers)) == UNAUTHORIZED
    assert listed(service) == []


HOURLY = {"iterationType": "Hourly", "startTime": "2035-01-01T08:30:00"}
WRONG: list[tuple[dict[str, Any], dict[str, list[str]]]] = [
    ({"workflowId": None}, {"workflowId": ["must be text"]}),
    ({"workflowId": "  "}, {"workflowId": ["must not be blank"]}),
    ({"workflowId": "w" * 257}, {"workflowId": ["must be at most 256 characters"]}),
    ({"name": ""}, {"name": ["must not be empty"]}),
    ({"name": "n" * 129}, {"name": ["must be at most 128 characters"]}),
    ({"comment": "c" * 1025}, {"comment": ["must be at most 1024 characters"]}),
    ({"priority": "Urgent"}, {"priority": ["must be one of Default, Low, Medium, High, Critical"]}),
    ({"timeZone": "Europe/Atlantis"}, {"timeZone": ["must be the name of a time zone, such as Europe/Berlin"]}),
    ({"iteration": "daily"}, {"iteration": ["must be a JSON object"]}),
    ({"iteration": {}}, {"iteration.iterationType": ["is missing"]}),
    ({"iteration": {**WEEKLY, "startTime": None}}, {"iteration.startTime": ["is missing"]}),
    (
        {"iteration": {**WEEKLY, "startTime": "2020-01-01T00:00:00"}},
        {"iteration.startTime": ["must lie in the future"]},
    ),
    (
        {"iteration": {**WEEKLY, "startTime": "2099-01-01T00:00:00"}},
        {"iteration.startTime": ["must be at most 10 years ahead"]},
    ),
    (
        {"iteration": {**WEEKLY, "startTime": "soon", "endTime": "later"}},
        {
            f"iteration.{name}": ["must be a time in ISO 8601, such as 2027-01-31T08:30:00Z"]
            for name in ("startTime", "endTime")
        },
    ),
    (
        {"iteration": {**WEEKLY, "endTime": "2034-12-31T00:00:00"}},
        {"iteration.endTime": ["must not be before startTime"]},
    ),
    ({"iteration": {**WEEKLY, "endTime": "2035-01-01T08:30:00"}}, {}),
    (
        {"iteration": {**WEEKLY, "endTime": "2035-01-01T08:30:00", "weeklyContract": {"daysOfWeek": ["Friday"]}}},
        {"iteration": ["no run is left"]},
    ),
    (
        {"iteration": {**WEEKLY, "iterationType": "Yearly"}},
        {
            "iteration.iterationType": ["must be one of Once, Hourly, Daily, Weekly, Monthly, Custom, Cron"],
        },
    ),
    ({"iteration": HOURLY}, {"iteration.hourlyContract": ["is missing"]}),
    ({"iteration": {**HOURLY, "hourlyContract": 1}}, {"iteration.hourlyContract": ["must be a JSON object"]}),
    (
        {"iteration": {**HOURLY, "hourlyContract": {"hours": 0, "minutes": "0"}}},
        {"iteration.hourlyContract": ["hours and minutes must not both be 0"]},
    ),
    (
        {"iteration": {**HOURLY, "hourlyContract": {"hours": -1, "minutes": 60}}},
        {
            "iteration.hourlyContract.hours": ["must be at least 0"],
            "iteration.hourlyContract.minutes": ["must be at most 59"],
        },
    ),
    (
        {"iteration": {**WEEKLY, "weeklyContract": {"daysOfWeek": []}}},
        {"iteration.weeklyContract.daysOfWeek": ["must be a list of at least 1"]},
    ),
    (
        {"iteration": {**WEEKLY, "iterationType": "Monthly", "monthlyContract": {"simpleDayOfMonth": True}}},
        {"iteration.monthlyContract.dayOfMonth": ["is missing"]},
    ),
    (
        {"iteration": {**WEEKLY, "iterationType": "Monthly", "monthlyContract": {"occurrence": 5}}},
        {"iteration.monthlyContract.occurrence": ["must be one of 1, 2, 3, 4, -1"]},
    ),
    (
        {"iteration": {**WEEKLY, "iterationType": "Monthly", "monthlyContract": {"occurrence": 2}}},
        {"iteration.monthlyContract.dayOfWeek": ["is missing"]},
    ),
    (
        {"iteration": {**WEEKLY, "iterationType": "Custom", "customContract": {"daysOfMonth": [31], "months": [2, 4]}}},
        {"iteration.customContract": ["none of these months has such a day"]},
    ),
    (
        {"iteration": {**WEEKLY, "iterationType": "Custom", "customContract": {"daysOfMonth": [32], "months": []}}},
        {
            "iteration.customContract.daysOfMonth": ["must be at most 31"],
            "iteration.customContract.months": ["must be a list of at least 1"],
        },
    ),
    (
        {"iteration": {**WEEKLY, "iterationType": "Cron", "cronContract": {"cronExpression": "0 0 9 * * ?"}}},
        {"iteration.cronContract": ["must be 5 fields, in up to 256 characters of ASCII"]},
    ),
    (
        {"questions": [{"name": "n", "value": "v" * 33_000}]},
        {"params": ["must be at most 32768 bytes of JSON"]},
    ),
]


@pytest.mark.parametrize(("changes", "state"), WRONG, ids=lambda value: str(value)[:60])
def test_what_is_wrong_is_named_and_nothing_is_stored(
    service: Service, changes: dict[str, Any], state: dict[str, list[str]]
) -> None:
    answer = service.http("manage_schedules", "alteryx_v3", body=json.dumps({**asked(service), **changes}))

    if not state:  # what is just within the bounds
        assert answer.status == 200, answer.text
        return
    assert (answer.status, answer.json.get("modelState")) == (400, state)
    assert list(answer.json) == ["message", "modelState"]
    assert listed(service) == []


def test_numbers_come_as_text_too_and_words_in_any_case(service: Service) -> None:
    monthly = {"simpleDayOfMonth": False, "occurrence": "-1", "dayOfWeek": "friday", "dayOfMonth": 3}
    made = make(service, iteration={**WEEKLY, "iterationType": "MONTHLY", "monthlyContract": monthly}, priority="low")

    assert made["iteration"] == {
        "iterationType": "Monthly",
        "startTime": "2035-01-01T08:30:00",
        "endTime": None,
        "monthlyContract": {"simpleDayOfMonth": False, "occurrence": -1, "dayOfWeek": "Friday"},
    }
    assert (made["runDateTime"], made["priority"]) == ("2035-01-26T07:30:00.000Z", "Low")


def test_a_schedule_gets_the_collections_and_the_worker_tag_of_its_workflow(service: Service) -> None:
    directory = an_admin(service.dynamodb)
    registering.register_workflow(directory, 1, WORKFLOW_ID, Registration(worker_tag="gpu"))
    directory.set_workflow_collections(1, WORKFLOW_ID, ["team"], 9)
    made = make(service)
    shared_with = a_user(service, "viewer", team=Right.VIEW)

    assert made["workerTag"] == "gpu"
    assert public_view(service, made)["job"]["params"]["workerTag"] == "gpu"
    job_id = v3_job(service, made)

    assert service.http("get_job", "alteryx_v3", path={"jobId": job_id}, headers=shared_with).status == 200
    assert told(get(service, made, headers=shared_with)) == NOT_FOUND


def v3_job(service: Service, schedule: dict[str, Any]) -> str:
    """Have a job of a schedule made out of turn; return its id in Alteryx' form."""
    job = service.http("manage_schedules", "public_run", path=of(schedule)).json["data"]
    return f"{job['createdAt'] // 1000:08x}{job['projectId']:08x}{job['jobId']:08x}"


def test_its_job_is_the_one_that_running_the_workflow_makes(service: Service) -> None:
    schedule = make(service)
    of_schedule = v3_job(service, schedule)
    by_hand = service.run_workflow()

    shown = [service.http("get_job", "alteryx_v3", path={"jobId": of}).json for of in (of_schedule, by_hand)]
    for job in shown:
        del job["id"], job["createDateTime"]
    assert shown[0] == shown[1]
    details = [service.http("get_job", "public_details", path={"jobId": of}).json["data"] for of in ("1", "2")]
    for name in ("action", "referenceId", "description", "params", "maxAttempts"):
        assert details[0][name] == details[1][name]
    assert details[0]["scheduleId"] == schedule["id"]
    assert [job["id"] for job in service.http("list_jobs", "alteryx_v3_workflow").json] == [by_hand, of_schedule]


# ---- Get Information about All Schedules: GET /v3/schedules ----------------------------------------------------------


def test_a_list_is_a_bare_array_of_reduced_views_or_of_whole_ones(service: Service) -> None:
    first, second = make(service), make(service, name="other")
    reduced = [{name: made[name] for name in REDUCED} for made in (first, second)]

    assert sorted(listed(service), key=lambda one: one["id"]) == sorted(reduced, key=lambda one: one["id"])
    assert list(listed(service)[0]) == REDUCED
    whole = listed(service, view="full")
    assert sorted(one["name"] for one in whole) == ["Sales", "other"]
    assert list(whole[0]) == VIEW


def test_a_list_is_filtered_by_owner_workflow_and_window(service: Service) -> None:
    make(service)
    daily = {"iterationType": "Daily", "startTime": "2035-03-01T00:00:00"}
    make(service, name="daily", workflowId="w", iteration=daily, timeZone="")
    paused = make(service, name="paused", workflowId="w")
    change(service, paused, enabled=False)

    def names(**query: str) -> list[str]:
        return sorted(one["name"] for one in listed(service, **query))

    assert names() == ["Sales", "daily", "paused"]
    assert names(ownerId=USER_ID.upper()) == ["Sales", "daily", "paused"]
    assert names(ownerId="somebody") == []
    assert names(workflowId="w") == ["daily", "paused"]
    # disabled ones run never, and of the others the runs in the window count
    assert names(runsAfter="2035-01-01", runsBefore="2035-01-04") == []
    assert names(runsAfter="2034-12-31", runsBefore="2035-01-02") == ["Sales"]
    assert names(runsAfter="2035-03-01T00:00:00Z", runsBefore="2035-03-02T00:00:00Z") == []
    [run] = listed(service, runsAfter="2035-03-01T00:00:00Z", runsBefore="2035-03-02T00:00:01Z")
    assert (run["name"], run["runDateTime"]) == ("daily", "2035-03-02T00:00:00.000Z")
    assert names(runsAfter="2035-02-20") == ["Sales", "daily"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"runsAfter": "2035-01-01", "runsBefore": "2035-02-17"}, "runsBefore"),
        ({"runsAfter": "2035-01-03", "runsBefore": "2035-01-01"}, "runsBefore"),
        ({"runsBefore": "2020-01-01"}, "runsBefore"),
        ({"runsAfter": "tomorrow"}, "runsAfter"),
        ({"runsAfter": "9998-01-01"}, "runsAfter"),
        ({"view": "Half"}, "view"),
        ({"offset": "-1"}, "offset"),
    ],
)
def test_a_window_has_45_days_at_most_and_other_parameters_their_bounds(
    service: Service, query: dict[str, str], field: str
) -> None:
    make(service)
    answer = service.http("get_schedules", "alteryx_v3_list", queryStringParameters=query)

    assert (answer.status, list(answer.json["modelState"])) == (400, [field])
    assert listed(service, runsAfter="2035-01-01", runsBefore="2035-02-16") != []


def test_a_long_list_is_cut_and_a_link_leads_on(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.workflows.scheduling.MAX_LOOKED_AT", 3)
    monkeypatch.setattr("jobs.workflows.scheduling.AT_ONCE", 2)
    names = {make(service, name=str(number), workflowId=f"w{number % 2}")["name"] for number in range(7)}
    found: list[str] = []
    query: dict[str, str] = {"workflowId": "w0", "unknown": "1"}
    pages = 0
    while True:
        answer = service.http("get_schedules", "alteryx_v3_list", queryStringParameters=query)
        found += [one["name"] for one in answer.json]
        pages += 1
        if "Link" not in answer.headers:
            break
        offset = str(3 * pages)
        assert answer.headers["Link"].endswith(f'?{urlencode({"workflowId": "w0", "offset": offset})}>; rel="next"')
        query["offset"] = offset

    assert pages == 3
    assert sorted(found) == sorted(name for name in names if int(name) % 2 == 0)


# ---- Search for a Specific Schedule: GET /v3/schedules/{scheduleId} --------------------------------------------------


def test_users_see_their_own_and_administrators_all(service: Service) -> None:
    made = make(service)
    member, other = a_user(service, "member"), a_user(service, "other")
    administrator = a_user(service, "second", Role.ADMINISTRATOR)
    assert change(service, made, ownerId="member").status == 200

    assert get(service, made, headers=member).json["ownerId"] == "member"
    assert get(service, made, headers=administrator).status == 200
    assert told(get(service, made, headers=other)) == NOT_FOUND
    lists = [
        service.http("get_schedules", "alteryx_v3_list", queryStringParameters={}, headers=headers).json
        for headers in (member, administrator, other)
    ]
    assert [len(found) for found in lists] == [1, 1, 0]


@pytest.mark.parametrize("schedule_id", ["x", "g" * 24, "1", "69200f800000000100000001", "69200f800000000200000001"])
def test_what_does_not_exist_here_or_is_foreign_is_not_found(service: Service, schedule_id: str) -> None:
    path = {"scheduleId": schedule_id}
    answers = [service.http("get_schedules", "alteryx_v3", path=path)]
    answers += [
        service.http("manage_schedules", f"alteryx_v3_{case}", path=path) for case in ("change", "replace", "remove")
    ]

    assert [told(answer) for answer in answers] == [NOT_FOUND] * 4


# ---- Update an Existing Schedule: PUT and PATCH /v3/schedules/{scheduleId} -------------------------------------------


def test_a_replacement_sets_everything_and_keeps_only_the_owner(service: Service) -> None:
    made = make(service, credentialId="c")
    changed = change(service, made, "replace", workflowId="w2", name="new", iteration=WEEKLY)

    view = changed.json
    assert changed.status == 200, changed.text
    expected = {
        "workflowId": "w2",
        "name": "new",
        "ownerId": USER_ID,
        "comment": "",
        "priority": "Default",
        "credentialId": "",
        "questions": [],
        "timeZone": "UTC",
        "enabled": True,
        "runDateTime": "2035-01-01T08:30:00.000Z",
    }
    assert {name: view[name] for name in expected} == expected
    job = public_view(service, made)["job"]
    assert (job["referenceId"], job["description"], job["params"]) == ("w2", "Run workflow w2", {})
    for missing in ("workflowId", "name", "iteration"):
        body = {"workflowId": "w", "name": "n", "iteration": WEEKLY}
        del body[missing]
        refused = change(service, made, "replace", **body)
        assert (refused.status, refused.json["modelState"]) == (400, {missing: ["is missing"]})


def test_a_view_that_is_sent_back_changes_nothing(service: Service) -> None:
    made = make(service, workerTag="gpu")
    before = public_view(service, made)

    view = change(service, made, "replace", **made).json

    assert {**view, "lastModifiedDate": ""} == {**made, "lastModifiedDate": ""}
    after = public_view(service, made)
    assert {**after, "updatedAt": None} == before


def test_a_change_sets_what_it_names(service: Service) -> None:
    made = make(service)

    paused = change(service, made, enabled=False, comment="", questions={"Region": "South"}).json
    assert (paused["enabled"], paused["state"], paused["runDateTime"]) == (False, "Disabled", None)
    assert (paused["comment"], paused["priority"]) == ("", "High")
    assert paused["questions"] == [{"name": "Region", "value": "South"}]
    assert public_view(service, made)["job"]["params"] == {"priority": "High", "questions": paused["questions"]}
    back = change(service, made, enabled=True, name=None, workerTag="gpu", priority="").json
    assert (back["runDateTime"], back["name"], back["workerTag"]) == (made["runDateTime"], "Sales", "gpu")
    assert public_view(service, made)["job"]["params"] == {"questions": paused["questions"], "workerTag": "gpu"}
    assert back["iteration"] == made["iteration"]


def test_another_zone_moves_the_same_clock_times(service: Service) -> None:
    made = make(service)

    moved = change(service, made, timeZone="America/New_York").json

    assert (moved["runDateTime"], moved["iteration"]) == ("2035-01-01T13:30:00.000Z", WEEKLY)
    assert public_view(service, made)["timezone"] == "America/New_York"


def test_a_start_that_is_past_by_now_may_stay_and_none_other_may_be_past(service: Service) -> None:
    yesterday = datetime.now(UTC).replace(second=0, microsecond=0, tzinfo=None) - timedelta(days=1)
    made = make(service)
    # as if it had been made the day before
    stored = wiring.ports().schedules.get_schedules(1, [made["id"]])[made["id"]]
    past = {**made["iteration"], "startTime": yesterday.isoformat()}
    old = stored._replace(spec=stored.spec._replace(iteration=past), version=2)
    assert wiring.ports().schedules.replace_schedule(stored, old)

    other_days = {**past, "weeklyContract": {"daysOfWeek": ["Tuesday"]}}
    assert change(service, made, iteration=other_days).status == 200
    earlier = {**past, "startTime": (yesterday - timedelta(minutes=1)).isoformat()}
    refused = change(service, made, iteration=earlier)
    assert (refused.status, refused.json["modelState"]) == (400, {"iteration.startTime": ["must lie in the future"]})


def test_owners_change_their_own_and_give_it_to_nobody(service: Service) -> None:
    made = make(service)
    member, other = a_user(service, "member"), a_user(service, "other")
    change(service, made, ownerId="member")

    def patch(headers: dict[str, str], **body: Any) -> Answered:
        return service.http(
            "manage_schedules", "alteryx_v3_change", path=of(made), body=json.dumps(body), headers=headers
        )

    assert patch(member, comment="mine").json["comment"] == "mine"
    given_away = patch(member, ownerId="other")
    assert (given_away.status, given_away.json["modelState"]) == (
        400,
        {"ownerId": ["may be changed by administrators alone"]},
    )
    assert told(patch(other, comment="theirs")) == NOT_FOUND
    nobody = change(service, made, ownerId="nobody")
    assert (nobody.status, nobody.json["modelState"]) == (400, {"ownerId": ["must be the id of a user"]})
    assert told(service.http("manage_schedules", "alteryx_v3_remove", path=of(made), headers=other)) == NOT_FOUND
    assert told(service.http("manage_schedules", "alteryx_v3_remove", path=of(made), headers=member)) == (200, "{}")


def test_who_sets_what_is_run_needs_the_right_to_run_it(service: Service) -> None:
    an_admin(service.dynamodb).set_workflow_collections(1, "secret", ["team"], 9)
    made = make(service)
    member, runner = a_user(service, "member", team=Right.VIEW), a_user(service, "runner", team=Right.RUN)
    for owner, headers, expected in (("member", member, 403), ("runner", runner, 200)):
        change(service, made, ownerId=owner)
        answer = service.http(
            "manage_schedules",
            "alteryx_v3_change",
            path=of(made),
            body='{"workflowId": "secret"}',
            headers=headers,
        )
        assert answer.status == expected, answer.text
    change(service, made, ownerId="member")
    # to pause it, nobody needs that right
    body = '{"enabled": false}'
    paused = service.http("manage_schedules", "alteryx_v3_change", path=of(made), body=body, headers=member)
    assert (paused.status, paused.json["workflowId"]) == (200, "secret")


# ---- Delete a Schedule: DELETE /v3/schedules/{scheduleId} ------------------------------------------------------------


def test_a_schedule_that_is_deleted_is_gone(service: Service) -> None:
    made = make(service)

    assert told(service.http("manage_schedules", "alteryx_v3_remove", path=of(made))) == (200, "{}")

    assert told(get(service, made)) == NOT_FOUND
    assert listed(service) == []
    assert service.http("get_schedules", "public", path=of(made)).status == 404


# ---- the same schedules in both dialects -----------------------------------------------------------------------------


def test_a_schedule_of_v3_is_seen_and_changed_in_the_public_api(service: Service) -> None:
    made = make(service)
    seen = public_view(service, made)

    assert (seen["name"], seen["cron"], seen["timezone"]) == ("Sales", "30 8 * * MON,FRI", "Europe/Berlin")
    assert seen["startAt"] == round(datetime(2035, 1, 1, 7, 30, tzinfo=UTC).timestamp() * 1000)
    path = of(made)
    body = json.dumps({"name": "renamed", "job": {"params": {**seen["job"]["params"], "own": 1}}})
    assert service.http("manage_schedules", "public_change", path=path, body=body, headers=ANY_VERSION).status == 200
    renamed = get(service, made).json
    # neither owner nor comment nor iteration is lost
    assert {**renamed, "lastModifiedDate": ""} == {**made, "name": "renamed", "lastModifiedDate": ""}
    body = json.dumps({"cron": "0 9 * * *"})
    assert service.http("manage_schedules", "public_change", path=path, body=body, headers=ANY_VERSION).status == 200
    other = get(service, made).json
    assert (other["frequency"], other["ownerId"], other["comment"]) == ("Cron", USER_ID, "For the meeting")
    assert other["iteration"] == {
        "iterationType": "Cron",
        "startTime": "2035-01-01T08:30:00",
        "endTime": None,
        "cronContract": {"cronExpression": "0 9 * * *"},
    }
    assert change(service, made, iteration=WEEKLY).json["frequency"] == "Weekly"
    assert public_view(service, made)["job"]["params"]["own"] == 1


ANY_VERSION = {"if-match": "*"}


@pytest.mark.parametrize(
    ("rhythm", "frequency", "contract"),
    [
        ({"cron": "30 2 * * *", "timezone": "Europe/Berlin"}, "Cron", {"cronExpression": "30 2 * * *"}),
        ({"every": 5_459}, "Hourly", {"hours": 1, "minutes": 30}),
        ({"at": "2035-01-01T08:30:30Z"}, "Once", None),
        ({"at": "2035-01-01T08:30:30Z", "endAt": "2035-01-02T08:30:30Z"}, "Once", None),
        ({"every": 31_536_000}, "Hourly", {"hours": 8_760, "minutes": 0}),
    ],
)
def test_a_schedule_of_the_public_api_is_seen_and_changed_by_administrators(
    service: Service, rhythm: dict[str, Any], frequency: str, contract: dict[str, Any] | None
) -> None:
    made = public(service, **rhythm)
    before = public_view(service, made)

    view = get(service, made).json
    assert (view["workflowId"], view["ownerId"], view["frequency"]) == ("export", "", frequency)
    assert view["iteration"].get(f"{frequency.lower()}Contract") == contract
    assert told(get(service, made, headers=a_user(service, "member"))) == NOT_FOUND
    same = change(service, made, "replace", **view)
    assert same.status == 200, same.text
    assert {**public_view(service, made), "updatedAt": None} == before
    for name, value in (("iteration", WEEKLY), ("timeZone", "Asia/Tokyo"), ("workflowId", "import")):
        refused = change(service, made, **{name: value})
        assert (refused.status, refused.json["modelState"]) == (
            400,
            {name: ["is read-only, because the public API set it"]},
        )
    changed = change(service, made, name="new", comment="c", enabled=False, priority="High", ownerId=USER_ID)
    assert changed.status == 200, changed.text
    assert {name: changed.json[name] for name in ("name", "comment", "enabled", "priority", "ownerId")} == {
        "name": "new",
        "comment": "c",
        "enabled": False,
        "priority": "High",
        "ownerId": USER_ID,
    }
    after = public_view(service, made)
    assert after["job"]["params"] == {"a": 1, "priority": "High"}
    assert {name: after[name] for name in ("cron", "every", "at", "timezone")} == {
        name: before[name] for name in ("cron", "every", "at", "timezone")
    }


def test_parameters_of_the_public_api_by_the_names_of_v3_are_left_alone(service: Service) -> None:
    params = {"credentialId": 5, "questions": "none", "workerTag": {"a": 1}}
    made = public(service, every=600, job={"action": "export", "params": params})

    view = get(service, made).json
    assert (view["credentialId"], view["questions"], view["workerTag"]) == ("", [], "")
    assert change(service, made, "replace", **view).status == 200
    assert public_view(service, made)["job"]["params"] == params
