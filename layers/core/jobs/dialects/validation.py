"""Checking what comes from outside by pydantic, and saying what is wrong in words of our own.

Only functions that write import this (decision 0004).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from jobs.dialects.json_text import read_object, whole
from jobs.errors import InvalidRequest, Problem
from jobs.lifecycle.text import NOT_CARRIED, check_text

if TYPE_CHECKING:
    from collections.abc import Mapping

Model = TypeVar("Model", bound=BaseModel)

#: How much of an unknown field's name is told to the caller.
MAX_FIELD_NAME = 64


class OnFirstUse(BaseModel):
    """A model that is built when the first body of its kind comes.

    Some functions know more kinds of body than one environment ever meets (decision 0043).
    """

    model_config = ConfigDict(defer_build=True)


def parse_object(body: str) -> dict[str, Any]:
    """Read a JSON object all of whose text can travel.

    Raises:
        InvalidRequest: it is not a JSON object, or its text cannot be stored.
    """
    content = read_object(body)
    check_text("body", json.dumps(content, ensure_ascii=False))
    return content


def carried(text: str) -> str:
    """Check that a text can travel, for pydantic.

    Raises:
        ValueError: no queue carries it.
    """
    try:
        check_text("", text)
    except InvalidRequest as error:
        raise ValueError(error.reason) from None
    return text


#: Takes an integer in any form that JSON has for it. Both stand behind the bounds, or the JSON Schema loses those.
WHOLE = BeforeValidator(whole)
#: Takes text that can travel.
CARRIED = AfterValidator(carried)

#: Said where a model uses a check that `_WORDS` does not know. A test sees that none does.
NO_WORDS = "is not as it must be"
#: What is wrong by pydantic's name for it, in our words. Its own sentences speak of Python and of regular expressions.
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "does not exist here",
    "string_type": "must be text",
    "string_unicode": NOT_CARRIED,
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters",
    "int_type": "must be an integer",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "bool_type": "must be true or false",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "list_type": "must be a list",
    "too_short": "must be a list of at least {min_length}",
    "too_long": "must be a list of at most {max_length}",
}


def validated(model: type[Model], content: Mapping[str, Any], *problems: Problem, now: int | None = None) -> Model:
    """Validate a body.

    Args:
        model: what it must be like.
        content: the body.
        problems: what was found to be wrong with it elsewhere.
        now: the time, for models that bound times by it.

    Raises:
        InvalidRequest: fields are out of bounds or unknown. It names every one of them.
    """
    found = list(problems)
    try:
        # Names come from outside, and an answer must be able to carry them.
        named = {name.encode(errors="replace").decode(): value for name, value in content.items()}
        made = model.model_validate(named, context=now)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False)
        found = [*(_problem(model, detail) for detail in told), *found]
    if found:
        raise InvalidRequest(*found[0], *found[1:])
    return made


def _problem(model: type[BaseModel], detail: Mapping[str, Any]) -> Problem:
    name = str(detail["loc"][0]) if detail["loc"] else "body"
    match detail["type"]:
        case "string_pattern_mismatch":
            reason = f"must be {model.model_fields[name].description}"
        case "literal_error":
            reason = "must be one of " + ", ".join(re.findall(r"'([^']+)'", detail["ctx"]["expected"]))
        case "value_error":
            reason = str(detail["ctx"]["error"])
        case kind:
            reason = _WORDS.get(kind, NO_WORDS).format_map(detail.get("ctx", {}))
    return Problem(name[:MAX_FIELD_NAME], reason)
