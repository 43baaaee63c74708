"""What the build leaves out of the layer of dependencies."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import botocore
import botocore.session
import pydantic_core.core_schema
import pytest

from local.slim import SERVICES, leave_out_fields, leave_out_texts, slim

DATA = Path(botocore.__file__).parent / "data"


@pytest.fixture(scope="module")
def slimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Botocore's data for our services and for one that nobody calls, slimmed twice."""
    data = tmp_path_factory.mktemp("layer") / "data"
    data.mkdir()
    for name in (*SERVICES, "sns"):
        shutil.copytree(DATA / name, data / name)
    for shared in DATA.glob("*.json"):
        shutil.copy(shared, data)
    slim(data)
    slim(data)
    return data


def test_services_that_no_function_calls_go(slimmed: Path) -> None:
    assert {path.name for path in slimmed.iterdir() if path.is_dir()} == SERVICES


def test_addresses_stay_for_our_services_alone(slimmed: Path) -> None:
    whole, left = (json.loads((data / "endpoints.json").read_text()) for data in (DATA, slimmed))

    for before, after in zip(whole["partitions"], left["partitions"], strict=True):
        assert after["services"] == {name: of for name, of in before["services"].items() if name in SERVICES}
        assert {**after, "services": None} == {**before, "services": None}


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_model_differs_in_its_descriptions_alone(slimmed: Path, service: str) -> None:
    session = botocore.session.get_session()
    whole = session.get_service_model(service)
    session.get_component("data_loader").search_paths.insert(0, str(slimmed))
    session.get_component("data_loader")._cache.clear()
    left = session.get_service_model(service)

    assert "documentation" in json.dumps(whole._service_description)  # type: ignore[attr-defined]  # private, so untyped
    assert left.metadata == whole.metadata
    assert left.operation_names == whole.operation_names
    for name in whole.shape_names:
        mine, theirs = left.shape_for(name), whole.shape_for(name)
        assert (mine.type_name, mine.metadata, mine.serialization) == (
            theirs.type_name,
            theirs.metadata,
            theirs.serialization,
        )
        assert list(getattr(mine, "members", ())) == list(getattr(theirs, "members", ()))


def test_botocore_makes_clients_without_the_code_for_descriptions(tmp_path: Path) -> None:
    whole = DATA.parent
    shutil.copytree(whole, tmp_path / "botocore", ignore=shutil.ignore_patterns("data", "__pycache__"))
    (tmp_path / "botocore" / "data").symlink_to(DATA)
    docs = tmp_path / "botocore" / "docs"
    leave_out_texts(docs)
    leave_out_texts(docs)

    wanted = set()
    for module in whole.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("botocore.docs"):
                wanted |= {(node.module, alias.name) for alias in node.names}
    assert wanted
    program = f"""
import importlib, botocore.session, botocore.docs, sys
assert botocore.docs.__file__.startswith({str(tmp_path)!r})
for module, name in {sorted(wanted)!r}:
    getattr(importlib.import_module(module), name)
client = botocore.session.get_session().create_client(
    "dynamodb", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
client.get_paginator("query"), client.get_waiter("table_exists"), client.get_item
assert not {{"botocore.docs.service", "botocore.docs.method"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": str(tmp_path)})


# ---- fields that only type checkers look at ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The declarations of pydantic's core, slimmed twice."""
    copied = tmp_path_factory.mktemp("layer") / "core_schema.py"
    shutil.copy(pydantic_core.core_schema.__file__, copied)
    leave_out_fields(copied)
    once = copied.read_text()
    leave_out_fields(copied)
    assert copied.read_text() == once
    return copied


def test_typed_dictionaries_lose_their_fields_and_nothing_else_changes(schemas: Path) -> None:
    whole, left = (
        ast.parse(text) for text in (Path(pydantic_core.core_schema.__file__).read_text(), schemas.read_text())
    )

    changed = [
        (before, after)
        for before, after in zip(whole.body, left.body, strict=True)
        if ast.unparse(before) != ast.unparse(after)
    ]

    assert {type(before) for before, _ in changed} == {ast.ClassDef}
    assert [f"class {before.name}(dict):\n    pass" for before, _ in changed if isinstance(before, ast.ClassDef)] == [
        ast.unparse(after) for _, after in changed
    ]
    assert len(changed) > 50


#: What each of our models takes, and what it says of a body that is wrong.
PROGRAM = """
import json, pydantic, pydantic_core.core_schema as used
from jobs.dialects import alteryx_schedule_bodies, artifact_bodies, bodies, event_bodies, report_bodies, schedule_bodies

def refusal(model):
    try:
        return repr(model.model_validate({"action": 1, "projectKey": 2}))
    except pydantic.ValidationError as error:
        return error.errors(include_url=False)

pending = pydantic.BaseModel.__subclasses__()
for model in pending:
    pending += model.__subclasses__()
ours = sorted((model for model in pending if model.__module__.startswith("jobs.")), key=repr)
print(used.__file__)
for model in ours:
    print(model, model.model_json_schema(), refusal(model))
"""


def test_models_are_built_and_refuse_as_before(schemas: Path, tmp_path: Path) -> None:
    layer = tmp_path / "pydantic_core"
    shutil.copytree(Path(pydantic_core.__file__).parent, layer)
    shutil.copy(schemas, layer)

    def run(*folders: Path) -> list[str]:
        path = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]}\n"
        ran = subprocess.run([sys.executable, "-c", path + PROGRAM], capture_output=True, text=True, check=True)
        return ran.stdout.splitlines()

    (before, *usual), (after, *slimmed) = run(), run(tmp_path)

    assert (Path(before), Path(after)) == (Path(pydantic_core.core_schema.__file__), layer / "core_schema.py")
    assert slimmed == usual
    assert len(usual) > 10
