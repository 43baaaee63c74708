"""`python -m local.slim FOLDER …`: leave out of built layers what no function uses (decision 0043).

botocore comes with the models of all services, and each new client reads a list of all their addresses. Functions use
four services. Descriptions of the calls go too, with the code that makes texts of them, which each client imports.
pydantic's core declares a type for each kind of schema, for type checkers alone. What is left works as it did before.
"""

from __future__ import annotations

import ast
import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

#: The services that functions call. A test compares them with the code.
SERVICES = frozenset({"dynamodb", "events", "s3", "sqs"})

#: What stands in the place of botocore's docstrings, which are made when somebody asks for help.
NO_TEXTS = '''"""Descriptions of calls are left out."""


def _nothing(*_, **__):
    return None


ClientMethodDocstring = PaginatorDocstring = WaiterDocstring = _nothing
'''
#: The one other module that botocore imports of those that write descriptions.
_USED = "utils.py"


def main() -> None:
    """Slim the layers that the command line names, each the folder that is on the path."""
    for folder in sys.argv[1:]:
        slim(Path(folder) / "botocore" / "data")
        leave_out_texts(Path(folder) / "botocore" / "docs")
        leave_out_fields(Path(folder) / "pydantic_core" / "core_schema.py")


def slim(data: Path) -> None:
    """Slim a folder of botocore's data. A second time changes nothing."""
    for service in (path for path in data.iterdir() if path.is_dir() and path.name not in SERVICES):
        shutil.rmtree(service)
    addresses = data / "endpoints.json"
    known = json.loads(addresses.read_bytes())
    for partition in known["partitions"]:
        partition["services"] = {name: of for name, of in partition["services"].items() if name in SERVICES}
    _write(addresses, known)
    for packed in data.glob("*/*/*.json.gz"):
        _write(packed.with_suffix(""), _undocumented(json.loads(gzip.decompress(packed.read_bytes()))))
        packed.unlink()


def leave_out_texts(docs: Path) -> None:
    """Slim a folder of botocore's code for descriptions. A second time changes nothing."""
    for path in docs.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _USED:
            path.unlink()
    (docs / "__init__.py").write_text("")
    (docs / "docstring.py").write_text(NO_TEXTS)


def leave_out_fields(schemas: Path) -> None:
    """Leave out the fields of typed dictionaries, which a program never looks at. A second time changes nothing."""
    module, typed = ast.parse(schemas.read_text()), {"TypedDict"}
    for part in module.body:
        if isinstance(part, ast.ClassDef) and typed & {base.id for base in part.bases if isinstance(base, ast.Name)}:
            typed.add(part.name)
            part.bases, part.keywords, part.body = [ast.Name("dict")], [], [ast.Pass()]
    schemas.write_text(ast.unparse(module))


def _undocumented(part: Any) -> Any:
    """A part of a model without the texts that describe it. A shape may have a member of that name: it is no text."""
    match part:
        case dict():
            return {
                name: _undocumented(inner)
                for name, inner in part.items()
                if name != "documentation" or not isinstance(inner, str)
            }
        case list():
            return [_undocumented(inner) for inner in part]
    return part


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")))


if __name__ == "__main__":
    main()
