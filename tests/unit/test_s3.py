"""The sessions on S3: listings, deletions, and what S3 may refuse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ReadTimeoutError
from jobs.adapters.s3 import S3SessionStore
from jobs.erasure.ports import ObjectVersion, SessionsRefused, VersionPage
from jobs.errors import Busy

from tests.builders import a_client_error
from tests.fakes import FakeClock, FakeMeter

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

TIMED_OUT = ReadTimeoutError(endpoint_url="https://s3")


class FakeS3:
    """Answers by a script: the codes of keys, or an error; and one listing for each call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.codes: Callable[[int], dict[str, str] | Exception] = lambda _: {}
        self.listings: list[dict[str, Any] | Exception] = []

    def _answer(self, call: str, parameters: dict[str, Any]) -> dict[str, str]:
        assert parameters["Bucket"] == "sessions"
        self.calls.append((call, parameters))
        answer = self.codes(len(self.calls))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def delete_objects(self, **parameters: Any) -> dict[str, Any]:
        assert parameters["Delete"]["Quiet"]
        codes = self._answer("DeleteObjects", parameters)
        entries = [
            {**entry, "Code": codes[entry["Key"]]} for entry in parameters["Delete"]["Objects"] if entry["Key"] in codes
        ]
        return {"Errors": entries} if entries else {}

    def delete_object(self, **parameters: Any) -> dict[str, Any]:
        codes = self._answer("DeleteObject", parameters)
        if parameters["Key"] in codes:
            raise a_client_error(codes[parameters["Key"]])
        return {}

    def list_object_versions(self, **parameters: Any) -> dict[str, Any]:
        self._answer("ListObjectVersions", parameters)
        listing = self.listings.pop(0)
        if isinstance(listing, Exception):
            raise listing
        return listing


class Sessions:
    """The adapter over the fake."""

    def __init__(self) -> None:
        self.s3, self.clock, self.meter = FakeS3(), FakeClock(), FakeMeter()
        self.store = S3SessionStore(lambda: cast("S3Client", self.s3), "sessions", self.clock, self.meter)

    @property
    def deleted(self) -> list[list[str]]:
        return [
            [entry["Key"] for entry in parameters["Delete"]["Objects"]] if "Delete" in parameters else parameters["Key"]
            for _, parameters in self.s3.calls
        ]


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


def versions(*keys: str) -> list[ObjectVersion]:
    return [ObjectVersion(key, f"version-of-{key}") for key in keys]


def listed(key: str, version: str, second: int = 0) -> dict[str, Any]:
    return {"Key": key, "VersionId": version, "LastModified": datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)}


def listing(
    *found: dict[str, Any], markers: tuple[dict[str, Any], ...] = (), more: tuple[str, str] | None = None
) -> dict[str, Any]:
    parts = {"Versions": list(found), "DeleteMarkers": list(markers)}
    going_on = {"NextKeyMarker": more[0], "NextVersionIdMarker": more[1]} if more else {}
    return {**{name: part for name, part in parts.items() if part}, **going_on, "IsTruncated": more is not None}


# ------------------------------------------------------------------------------------------------------------ deleting


def test_versions_are_deleted_for_good_in_one_call(sessions: Sessions) -> None:
    assert sessions.store.delete(versions("a", "b")) == []

    assert sessions.s3.calls == [
        (
            "DeleteObjects",
            {
                "Bucket": "sessions",
                "Delete": {
                    "Objects": [
                        {"Key": "a", "VersionId": "version-of-a"},
                        {"Key": "b", "VersionId": "version-of-b"},
                    ],
                    "Quiet": True,
                },
            },
        )
    ]


def test_what_s3_refuses_comes_back_with_its_code_in_its_order(sessions: Sessions) -> None:
    sessions.s3.codes = lambda _: {"c": "AccessDenied", "a": "InvalidArgument"}

    refused = sessions.store.delete(versions("c", "b", "a"))

    assert refused == [*zip(versions("c", "a"), ["AccessDenied", "InvalidArgument"], strict=True)]
    assert len(sessions.s3.calls) == 1


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "ServiceUnavailable", "503"])
def test_what_s3_asks_to_try_again_is_tried_again_alone(sessions: Sessions, code: str) -> None:
    sessions.s3.codes = lambda call: {"a": code, "b": "AccessDenied"} if call < 3 else {}

    assert sessions.store.delete(versions("a", "b", "c")) == [(versions("b")[0], "AccessDenied")]

    assert sessions.deleted == [["a", "b", "c"], ["a"], ["a"]]
    assert sessions.clock.slept == [200, 400]


@pytest.mark.parametrize("error", [a_client_error("SlowDown"), TIMED_OUT])
def test_a_throttled_or_lost_call_is_tried_again_and_then_given_up(sessions: Sessions, error: Exception) -> None:
    sessions.s3.codes = lambda _: error

    with pytest.raises(Busy):
        sessions.store.delete(versions("a", "b"))

    assert sessions.deleted == [["a", "b"]] * 5
    assert sessions.clock.slept == [200, 400, 800, 1_600]
    assert sessions.meter.failures == ["DeleteObjects"] * 5


def test_a_call_that_s3_refuses_whole_refuses_each_version(sessions: Sessions) -> None:
    sessions.s3.codes = lambda _: a_client_error("AccessDenied")

    assert sessions.store.delete(versions("a", "b")) == [(each, "AccessDenied") for each in versions("a", "b")]


def test_keys_that_xml_can_not_name_are_deleted_alone(sessions: Sessions) -> None:
    sessions.s3.codes = lambda _: {"x\x01": "AccessDenied"}

    assert sessions.store.delete(versions("a", "x\x01", "y\x1f", "t\t💡")) == [(versions("x\x01")[0], "AccessDenied")]

    assert sessions.deleted == [["a", "t\t💡"], "x\x01", "y\x1f"]
    assert sessions.s3.calls[1][1]["VersionId"] == "version-of-x\x01"


# ------------------------------------------------------------------------------------------------------------- listing


def test_versions_and_delete_markers_come_in_the_order_of_the_listing(sessions: Sessions) -> None:
    sessions.s3.listings = [
        listing(
            listed("a", "a2", 2),
            listed("a", "a0", 0),
            listed("é", "e0"),
            markers=(listed("a", "a3", 3), listed("a", "a1", 1), listed("b", "b0")),
        )
    ]

    page = sessions.store.list_versions("prefix/", None, 1_000)

    assert [version.version_id for version in page.versions] == ["a3", "a2", "a1", "a0", "b0", "e0"]
    assert not page.more
    assert sessions.s3.calls[0][1] == {"Bucket": "sessions", "Prefix": "prefix/", "MaxKeys": 1_000}


def test_a_listing_goes_on_behind_a_version(sessions: Sessions) -> None:
    sessions.s3.listings = [listing(listed("b", "1"), more=("b", "1"))]

    assert sessions.store.list_versions("p", ObjectVersion("a", "v"), 1) == VersionPage([ObjectVersion("b", "1")], True)  # noqa: FBT003

    assert sessions.s3.calls[0][1] == {
        "Bucket": "sessions",
        "Prefix": "p",
        "MaxKeys": 1,
        "KeyMarker": "a",
        "VersionIdMarker": "v",
    }


def test_an_empty_page_is_passed_over_where_there_are_more(sessions: Sessions) -> None:
    sessions.s3.listings = [listing(more=("a", "1")), listing(listed("b", "1"))]

    assert sessions.store.list_versions("", None, 1_000).versions == [ObjectVersion("b", "1")]

    assert sessions.s3.calls[1][1]["KeyMarker"] == "a"


@pytest.mark.parametrize(("at_most", "count", "calls"), [(10, 5, 2), (5, 5, 2), (3, 3, 1), (1, 1, 1)])
def test_counting_adds_pages_up_to_a_bound(sessions: Sessions, at_most: int, count: int, calls: int) -> None:
    sessions.s3.listings = [
        listing(listed("a", "1"), listed("b", "1"), markers=(listed("c", "1"),), more=("c", "1")),
        listing(listed("d", "1"), listed("e", "1")),
    ]

    assert sessions.store.count_versions("", at_most) == count

    assert len(sessions.s3.calls) == calls


def test_a_prefix_longer_than_any_key_is_not_even_asked_for(sessions: Sessions) -> None:
    assert sessions.store.list_versions("é" * 512, None, 1_000) == VersionPage([], more=False)
    assert sessions.store.count_versions("é" * 512, 1_000) == 0

    assert sessions.s3.calls == []


@pytest.mark.parametrize("error", [a_client_error("SlowDown"), TIMED_OUT])
def test_a_throttled_listing_is_tried_again(sessions: Sessions, error: Exception) -> None:
    sessions.s3.listings = [error, error, listing(listed("a", "1"))]

    assert len(sessions.store.list_versions("", None, 1_000).versions) == 1

    assert sessions.clock.slept == [200, 400]
    sessions.s3.listings = [error] * 5
    with pytest.raises(Busy):
        sessions.store.count_versions("", 1)


def test_a_listing_that_s3_refuses_says_why(sessions: Sessions) -> None:
    sessions.s3.listings = [a_client_error("NoSuchBucket")]

    with pytest.raises(SessionsRefused) as refused:
        sessions.store.list_versions("", None, 1_000)

    assert refused.value.code == "NoSuchBucket"
    assert sessions.clock.slept == []
