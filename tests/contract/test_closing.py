"""The deletion of a project, row by row, on both emulators: which rows go, who may go on, and one end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jobs.store import items, keys
from jobs.store.closing import DynamoDBClosing
from jobs.store.table import new_token
from jobs.tenancy import administration
from jobs.tenants import ClosingStep

from tests.builders import NOW, a_client, a_job, a_user
from tests.conftest import TABLE
from tests.stores import a_table, an_admin

if TYPE_CHECKING:
    from jobs.store.directory_admin import DynamoDBDirectoryAdmin
    from jobs.tenants import Closing
    from mypy_boto3_dynamodb import DynamoDBClient

#: Rows that belong to a project beside its jobs, by their partitions.
BELONGINGS = (
    keys.payload(1, 7),
    keys.reference(1, "person", 7)[0],
    keys.idempotency(1, "digest")[0],
    keys.deletion_lock(1, "person")[0],
)


@pytest.fixture(params=["moto", "ministack"])
def client(request: pytest.FixtureRequest) -> DynamoDBClient:
    client: DynamoDBClient = request.getfixturevalue("dynamodb" if request.param == "moto" else request.param)
    return client


@pytest.fixture
def directory(client: DynamoDBClient) -> DynamoDBDirectoryAdmin:
    """An organisation with the projects 1 and 2."""
    directory = an_admin(client)
    organisation = administration.create_organisation(directory, "Demo").organisation_id
    for name in ("Goes", "Stays"):
        administration.create_project(directory, organisation, name)
    return directory


@pytest.fixture
def closing(client: DynamoDBClient) -> DynamoDBClosing:
    return DynamoDBClosing(a_table(client), new_token)


def begun(directory: DynamoDBDirectoryAdmin, closing: DynamoDBClosing) -> Closing:
    directory.close_project(1)
    [found] = closing.list_closings()
    return found


def put(client: DynamoDBClient, *rows: Any) -> None:
    for row in rows:
        client.put_item(TableName=TABLE, Item=row)


def rows(client: DynamoDBClient) -> set[tuple[str, str]]:
    found = client.scan(TableName=TABLE)["Items"]
    return {(item["pk"]["S"], item["sk"]["S"]) for item in found}


def test_rows_of_the_project_go_page_by_page_and_those_of_others_stay(
    client: DynamoDBClient, directory: DynamoDBDirectoryAdmin, closing: DynamoDBClosing
) -> None:
    begun(directory, closing)
    before = rows(client)
    large = "x" * 300_000
    put(
        client,
        *(items.job_to_item(a_job(job_id=number, project_id=1), "token", 4) for number in (1, 999, 1_000, 1_001)),
        *({**items.key((partition, "sk")), "text": items.string(large)} for partition in BELONGINGS),
    )
    others = [items.job_to_item(a_job(project_id=number), "token", 4) for number in (2, 11, 10)]
    others += [items.key((keys.payload(number, 1), "params")) for number in (2, 11)]
    put(client, *others)

    deleted, cursor, pages = 0, "", 0
    while True:
        some, onward = closing.delete_rows(1, cursor)
        deleted, pages = deleted + some, pages + 1
        if onward is None:
            break
        cursor = onward

    assert deleted == 4 + len(BELONGINGS)
    assert pages > 1  # a page is a megabyte
    assert rows(client) == before | {(row["pk"]["S"], row["sk"]["S"]) for row in others}


def test_only_who_has_seen_the_newest_place_goes_on(
    directory: DynamoDBDirectoryAdmin, closing: DynamoDBClosing
) -> None:
    first = begun(directory, closing)
    onward = first._replace(step=ClosingStep.DELETE_ROWS, cursor="c", objects=3, rows=5)

    assert closing.move_closing(first, onward)
    assert closing.move_closing(first, onward)  # sent again
    assert not closing.move_closing(first, first._replace(rows=1))
    assert closing.list_closings() == [onward]
    assert directory.find_closing(1) == onward


def test_it_ends_once_with_one_entry_in_the_audit_and_takes_the_project_and_its_clients(
    directory: DynamoDBDirectoryAdmin, closing: DynamoDBClosing
) -> None:
    directory.add_user(a_user(organisation_id=1))
    for project_id, name in ((1, "0" * 24), (2, "1" * 24)):
        directory.add_client(a_client(client_id=name, project_id=project_id, organisation_id=1))
    done = begun(directory, closing)._replace(step=ClosingStep.END, jobs=4, objects=3, rows=5)

    assert closing.finish_closing(done, NOW + 1)
    assert closing.finish_closing(done, NOW + 2)

    entries = [entry for entry in directory.list_audit(1, 99) if entry.what == "project deleted"]
    assert [dict(entry.about) for entry in entries] == [
        {"projectId": 1, "jobs": 4, "objects": 3, "rows": 5, "begunAt": done.at}
    ]
    assert closing.list_closings() == []
    assert (directory.get_project(1), directory.list_projects(1)) == (None, (2,))
    assert (directory.find_client("0" * 24), [key.client_id for key in directory.list_clients(1)]) == (None, ["1" * 24])
