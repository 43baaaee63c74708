"""What template.yaml promises: what is logged and kept, which function has which route, and who may do what."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any

import pytest
from jobs.adapters.sqs import RECEIVES
from jobs.dialects import event_bodies
from jobs.dialects.routes import ROUTES
from jobs.events import ingestion, publishing
from jobs.model import EVENT_SOURCE, Message, Severity
from jobs.store import directory_items, items

from openapi.chapters import described
from tests.architecture.project import (
    FOLDERS,
    RESOURCES,
    ROOT,
    TEMPLATE,
    events,
    logical_id,
    properties,
    resource_of,
    resources,
    rights,
    route_keys,
    statements,
)
from tests.builders import a_job, a_project

TABLE = "JobsTable"
START_QUEUE = "StartQueue"
MAX_RETENTION = 14 * 24 * 3600

#: Fields of an access log that name nobody. Everything else, such as a path or an address, may be personal data.
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

NOT_ENCRYPTED = {"Bool": {"aws:SecureTransport": "false"}}

#: Where the rules of the bus put events.
TARGETS = [(name, target) for name, rule in resources("AWS::Events::Rule").items() for target in rule["Targets"]]

#: The functions with routes of their own. $default does not count.
ROUTED = [folder for folder in FOLDERS if route_keys(folder) - {"$default"}]


#: The least seconds that DynamoDB and the function take for a batch of starts (docs/operations.md).
MIN_BATCH = 0.0125
#: Writes per second that one partition key of the index takes.
PARTITION_WRITES = 1_000


def test_as_the_parameters_are_no_more_jobs_start_than_the_index_takes() -> None:
    defaults = {name: parameter["Default"] for name, parameter in TEMPLATE["Parameters"].items()}

    most = defaults["StartConcurrency"] * defaults["StartBatchSize"] / MIN_BATCH

    assert most <= defaults["ShardCount"] * PARTITION_WRITES


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_policy_names_single_actions_on_single_resources(folder: str) -> None:
    for statement in statements(folder):
        if statement["Sid"] == "Trace":
            continue  # X-Ray has no resources; test_rights.py knows the actions
        assert statement["Effect"] == "Allow"
        assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}  # no NotAction, no NotResource
        # the objects of a bucket are no single resource, and their names come from outside
        assert "*" not in re.sub(r"\$\{\w+Bucket\.Arn\}/\*", "", json.dumps(statement))


@pytest.mark.parametrize("queue_policy", resources("AWS::SQS::QueuePolicy").values())
def test_a_queue_lets_nobody_in_but_rules_of_this_stack_that_name_it(queue_policy: dict[str, Any]) -> None:
    for statement in queue_policy["PolicyDocument"]["Statement"]:
        if statement["Effect"] == "Deny":
            continue
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Action"] == "sqs:SendMessage"
        queue = resource_of(statement["Resource"])
        assert queue_policy["Queues"] == [{"Ref": queue}]
        let_in = {resource_of(_if_there(arn)) for arn in statement["Condition"]["ArnEquals"]["aws:SourceArn"]}
        assert let_in == {rule for rule, target in TARGETS if queue in {_queue_of(target), _dead_letters_of(target)}}


def _if_there(arn: Any) -> Any:
    """An ARN, also if a condition decides whether it exists."""
    match arn:
        case {"Fn::If": [_, there, {"Ref": "AWS::NoValue"}]}:
            return there
    return arn


def _queue_of(target: dict[str, Any]) -> str:
    return resource_of(target["Arn"])


def _dead_letters_of(target: dict[str, Any]) -> str:
    return resource_of(target["DeadLetterConfig"]["Arn"])


@pytest.mark.parametrize(("rule", "target"), TARGETS, ids=[rule for rule, _ in TARGETS])
def test_a_rule_tries_for_a_day_and_keeps_what_it_could_not_deliver(rule: str, target: dict[str, Any]) -> None:
    kept = RESOURCES[_dead_letters_of(target)]["Properties"]

    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
    assert kept["MessageRetentionPeriod"] == MAX_RETENTION


def test_what_comes_in_is_what_ingest_events_reads_or_misspelt_and_never_our_own() -> None:
    pattern = resources("AWS::Events::Rule")["IngestRule"]["EventPattern"]
    read = re.findall(
        r'case "((?:Job|Schedule) \w+)":', (ROOT / "layers/core/jobs/dialects/event_bodies.py").read_text()
    )

    never_ours, of_others = pattern["$or"]
    ours = set(publishing._DETAIL_TYPES.values())
    assert list(event_bodies.DETAIL_TYPES) == read
    assert set(never_ours["detail-type"]) == set(read) - ours
    assert of_others == {
        # a space, because «Scheduled Event» is AWS's own
        "detail-type": [{"prefix": {"equals-ignore-case": start}} for start in ("job", "schedule ")],
        "source": [{"anything-but": [EVENT_SOURCE]}],
    }


def test_an_event_is_remembered_longer_than_rule_and_queue_may_deliver_it() -> None:
    [(_, target)] = [(rule, target) for rule, target in TARGETS if rule == "IngestRule"]
    queue = RESOURCES["IngestQueue"]["Properties"]

    delivered_within = target["RetryPolicy"]["MaximumEventAgeInSeconds"] + queue["MessageRetentionPeriod"]
    assert 1_000 * delivered_within < ingestion.REMEMBERED


@pytest.mark.parametrize("bucket", resources("AWS::S3::Bucket"))
def test_a_bucket_is_private_encrypted_and_outlives_the_stack(bucket: str) -> None:
    declared = RESOURCES[bucket]
    [policy] = [policy for policy in resources("AWS::S3::BucketPolicy").values() if policy["Bucket"] == {"Ref": bucket}]
    [statement] = policy["PolicyDocument"]["Statement"]

    assert (declared["DeletionPolicy"], declared["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert set(declared["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert declared["Properties"]["BucketEncryption"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", NOT_ENCRYPTED)
    assert {resource_of(arn) for arn in statement["Resource"]} == {bucket, f"{bucket}/*"}


def test_workers_files_are_forgotten_by_one_rule_unfinished_and_unnamed_ones_too() -> None:
    bucket = RESOURCES["ArtifactsBucket"]["Properties"]
    [rule] = bucket["LifecycleConfiguration"]["Rules"]

    # without a prefix or a tag it is for every object
    assert {name: value for name, value in rule.items() if name != "Id"} == {
        "Status": "Enabled",
        "ExpirationInDays": {"Ref": "ArtifactDays"},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    # versions would outlive it
    assert "VersioningConfiguration" not in bucket
    assert (TEMPLATE["Parameters"]["ArtifactDays"]["Default"], TEMPLATE["Parameters"]["ArtifactDays"]["MinValue"]) == (
        90,
        1,
    )


def test_pages_that_may_call_the_api_may_put_and_get_files_and_no_other_page_may() -> None:
    api = resources("AWS::Serverless::HttpApi")["JobsApi"]["CorsConfiguration"]
    bucket = RESOURCES["ArtifactsBucket"]["Properties"]["CorsConfiguration"]
    [condition, of_api, nothing], [condition_of_bucket, of_bucket, nothing_else] = api["Fn::If"], bucket["Fn::If"]
    [rule] = of_bucket["CorsRules"]

    assert (condition_of_bucket, nothing_else) == (condition, nothing)
    assert rule["AllowedOrigins"] == of_api["AllowOrigins"]
    assert rule["AllowedMethods"] == ["GET", "PUT"]
    # what an upload must send, and a page may not send by itself
    assert {"if-none-match", "x-amz-checksum-sha256"} <= set(rule["AllowedHeaders"])


def test_files_are_known_to_three_functions_two_sign_one_kind_of_address_each_and_one_deletes() -> None:
    signers = {
        folder: rights(folder)["ArtifactsBucket/*"] for folder in FOLDERS if "ArtifactsBucket/*" in rights(folder)
    }
    told = {folder for folder in FOLDERS if "ARTIFACTS_BUCKET" in json.dumps(properties(folder))}

    assert signers == {
        "announce_artifact": {"s3:PutObject"},
        "get_artifacts": {"s3:GetObject"},
        "redact_jobs": {"s3:DeleteObjectVersion"},
    }
    assert told == signers.keys()
    assert not [resource for resource in rights("get_job") if "Bucket" in resource]


def test_the_stream_is_read_from_its_beginning_in_bounds_and_what_fails_is_kept_whole() -> None:
    [source] = events("publish_changes", "DynamoDB")

    assert source["Stream"] == {"Fn::GetAtt": [TABLE, "StreamArn"]}
    assert RESOURCES[TABLE]["Properties"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BisectBatchOnFunctionError"] is True
    assert 0 < source["MaximumRetryAttempts"] <= 100
    assert 0 < source["MaximumRecordAgeInSeconds"] < 24 * 3600  # after which the stream itself forgets
    # of all possible places, this one gets more than the batch's position in the stream
    assert RESOURCES[resource_of(source["DestinationConfig"]["OnFailure"]["Destination"])]["Type"] == "AWS::S3::Bucket"


def test_of_the_table_s_rows_the_stream_s_filter_lets_through_those_of_jobs() -> None:
    [source] = events("publish_changes", "DynamoDB")
    [only] = source["FilterCriteria"]["Filters"]
    wanted = json.loads(only["Pattern"])
    [(attribute, kind)] = wanted["dynamodb"]["NewImage"].items()
    message = Message(0, Severity.INFORMATION, "text")
    others = (
        items.message_to_item(1, 1, message, "suffix"),
        items.outputs_to_item(1, 1, "token", []),
        items.params_to_item(a_job(), {}),
        directory_items.project_to_item(a_project()),
    )

    assert wanted["eventName"] == ["INSERT", "MODIFY"]
    assert kind == {"S": [{"exists": True}]}
    assert "S" in items.job_to_item(a_job(), "token", 1)[attribute]
    assert [other for other in others if attribute in other] == []


@pytest.mark.parametrize("parameter", ["WebhookUrl", "UploadsBucketName", "UploadsProjectKey"])
def test_what_is_not_everybody_s_is_off_by_default(parameter: str) -> None:
    assert TEMPLATE["Parameters"][parameter]["Default"] == ""


@pytest.mark.parametrize("name", [name for name in RESOURCES if name.startswith(("Webhook", "Uploads"))])
def test_a_part_that_is_off_by_default_has_a_condition(name: str) -> None:
    condition = "WebhookIsCalled" if name.startswith("Webhook") else "UploadsAreJobs"

    assert RESOURCES[name]["Condition"] == condition


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_knows_the_start_queue_only_if_it_may_send_to_it(folder: str) -> None:
    variables = properties(folder).get("Environment", {}).get("Variables", {})

    assert ("START_QUEUE_URL" in variables) == ("sqs:SendMessage" in rights(folder).get(START_QUEUE, set()))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_logs_to_a_group_of_its_own_that_forgets(folder: str) -> None:
    group = properties(folder)["LoggingConfig"]["LogGroup"]["Ref"]

    assert group == f"{logical_id(folder).removesuffix('Function')}LogGroup"
    assert resources("AWS::Logs::LogGroup")[group] == {"RetentionInDays": {"Ref": "LogRetentionDays"}}


@pytest.mark.parametrize("api", resources("AWS::Serverless::HttpApi").values())
def test_an_access_log_names_no_one(api: dict[str, Any]) -> None:
    line = api["AccessLogSettings"]["Format"]

    assert set(re.findall(r"\$context\.([\w.]+)", line)) <= IMPERSONAL
    assert {"requestId", "routeKey", "status"} <= json.loads(line).keys()


@pytest.mark.parametrize("api", resources("AWS::Serverless::HttpApi").values())
def test_pages_may_send_what_the_routes_take_and_read_what_they_answer(api: dict[str, Any]) -> None:
    _, cors, _ = api["CorsConfiguration"]["Fn::If"]
    operations = [operation for path in described()["paths"].values() for operation in path.values()]
    taken = {
        parameter["name"].lower()
        for operation in operations
        for parameter in operation["parameters"]
        if parameter["in"] == "header"
    }

    assert set(cors["AllowMethods"]) == {route.key.partition(" ")[0] for route in ROUTES}
    assert set(cors["AllowHeaders"]) >= taken | {"authorization", "content-type"}
    assert set(cors["ExposeHeaders"]) >= {"link", "location", "retry-after", "x-total-count"}


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

    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if events(folder, "SQS")])
def test_a_queue_s_message_is_not_handed_out_twice_while_it_is_worked_on_and_does_not_circle_for_ever(
    folder: str,
) -> None:
    for source in events(folder, "SQS"):
        queue = RESOURCES[resource_of(source["Queue"])]["Properties"]
        dead_letters = RESOURCES[resource_of(queue["RedrivePolicy"]["deadLetterTargetArn"])]["Properties"]

        window = source.get("MaximumBatchingWindowInSeconds", 0)
        assert queue["VisibilityTimeout"] >= 6 * properties(folder)["Timeout"] + window
        # an event is tried once, and five more times
        assert queue["RedrivePolicy"]["maxReceiveCount"] == (RECEIVES if folder == "ingest_events" else 5)
        assert dead_letters["MessageRetentionPeriod"] == MAX_RETENTION
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_dead_letter_queue_raises_an_alarm() -> None:
    dead_letter_queues = {
        resource_of(queue["RedrivePolicy"]["deadLetterTargetArn"])
        for queue in resources("AWS::SQS::Queue").values()
        if "RedrivePolicy" in queue
    } | {_dead_letters_of(target) for _, target in TARGETS}
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
