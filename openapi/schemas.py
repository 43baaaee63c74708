"""The pieces that the document is built from: parameters, bodies, and JSON Schemas whose fields have descriptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import BaseModel

#: Any part of the document.
Node: TypeAlias = dict[str, Any]

#: What pydantic says of a schema that the document does not repeat.
_LEFT_OUT = {"$defs", "default", "description", "title"}


def told(what: str, name: Any, table: Mapping[Any, Any], where: str) -> Any:
    """Look a name up in a table of descriptions.

    Raises:
        ValueError: the table does not have it; the sentence says where to add it.
    """
    if name not in table:
        raise ValueError(f"{what} has no description: add it to {where}")
    return table[name]


def reference(schema: str) -> Node:
    """A reference to a schema among the components."""
    return {"$ref": f"#/components/schemas/{schema}"}


def parameter(where: str, name: str, description: str, *, example: str | int | None = None, **schema: Any) -> Node:
    """A parameter with its schema: required in a path, optional elsewhere."""
    return {
        "name": name,
        "in": where,
        "description": description,
        **({"required": True} if where == "path" else {}),
        "schema": schema,
        **({} if example is None else {"example": example}),
    }


def query(name: str, description: str, **schema: Any) -> Node:
    """A parameter of the query, with its schema."""
    return parameter("query", name, description, **schema)


def query_list(name: str, description: str, schema: Node) -> Node:
    """A parameter of the query that takes values of a schema, joined by commas."""
    items = {keyword: value for keyword, value in schema.items() if keyword != "description"}
    return {**query(name, description, type="array", items=items), "style": "form", "explode": False}


def body_of(
    schema: Node, *, required: bool = True, media: str = "application/json", **examples: tuple[str, Any]
) -> Node:
    """A request body; each example is a summary and a value."""
    shown = {name: {"summary": summary, "value": value} for name, (summary, value) in examples.items()}
    content = {media: {"schema": schema, "examples": shown}}
    return {"required": True, "content": content} if required else {"content": content}


def field(kind: str | list[str], description: str, **keywords: Any) -> Node:
    """The schema of a field."""
    return {"type": kind, **keywords, "description": description}


def integer(lowest: int, highest: int, **keywords: Any) -> Node:
    """The schema of an integer within bounds."""
    return {"type": "integer", "minimum": lowest, "maximum": highest, **keywords}


def one_of(*words: str, **keywords: Any) -> Node:
    """The schema of one of these words."""
    return {"type": "string", "enum": list(words), **keywords}


def not_blank(description: str, most: int) -> Node:
    """The schema of an id that its user chooses."""
    return field("string", description, minLength=1, maxLength=most, pattern=r"\S")


def nullable(schema: Node) -> Node:
    """The schema, or null."""
    options = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **options}


def list_of(schema: str, **keywords: Any) -> Node:
    """The schema of a list of components."""
    return {"type": "array", "items": reference(schema), **keywords}


def strict(**properties: Node) -> Node:
    """The schema of an object that has all of these properties and no other."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Fields:
    """The schemas of fields by name, each with its description."""

    #: The file and the name of this table, for the sentence that asks for a missing entry.
    table: str
    nodes: Mapping[str, Node]

    def object_of(self, schema: str, shown: Iterable[str]) -> Node:
        """The schema of an object with exactly the fields that an answer shows.

        Raises:
            ValueError: a field has no description.
        """
        described = {name: node for name, node in self.nodes.items() if node.get("description")}
        return strict(**{name: told(f"{schema}.{name}", name, described, self.table) for name in shown})


def request_of(model: type[BaseModel], table: str, descriptions: Mapping[str, str]) -> Node:
    """What pydantic takes for a model, as JSON Schema with descriptions; those of lists' items are `list.field`.

    Raises:
        ValueError: a field has no description, or a description no field.
    """
    found = model.model_json_schema()
    schema = _plain(found, found.get("$defs", {}))
    properties = dict(_properties(schema))
    for path, property_ in properties.items():
        property_["description"] = told(f"{model.__name__}.{path}", path, descriptions, table)
    if unknown := descriptions.keys() - properties.keys():
        raise ValueError(f"{model.__name__} has no {', '.join(sorted(unknown))}: remove it from {table}")
    return schema


def _properties(schema: Node, prefix: str = "") -> Iterator[tuple[str, Node]]:
    """Every property by its path, those of the items of lists too."""
    for name, property_ in schema.get("properties", {}).items():
        yield f"{prefix}{name}", property_
        yield from _properties(property_.get("items", {}), f"{prefix}{name}.")


def _plain(schema: Node, named: Mapping[str, Node]) -> Node:
    r"""A schema as it reads best: null among the types, references resolved, `$` for `\z`, which only Python knows."""
    if "$ref" in schema:
        return _plain(named[schema["$ref"].rpartition("/")[2]], named)
    if "anyOf" in schema:
        value, null = schema["anyOf"]
        if null != {"type": "null"}:
            raise ValueError(schema)
        return nullable(_plain(value, named))
    kept = {name: value for name, value in schema.items() if name not in _LEFT_OUT}
    if "properties" in kept:
        kept["properties"] = {name: _plain(inner, named) for name, inner in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = _plain(kept["items"], named)
    if "pattern" in kept:
        kept["pattern"] = kept["pattern"].replace(r"\z", "$")
    return kept
