"""What must hold of the template as AWS gets it, translated from SAM: each check names what does not hold."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias
from unittest import mock

from local.packages import packages
from local.template import load, translate
from tests.architecture.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json: TypeAlias = dict[str, Any]
Check: TypeAlias = "Callable[[Json], Iterator[str]]"

#: Every check by its name.
CHECKS: dict[str, Check] = {}

NO_VALUE = {"Ref": "AWS::NoValue"}
PER_STACK = {"Fn::Sub": "Jobs/${AWS::StackName}"}
#: The names that CloudFormation makes up where a template gives none, so that a second stack finds them free.
NAMES = ("BucketName", "FunctionName", "LogGroupName", "QueueName", "RoleName", "TableName")
#: The route where secrets could be guessed.
TOKEN_ROUTE = "POST /webapi/oauth2/token"
#: Seconds within which the gateway wants an answer.
GATEWAY = 30
#: The sources that only the stack's own functions may name, each with its role.
OUR_SOURCES = {"PublishChangesRole": "jobs", "DeleteUserDataRole": "jobs.delete_user_data"}
#: X-Ray has no resources to name.
ON_ALL = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


@cache
def translated() -> Json:
    """template.yaml as CloudFormation gets it, with its code uploaded."""
    template = load(ROOT)
    for package in packages(template, ROOT):
        package.properties[package.attribute] = {"Bucket": "code", "Key": "code.zip"}
    with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "us-east-1"}):
        return translate(template)


def findings(template: Json) -> dict[str, list[str]]:
    """What each check finds in a template; a check that finds nothing is left out."""
    found = {name: list(check(template)) for name, check in CHECKS.items()}
    return {name: faults for name, faults in found.items() if faults}


def check(function: Check) -> Check:
    """List a check."""
    CHECKS[function.__name__] = function
    return function


def of(template: Json, type_: str) -> dict[str, Json]:
    """The properties of the resources of a type."""
    resources = template["Resources"].items()
    return {name: found.get("Properties", {}) for name, found in resources if found["Type"] == type_}


def listed(value: Any) -> list[Any]:
    """A policy may say one thing bare or several in a list."""
    return value if isinstance(value, list) else [value]


def named(value: Any) -> set[str]:
    """The resources and parameters that a value refers to."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return {name}
        case dict():
            return set[str]().union(*(named(inner) for inner in value.values()))
        case list():
            return set[str]().union(*(named(inner) for inner in value))
    return set()


def statements(policy: Json) -> list[Json]:
    """The statements of a resource policy or of a policy of a role."""
    found: list[Json] = listed(policy.get("PolicyDocument", policy).get("Statement", []))
    return found


def rights(template: Json) -> Iterator[tuple[str, Json]]:
    """Each statement of each role."""
    for name, role in of(template, "AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            yield from ((name, statement) for statement in statements(policy))


def resource_policies(template: Json) -> Iterator[tuple[str, Json]]:
    """Each statement of each policy of a queue, a bucket or a bus."""
    for type_ in ("AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy", "AWS::Events::EventBusPolicy"):
        for name, policy in of(template, type_).items():
            yield from ((name, statement) for statement in statements(policy))


def mappings(template: Json, source: str) -> Iterator[tuple[str, Json, str, str]]:
    """Event source mappings of a kind of source: name, properties, function, source."""
    for name, mapping in of(template, "AWS::Lambda::EventSourceMapping").items():
        [function], [read] = named(mapping["FunctionName"]), named(mapping["EventSourceArn"])
        if template["Resources"][read]["Type"] == source:
            yield name, mapping, function, read


def ticks(template: Json) -> set[str]:
    """The functions that schedules call."""
    rules = [rule for rule in of(template, "AWS::Events::Rule").values() if "ScheduleExpression" in rule]
    return {name for rule in rules for target in rule["Targets"] for name in named(target["Arn"])}


def behind_http(template: Json) -> set[str]:
    """The functions that the gateway may call."""
    permissions = of(template, "AWS::Lambda::Permission").values()
    allowed = [one for one in permissions if one["Principal"] == "apigateway.amazonaws.com"]
    return {name for permission in allowed for name in named(permission["FunctionName"])}


def alarmed(template: Json, metric: str) -> dict[str, Json]:
    """The alarms on a metric, by what their dimensions name."""
    alarms = [alarm for alarm in of(template, "AWS::CloudWatch::Alarm").values() if alarm["MetricName"] == metric]
    return {name: alarm for alarm in alarms for one in alarm.get("Dimensions", []) for name in named(one["Value"])}


@check
def a_queue_policy_covers_one_queue(template: Json) -> Iterator[str]:
    covered: list[str] = []
    for name, policy in of(template, "AWS::SQS::QueuePolicy").items():
        queues = [queue for one in policy["Queues"] for queue in named(one)]
        covered += queues
        for statement in statements(policy):
            if len(queues) != 1 or len(listed(statement["Resource"])) != 1 or named(statement["Resource"]) != {*queues}:
                yield f"{name}: a statement of SQS covers one queue"
    yield from (f"{queue} has two policies" for queue in {queue for queue in covered if covered.count(queue) > 1})


@check
def queues_and_buckets_refuse_plaintext(template: Json) -> Iterator[str]:
    refusing = {
        resource
        for _, statement in resource_policies(template)
        if statement["Effect"] == "Deny" and statement["Principal"] == "*"
        if statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for resource in named(statement["Resource"])
    }
    wanted = of(template, "AWS::SQS::Queue").keys() | of(template, "AWS::S3::Bucket").keys()
    yield from (f"{name} takes requests without TLS" for name in sorted(wanted - refusing))


@check
def what_is_kept_outlives_the_stack_but_no_failed_creation(template: Json) -> Iterator[str]:
    for type_ in ("AWS::DynamoDB::Table", "AWS::S3::Bucket"):
        for name in of(template, type_):
            resource = template["Resources"][name]
            policies = resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")
            if policies != ("RetainExceptOnCreate", "Retain"):
                yield f"{name}: {policies}"


@check
def nothing_has_a_fixed_name(template: Json) -> Iterator[str]:
    types = ("AWS::S3::Bucket", "AWS::Lambda::Function", "AWS::Logs::LogGroup", "AWS::SQS::Queue", "AWS::IAM::Role")
    for type_ in (*types, "AWS::DynamoDB::Table"):
        for name, properties in of(template, type_).items():
            for property_ in set(NAMES) & properties.keys():
                if "AWS::StackId" not in named(properties[property_]):
                    yield f"{name} has a fixed {property_}"


@check
def logs_are_forgotten_and_each_function_has_its_own(template: Json) -> Iterator[str]:
    groups = of(template, "AWS::Logs::LogGroup")
    yield from (f"{name} is kept for ever" for name, group in groups.items() if "RetentionInDays" not in group)
    used = [
        named(one.get("LoggingConfig", {}).get("LogGroup")) for one in of(template, "AWS::Lambda::Function").values()
    ]
    if any(len(one) != 1 or not one <= groups.keys() for one in used) or len(set().union(*used)) != len(used):
        yield "a function has no log group of its own"


@check
def the_table_is_encrypted_without_charge_and_recoverable(template: Json) -> Iterator[str]:
    for name, table in of(template, "AWS::DynamoDB::Table").items():
        match table.get("SSESpecification", NO_VALUE):
            case {"Fn::If": ["TableHasKey", {"KMSMasterKeyId": {"Ref": "TableKeyArn"}}, {"Ref": "AWS::NoValue"}]}:
                pass
            case found if found != NO_VALUE:
                yield f"{name} is encrypted by a key that is billed for: {found}"
        if table.get("PointInTimeRecoverySpecification") != {"PointInTimeRecoveryEnabled": True}:
            yield f"{name} has no point-in-time recovery"


@check
def a_message_is_hidden_for_six_invocations_and_the_batch_window(template: Json) -> Iterator[str]:
    for name, mapping, function, queue in mappings(template, "AWS::SQS::Queue"):
        timeout = of(template, "AWS::Lambda::Function")[function]["Timeout"]
        wanted = 6 * timeout + mapping.get("MaximumBatchingWindowInSeconds", 0)
        if of(template, "AWS::SQS::Queue")[queue].get("VisibilityTimeout", 30) < wanted:
            yield f"{name}: {queue} hides its messages for less than {wanted} s"


@check
def every_mapping_reports_single_failures(template: Json) -> Iterator[str]:
    for name, mapping in of(template, "AWS::Lambda::EventSourceMapping").items():
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name} delivers whole batches again"


@check
def concurrency_is_a_small_parameter(template: Json) -> Iterator[str]:
    for name, mapping in of(template, "AWS::Lambda::EventSourceMapping").items():
        limit = mapping.get("ScalingConfig", {}).get("MaximumConcurrency", mapping.get("ParallelizationFactor"))
        match limit:
            case {"Ref": str(parameter)} if template["Parameters"].get(parameter, {}).get("Default", 99) <= 2:
                continue
        yield f"{name}: {limit} is no parameter with a small default"


@check
def ticks_reserve_concurrency_by_parameter_and_are_not_tried_again(template: Json) -> Iterator[str]:
    invoked = {
        name: config
        for config in of(template, "AWS::Lambda::EventInvokeConfig").values()
        for name in named(config["FunctionName"])
    }
    reserved = {"Fn::If": ["TicksAreReserved", {"Ref": "TickConcurrency"}, NO_VALUE]}
    for name in sorted(ticks(template)):
        if of(template, "AWS::Lambda::Function")[name].get("ReservedConcurrentExecutions") != reserved:
            yield f"{name} has no reserved concurrency by parameter"
        if invoked.get(name, {}).get("MaximumRetryAttempts") != 0:
            yield f"{name} is tried again beside the next tick"
    if template["Parameters"]["TickConcurrency"]["Default"] != 0:
        yield "a new account has no concurrency to reserve"


@check
def custom_metrics_are_the_stack_s_own(template: Json) -> Iterator[str]:
    for name, function in of(template, "AWS::Lambda::Function").items():
        if function["Environment"]["Variables"].get("POWERTOOLS_METRICS_NAMESPACE") != PER_STACK:
            yield f"{name} counts into a namespace of all stacks"
    found = [(name, alarm["Namespace"]) for name, alarm in of(template, "AWS::CloudWatch::Alarm").items()]
    for name, metric_filter in of(template, "AWS::Logs::MetricFilter").items():
        found += [(name, metric["MetricNamespace"]) for metric in metric_filter["MetricTransformations"]]
    for name, namespace in found:
        if namespace != PER_STACK and not str(namespace).startswith("AWS/"):
            yield f"{name} is of the namespace {namespace}"


@check
def every_route_is_throttled_and_the_open_ones_most(template: Json) -> Iterator[str]:
    def limits(settings: Json) -> list[float]:
        named_limits = [settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")]
        return [
            template["Parameters"][one["Ref"]]["Default"] if isinstance(one, dict) else one or 0 for one in named_limits
        ]

    for name, stage in of(template, "AWS::ApiGatewayV2::Stage").items():
        usual = limits(stage.get("DefaultRouteSettings", {}))
        if not all(usual):
            yield f"{name} has no throttle for every route"
        for route in (TOKEN_ROUTE, "$default"):
            tight = limits(stage.get("RouteSettings", {}).get(route, {}))
            if not all(0 < one < other for one, other in zip(tight, usual, strict=True)):
                yield f"{name}: {route} is not throttled more tightly than others"


@check
def every_throttled_route_exists(template: Json) -> Iterator[str]:
    routes = {
        path if path == "$default" else f"{method.upper()} {path}"
        for api in of(template, "AWS::ApiGatewayV2::Api").values()
        for path, methods in api["Body"]["paths"].items()
        for method in methods
    }
    for name, stage in of(template, "AWS::ApiGatewayV2::Stage").items():
        yield from (f"{name}: no route {route}" for route in stage.get("RouteSettings", {}).keys() - routes)


@check
def browsers_get_in_only_by_parameter(template: Json) -> Iterator[str]:
    for name, api in of(template, "AWS::ApiGatewayV2::Api").items():
        match api["Body"].get("x-amazon-apigateway-cors", NO_VALUE):
            case {"Fn::If": ["CorsIsAllowed", {"allowOrigins": {"Fn::Split": [",", _]}}, {"Ref": "AWS::NoValue"}]}:
                continue
        yield f"{name} lets other origins in by default, or one origin of all that the parameter lists"


@check
def only_the_stack_puts_events_of_its_own_sources(template: Json) -> Iterator[str]:
    wanted = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "events:PutEvents",
        "Resource": {"Fn::GetAtt": ["EventBus", "Arn"]},
        "Condition": {
            "ForAnyValue:StringLike": {"events:source": ["jobs", "jobs.*"]},
            "ArnNotEquals": {"aws:PrincipalArn": [{"Fn::GetAtt": [role, "Arn"]} for role in OUR_SOURCES]},
        },
    }
    policies = of(template, "AWS::Events::EventBusPolicy").values()
    if [policy["Statement"] for policy in policies] != [wanted]:
        yield "the bus takes our own sources from others"


@check
def a_function_puts_events_of_its_own_source_alone(template: Json) -> Iterator[str]:
    for role, statement in rights(template):
        if "events:PutEvents" not in listed(statement["Action"]):
            continue
        condition = {
            "ForAllValues:StringEquals": {"events:source": [OUR_SOURCES.get(role)]},
            "Null": {"events:source": "false"},
        }
        if statement.get("Condition") != condition:
            yield f"{role} may put events of any source"


@check
def a_role_has_single_rights_on_single_resources(template: Json) -> Iterator[str]:
    for name, role in of(template, "AWS::IAM::Role").items():
        if "ManagedPolicyArns" in role:
            yield f"{name} has managed policies, which are on all resources"
    for name, statement in rights(template):
        actions = set(listed(statement.get("Action", "*")))
        if any("*" in action for action in actions) or statement.keys() & {"NotAction", "NotResource"}:
            yield f"{name}: {actions} are no single actions"
        if "*" in listed(statement.get("Resource", "*")) and not actions <= ON_ALL:
            yield f"{name}: {actions} on all resources"


@check
def a_role_is_one_service_s(template: Json) -> Iterator[str]:
    for name, role in of(template, "AWS::IAM::Role").items():
        for statement in statements({"PolicyDocument": role["AssumeRolePolicyDocument"]}):
            principals = statement["Principal"]
            if principals not in ({"Service": "lambda.amazonaws.com"}, {"Service": "events.amazonaws.com"}):
                yield f"{name} may be assumed by {principals}"
    roles = [frozenset(named(one["Role"])) for one in of(template, "AWS::Lambda::Function").values()]
    if len(set(roles)) != len(roles):
        yield "two functions share a role"


@check
def nobody_else_is_let_in(template: Json) -> Iterator[str]:
    for name, statement in resource_policies(template):
        if statement["Effect"] != "Allow":
            continue
        if statement["Principal"] != {"Service": "events.amazonaws.com"} or "aws:SourceArn" not in json.dumps(
            statement
        ):
            yield f"{name} lets in {statement['Principal']}"
    for name, permission in of(template, "AWS::Lambda::Permission").items():
        if "SourceArn" not in permission or permission["Principal"] == "*":
            yield f"{name} lets everybody call the function"


@check
def a_bucket_is_private_and_encrypted(template: Json) -> Iterator[str]:
    for name, bucket in of(template, "AWS::S3::Bucket").items():
        if set(bucket.get("PublicAccessBlockConfiguration", {}).values()) != {True} or "BucketEncryption" not in bucket:
            yield f"{name} may be made public, or is not encrypted"


@check
def a_rule_keeps_what_it_cannot_deliver(template: Json) -> Iterator[str]:
    let_in = {
        (rule, queue)
        for _, statement in resource_policies(template)
        if statement["Effect"] == "Allow"
        for rule in named(statement["Condition"])
        for queue in named(statement["Resource"])
    }
    for name, rule in of(template, "AWS::Events::Rule").items():
        for target in rule["Targets"] if "EventPattern" in rule else []:
            [kept] = named(target.get("DeadLetterConfig", {"Arn": {"Ref": "nowhere"}})["Arn"])
            if (name, kept) not in let_in:
                yield f"{name} loses what it cannot deliver, {kept} does not take it"


@check
def what_would_be_lost_in_silence_has_an_alarm(template: Json) -> Iterator[str]:
    for metric in ("OnFailureDestinationDeliveredEventCount", "DroppedEventCount"):
        wanted = {name for name, *_ in mappings(template, "AWS::DynamoDB::Table")}
        yield from (f"no alarm on {metric} of {name}" for name in wanted - alarmed(template, metric).keys())
    for name, _, function, _ in mappings(template, "AWS::DynamoDB::Table"):
        for metric in ("DestinationDeliveryFailures", "IteratorAge"):
            if function not in alarmed(template, metric):
                yield f"no alarm on {metric} of {name}"
    rules = {name for name, rule in of(template, "AWS::Events::Rule").items() if "EventPattern" in rule}
    watched = alarmed(template, "InvocationsFailedToBeSentToDlq").keys()
    yield from (f"no alarm on what is lost by {name}" for name in sorted(rules - watched))


@check
def a_missing_tick_has_an_alarm(template: Json) -> Iterator[str]:
    for name in sorted(ticks(template)):
        missing = alarmed(template, "Invocations").get(name, {})
        if (missing.get("ComparisonOperator"), missing.get("TreatMissingData")) != ("LessThanThreshold", "breaching"):
            yield f"nobody is told that {name} did not run"
        if name not in alarmed(template, "Errors"):
            yield f"nobody is told that {name} failed"


@check
def a_late_run_has_an_alarm(template: Json) -> Iterator[str]:
    alarms = of(template, "AWS::CloudWatch::Alarm").values()
    for metric, stays in {
        "ReapLag": "lost attempts stay running",
        "ForgetLag": "what is to be forgotten stays",
    }.items():
        watched = [alarm.get("Dimensions") for alarm in alarms if alarm["MetricName"] == metric]
        if watched != [[{"Name": "service", "Value": "jobs"}]]:
            yield f"nobody is told that {stays}"


@check
def dead_letters_have_an_alarm(template: Json) -> Iterator[str]:
    dead = {
        name
        for queue in of(template, "AWS::SQS::Queue").values()
        for name in named(queue.get("RedrivePolicy", {}).get("deadLetterTargetArn"))
    }
    rules = of(template, "AWS::Events::Rule").values()
    dead |= {name for rule in rules for target in rule["Targets"] for name in named(target.get("DeadLetterConfig"))}
    watched = alarmed(template, "ApproximateNumberOfMessagesVisible").keys()
    yield from (f"no alarm on {name}" for name in sorted(dead - watched))


@check
def a_queue_s_messages_do_not_circle_for_ever(template: Json) -> Iterator[str]:
    for name, _, _, queue in mappings(template, "AWS::SQS::Queue"):
        if "RedrivePolicy" not in of(template, "AWS::SQS::Queue")[queue]:
            yield f"{name}: {queue} has no dead-letter queue"


@check
def an_answer_comes_before_the_gateway_gives_up(template: Json) -> Iterator[str]:
    for name in sorted(behind_http(template)):
        function = of(template, "AWS::Lambda::Function")[name]
        if function["Timeout"] >= GATEWAY:
            yield f"{name} may answer after the gateway"
        if function["Environment"]["Variables"].get("PUBLIC_URL") != {"Ref": "PublicUrl"}:
            yield f"{name} does not know its public address"


@check
def the_stream_forgets_nothing_that_could_be_published(template: Json) -> Iterator[str]:
    for name, mapping, _, _ in mappings(template, "AWS::DynamoDB::Table"):
        kept = named(mapping.get("DestinationConfig"))
        if (
            mapping.get("StartingPosition") != "TRIM_HORIZON"
            or not kept <= of(template, "AWS::S3::Bucket").keys()
            or not kept
        ):
            yield f"{name} skips changes, or keeps none that fail"
        if (
            not 0 < mapping.get("MaximumRecordAgeInSeconds", -1) < 24 * 3600
            or mapping.get("MaximumRetryAttempts", -1) < 0
        ):
            yield f"{name} blocks behind one bad change for a day"
