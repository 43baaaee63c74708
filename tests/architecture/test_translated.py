"""The template as AWS gets it: nothing is found in it, and each kind of fault that is put into it is found."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from tests.architecture.checks import CHECKS, findings, translated

if TYPE_CHECKING:
    from collections.abc import Callable

Json: TypeAlias = dict[str, Any]

#: A fault: the check that is to find it, and how it gets into the resources.
Fault: TypeAlias = "tuple[str, Callable[[Json], None]]"


def put(resource: str, *path: str | int, value: Any) -> Callable[[Json], None]:
    """Set a property of a resource; `None` takes it out."""

    def change(resources: Json) -> None:
        place: Any = resources[resource]["Properties"]
        for step in path[:-1]:
            place = place[step]
        if value is None:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return change


def attribute(resource: str, name: str, value: str) -> Callable[[Json], None]:
    """Set what a resource has beside its properties."""
    return lambda resources: resources[resource].update({name: value})


def without(resource: str) -> Callable[[Json], None]:
    """Take a resource out."""

    def change(resources: Json) -> None:
        del resources[resource]

    return change


def statement(resource: str, sid: str, **changes: Any) -> Callable[[Json], None]:
    """Change the statement of a role or a policy of that id; `None` takes a part out."""

    def change(resources: Json) -> None:
        found = resources[resource]["Properties"]
        policies = found.get("Policies", [found])
        [said] = [one for policy in policies for one in policy["PolicyDocument"]["Statement"] if one["Sid"] == sid]
        said.update(changes)
        for name in [name for name, value in said.items() if value is None]:
            del said[name]

    return change


def two_queues(resources: Json) -> None:
    policy = resources["StartQueuePolicy"]["Properties"]
    policy["Queues"].append({"Ref": "StartDeadLetterQueue"})
    policy["PolicyDocument"]["Statement"][0]["Resource"] = [
        {"Fn::GetAtt": ["StartQueue", "Arn"]},
        {"Fn::GetAtt": ["StartDeadLetterQueue", "Arn"]},
    ]


SOURCE = "events:source"
STAGE = "JobsApiApiGatewayDefaultStage"
CHANGES = "PublishChangesFunctionJobChanges"
VARIABLES = ("Environment", "Variables")

FAULTS: dict[str, Fault] = {
    "one policy statement for two queues": ("a_queue_policy_covers_one_queue", two_queues),
    "a second policy for a queue": (
        "a_queue_policy_covers_one_queue",
        put("StartDeadLetterQueuePolicy", "Queues", value=[{"Ref": "StartQueue"}]),
    ),
    "a queue that takes plaintext": ("queues_and_buckets_refuse_plaintext", without("StartDeadLetterQueuePolicy")),
    "a table that a failed creation leaves behind": (
        "what_is_kept_outlives_the_stack_but_no_failed_creation",
        attribute("JobsTable", "DeletionPolicy", "Retain"),
    ),
    "a bucket that is lost when it is replaced": (
        "what_is_kept_outlives_the_stack_but_no_failed_creation",
        attribute("SessionsBucket", "UpdateReplacePolicy", "Delete"),
    ),
    "a log group of a fixed name": (
        "nothing_has_a_fixed_name",
        put("ListJobsLogGroup", "LogGroupName", value={"Fn::Sub": "/aws/lambda/${AWS::StackName}/list_jobs"}),
    ),
    "a bucket of a fixed name": ("nothing_has_a_fixed_name", put("SessionsBucket", "BucketName", value="sessions")),
    "a log group that is kept for ever": (
        "logs_are_forgotten_and_each_function_has_its_own",
        put("GetJobLogGroup", "RetentionInDays", value=None),
    ),
    "a table key that is billed": (
        "the_table_is_encrypted_without_charge_and_recoverable",
        put("JobsTable", "SSESpecification", value={"SSEEnabled": True}),
    ),
    "a visibility time-out without the batch window": (
        "a_message_is_hidden_for_six_invocations_and_the_batch_window",
        put("IngestQueue", "VisibilityTimeout", value=360),
    ),
    "a batch that fails as a whole": (
        "every_mapping_reports_single_failures",
        put("StartJobsFunctionStartMessages", "FunctionResponseTypes", value=None),
    ),
    "a concurrency that an account may not have": (
        "concurrency_is_a_small_parameter",
        put(CHANGES, "ParallelizationFactor", value=10),
    ),
    "a tick that others crowd out": (
        "ticks_reserve_concurrency_by_parameter_and_are_not_tried_again",
        put("DispatchDueJobsFunction", "ReservedConcurrentExecutions", value=None),
    ),
    "metrics of all stacks in one place": (
        "custom_metrics_are_the_stack_s_own",
        put("CreateJobFunction", *VARIABLES, "POWERTOOLS_METRICS_NAMESPACE", value="Jobs"),
    ),
    "an alarm on a namespace that nobody counts into": (
        "custom_metrics_are_the_stack_s_own",
        put("ReapLagAlarm", "Namespace", value="Jobs"),
    ),
    "a stage without throttles": (
        "every_route_is_throttled_and_the_open_ones_most",
        put(STAGE, "DefaultRouteSettings", value=None),
    ),
    "a token route that is throttled like others": (
        "every_route_is_throttled_and_the_open_ones_most",
        put(STAGE, "RouteSettings", "POST /webapi/oauth2/token", value=None),
    ),
    "a throttle of a route that is not there": (
        "every_throttled_route_exists",
        put(STAGE, "RouteSettings", "GET /gone", value={"ThrottlingRateLimit": 1}),
    ),
    "CORS for everybody": (
        "browsers_get_in_only_by_parameter",
        put("JobsApi", "Body", "x-amazon-apigateway-cors", value={"allowOrigins": ["*"]}),
    ),
    "a bus that takes our source from anybody": (
        "only_the_stack_puts_events_of_its_own_sources",
        without("EventBusPolicy"),
    ),
    "a bus that forgets the sources below ours": (
        "only_the_stack_puts_events_of_its_own_sources",
        put("EventBusPolicy", "Statement", "Condition", "ForAnyValue:StringLike", value={SOURCE: ["jobs"]}),
    ),
    "a bus that lets everybody in": (
        "nobody_else_is_let_in",
        put("EventBusPolicy", "Statement", "Effect", value="Allow"),
    ),
    "a worker that may speak for the service": (
        "a_function_puts_events_of_its_own_source_alone",
        statement("DeleteUserDataRole", "Report", Condition=None),
    ),
    "a managed policy": (
        "a_role_has_single_rights_on_single_resources",
        put(
            "StartJobsRole",
            "ManagedPolicyArns",
            value=["arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"],
        ),
    ),
    "a right on all resources": (
        "a_role_has_single_rights_on_single_resources",
        statement("GetJobRole", "ReadJob", Resource="*"),
    ),
    "all rights on a resource": (
        "a_role_has_single_rights_on_single_resources",
        statement("GetJobRole", "ReadJob", Action="dynamodb:*"),
    ),
    "a role that anybody may assume": (
        "a_role_is_one_service_s",
        put("GetJobRole", "AssumeRolePolicyDocument", "Statement", 0, "Principal", value={"AWS": "*"}),
    ),
    "a role that two functions share": (
        "a_role_is_one_service_s",
        put("GetJobFunction", "Role", value={"Fn::GetAtt": ["ListJobsRole", "Arn"]}),
    ),
    "a queue that everybody may send to": (
        "nobody_else_is_let_in",
        statement("IngestQueuePolicy", "TakeFromRules", Principal="*"),
    ),
    "a function that every API may call": (
        "nobody_else_is_let_in",
        put("ListJobsFunctionPublicListJobsPermission", "SourceArn", value=None),
    ),
    "a bucket that may be made public": (
        "a_bucket_is_private_and_encrypted",
        put("FailedChangesBucket", "PublicAccessBlockConfiguration", "BlockPublicPolicy", value=False),
    ),
    "a rule that drops what it cannot deliver": (
        "a_rule_keeps_what_it_cannot_deliver",
        put("IngestRule", "Targets", 0, "DeadLetterConfig", value=None),
    ),
    "a dead-letter queue that does not take from its rule": (
        "a_rule_keeps_what_it_cannot_deliver",
        statement("UndeliveredEventsQueuePolicy", "TakeFromRules", Condition={"ArnEquals": {"aws:SourceArn": []}}),
    ),
    "no alarm on dropped changes": ("what_would_be_lost_in_silence_has_an_alarm", without("PublishDroppedAlarm")),
    "no alarm on changes that the bucket did not take": (
        "what_would_be_lost_in_silence_has_an_alarm",
        without("PublishLossAlarm"),
    ),
    "no alarm on events that no queue took": ("what_would_be_lost_in_silence_has_an_alarm", without("IngestLossAlarm")),
    "no alarm on a missing reaper": ("a_missing_tick_has_an_alarm", without("ReapMissingAlarm")),
    "an alarm that a missing tick does not raise": (
        "a_missing_tick_has_an_alarm",
        put("DispatchMissingAlarm", "TreatMissingData", value="notBreaching"),
    ),
    "no alarm on a late reaper": ("a_late_run_has_an_alarm", without("ReapLagAlarm")),
    "no alarm on what is forgotten late": ("a_late_run_has_an_alarm", without("ForgetLagAlarm")),
    "no alarm on dead letters": ("dead_letters_have_an_alarm", without("IngestDeadLettersAlarm")),
    "a queue without dead letters": (
        "a_queue_s_messages_do_not_circle_for_ever",
        put("StartQueue", "RedrivePolicy", value=None),
    ),
    "an answer after the gateway's": (
        "an_answer_comes_before_the_gateway_gives_up",
        put("ListJobsFunction", "Timeout", value=30),
    ),
    "a stream that is read from its end": (
        "the_stream_forgets_nothing_that_could_be_published",
        put(CHANGES, "StartingPosition", value="LATEST"),
    ),
}


def test_nothing_is_found_in_the_template() -> None:
    assert findings(translated()) == {}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_template_is_found(fault: str) -> None:
    name, change = FAULTS[fault]
    broken = copy.deepcopy(translated())

    change(broken["Resources"])

    assert name in findings(broken)


def test_every_check_has_a_fault_that_it_finds() -> None:
    assert {name for name, _ in FAULTS.values()} == CHECKS.keys()
