"""template.yaml, read and translated from SAM to plain CloudFormation."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeAlias

from samtranslator.model import exceptions  # type: ignore[import-untyped]
from samtranslator.translator.transform import transform  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from pathlib import Path

#: A template, or a part of one.
Template: TypeAlias = dict[str, Any]


class DeploymentFailedError(Exception):
    """The template could not be deployed; the text names the resource and the reason."""


def load(root: Path) -> Template:
    """Read template.yaml, with CloudFormation's short forms (`!Ref`) spelt out."""
    template: Template = yaml_parse((root / "template.yaml").read_text())
    return template


def translate(template: Template) -> Template:
    """Turn SAM's resources into CloudFormation's, as AWS does at deployment.

    Raises:
        DeploymentFailedError: SAM does not accept the template.
    """
    try:
        native: Template = transform(copy.deepcopy(template), {}, _NoManagedPolicies())
    except exceptions.InvalidDocumentException as error:
        raise DeploymentFailedError("; ".join(str(cause.message) for cause in error.causes)) from error
    return native


class _NoManagedPolicies:
    """Replaces the list of AWS's managed policies, which IAM would have to be asked for.

    The template names no managed policy by its short name.
    """

    def load(self) -> dict[str, str]:
        return {}
