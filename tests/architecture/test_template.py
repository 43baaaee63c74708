"""What template.yaml promises: what is logged and kept, which route is whose, and who may do no more than named."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any

import pytest

from tests.architecture.project import (
    FOLDERS,
    RESOURCES,
    events,
    properties,
    resource_of,
    resources,
    rights,
    route_keys,
    statements,
)

TABLE = "JobsTable"
START_QUEUE = "StartQueue"

#: Fields of an access log that name no one. Everything else, a path or an address, may be personal data.
IMPERSONAL = {
    "integration.integrationStatus",
    "integrationLatency",
    "requestId",
    "requestTime",
    "responseLatency",
    "responseLength",
    "routeKey",
    "status",
}

#: The functions that the gateway chooses among by route, where $default is none.
ROUTED = [folder for folder in FOLDERS if route_keys(folder) - {"$default"}]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_policy_names_single_actions_on_single_resources(folder: str) -> None:
    for statement in statements(folder):
        assert statement["Effect"] == "Allow"
        assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}  # no NotAction, no NotResource
        assert "*" not in json.dumps(statement)


@pytest.mark.parametrize("queue_policy", resources("AWS::SQS::QueuePolicy").values())
def test_a_queue_s_policy_only_refuses(queue_policy: dict[str, Any]) -> None:
    assert {statement["Effect"] for statement in queue_policy["PolicyDocument"]["Statement"]} == {"Deny"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_knows_the_start_queue_only_if_it_may_send_to_it(folder: str) -> None:
    variables = properties(folder).get("Environment", {}).get("Variables", {})

    assert ("START_QUEUE_URL" in variables) == (START_QUEUE in rights(folder))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_logs_to_a_group_of_its_name_that_forgets(folder: str) -> None:
    group = properties(folder)["LoggingConfig"]["LogGroup"]["Ref"]

    declared = resources("AWS::Logs::LogGroup")[group]
    assert declared["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/${{AWS::StackName}}/{folder}"}
    assert declared["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_no_log_group_is_kept_for_ever() -> None:
    assert all("RetentionInDays" in group for group in resources("AWS::Logs::LogGroup").values())


@pytest.mark.parametrize("api", resources("AWS::Serverless::HttpApi").values())
def test_an_access_log_names_no_one(api: dict[str, Any]) -> None:
    line = api["AccessLogSettings"]["Format"]

    assert set(re.findall(r"\$context\.([\w.]+)", line)) <= IMPERSONAL
    assert {"requestId", "routeKey", "status"} <= json.loads(line).keys()


@pytest.mark.parametrize("folder", ROUTED)
def test_the_gateway_sends_a_function_the_routes_that_it_has_and_no_others(folder: str) -> None:
    app = importlib.import_module(f"functions.{folder}.app")

    assert app.api.route_keys == route_keys(folder)


def test_no_route_has_two_functions() -> None:
    routes = [route for folder in FOLDERS for route in route_keys(folder)]

    assert len(routes) == len(set(routes))


def test_what_no_route_takes_has_a_function() -> None:
    assert "$default" in route_keys("answer_unrouted")


def test_the_table_outlives_the_stack() -> None:
    table = RESOURCES[TABLE]

    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if events(folder, "SQS")])
def test_a_queue_s_message_is_not_handed_out_twice_while_it_is_worked_on_and_does_not_circle_for_ever(
    folder: str,
) -> None:
    for source in events(folder, "SQS"):
        queue = RESOURCES[resource_of(source["Queue"])]["Properties"]
        dead_letters = RESOURCES[resource_of(queue["RedrivePolicy"]["deadLetterTargetArn"])]["Properties"]

        assert queue["VisibilityTimeout"] >= 6 * properties(folder)["Timeout"]
        assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
        assert dead_letters["MessageRetentionPeriod"] == 14 * 24 * 3600  # the longest there is
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_dead_letter_queue_raises_an_alarm() -> None:
    dead_letter_queues = {
        resource_of(queue["RedrivePolicy"]["deadLetterTargetArn"])
        for queue in resources("AWS::SQS::Queue").values()
        if "RedrivePolicy" in queue
    }
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        if (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 0)
        for dimension in alarm.get("Dimensions", [])
    }

    assert dead_letter_queues == watched


@pytest.mark.parametrize("alarm", resources("AWS::CloudWatch::Alarm").values(), ids=resources("AWS::CloudWatch::Alarm"))
def test_an_alarm_says_what_it_means_and_tells_the_topic(alarm: dict[str, Any]) -> None:
    assert alarm["AlarmDescription"]
    assert alarm["AlarmActions"] == {"Fn::If": ["AlarmsHaveTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}


def test_the_501_that_v1_documents_raises_no_alarm() -> None:
    metrics = [
        (metric["MetricNamespace"], metric["MetricName"])
        for metric_filter in resources("AWS::Logs::MetricFilter").values()
        if '($.status != "501")' in metric_filter["FilterPattern"]
        for metric in metric_filter["MetricTransformations"]
    ]
    alarms = resources("AWS::CloudWatch::Alarm").values()

    assert "5xx" not in {alarm["MetricName"] for alarm in alarms}
    assert [
        (alarm["Namespace"], alarm["MetricName"]) for alarm in alarms if "5xx" in alarm["AlarmDescription"]
    ] == metrics
