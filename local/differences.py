"""What the embedded AWS cannot do, and how the template is changed for it."""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.template import Template

#: The emulator's PartiQL has no LIST_APPEND, and its streams do not show what PartiQL writes.
PARAMETERS = {"StartBatchSize": "1"}

#: Types of resources that the emulator's CloudFormation refuses, and the whole stack with them.
LEFT_OUT = {
    "AWS::CloudWatch::CompositeAlarm": "unknown to the emulator; nothing watches alarms here",
    "AWS::Events::ApiDestination": "unknown to the emulator; nothing may leave this machine",
    "AWS::Events::Archive": "unknown to the emulator",
    "AWS::Events::Connection": "unknown to the emulator; nothing may leave this machine",
    "AWS::Events::EventBusPolicy": "unknown to the emulator, which checks no permissions",
    "AWS::Logs::QueryDefinition": "unknown to the emulator; a convenience of the console",
}
#: The emulator takes alarms over one metric and refuses those over several.
LEFT_OUT_WITH_PROPERTY = {("AWS::CloudWatch::Alarm", "Metrics"): "metric math is unknown to the emulator"}

log = logging.getLogger(__name__)


def without_refused(template: Template) -> Template:
    """Take out what `LEFT_OUT` lists, and the outputs and dependencies that name it."""
    template = copy.deepcopy(template)
    resources = template["Resources"]
    gone = {name: reason for name, resource in resources.items() if (reason := _left_out(resource))}
    for name, reason in gone.items():
        log.info("%s is left out: %s", name, reason)
        del resources[name]
    for resource in resources.values():
        waits_for = resource.get("DependsOn", [])
        waits_for = [waits_for] if isinstance(waits_for, str) else waits_for
        if left := [name for name in waits_for if name not in gone]:
            resource["DependsOn"] = left
        else:
            resource.pop("DependsOn", None)
    outputs = template.get("Outputs", {})
    template["Outputs"] = {name: output for name, output in outputs.items() if not _names(output) & gone.keys()}
    return template


def _left_out(resource: Template) -> str | None:
    by_property = (
        reason
        for (type_, name), reason in LEFT_OUT_WITH_PROPERTY.items()
        if type_ == resource["Type"] and name in resource.get("Properties", {})
    )
    return LEFT_OUT.get(resource["Type"]) or next(by_property, None)


def _names(value: object) -> set[str]:
    """The resources that a part of a template may refer to."""
    match value:
        case {"Ref": str(name)}:
            return {name}
        case {"Fn::GetAtt": [str(name), *_]}:
            return {name}
        case {"Fn::GetAtt": str(name)} | {"Fn::Sub": str(name)}:
            # Every word of the text: the names of resources are among them.
            return set("".join(character if character.isalnum() else " " for character in name).split())
        case dict():
            return set().union(*(_names(inner) for inner in value.values()))
        case list():
            return set().union(*(_names(inner) for inner in value))
    return set()


def with_numbers(template: Template) -> Template:
    """Put numbers into event source mappings, in place of references to numeric parameters.

    CloudFormation passes such parameters on as numbers. The emulator passes text, compares it with numbers, and then
    polls no queue.
    """
    template = copy.deepcopy(template)
    numbers = {
        name: int(PARAMETERS.get(name, parameter["Default"]))
        for name, parameter in template.get("Parameters", {}).items()
        if parameter["Type"] == "Number"
    }
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            resource["Properties"] = _replaced(resource["Properties"], numbers)
    return template


def _replaced(value: Any, numbers: Mapping[str, int]) -> Any:
    match value:
        case {"Ref": str(name)} if name in numbers:
            return numbers[name]
        case dict():
            return {name: _replaced(inner, numbers) for name, inner in value.items()}
        case list():
            return [_replaced(inner, numbers) for inner in value]
    return value
