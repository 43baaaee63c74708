"""`SessionStore` on Amazon S3: a bucket that keeps every version of an object."""

from __future__ import annotations

import heapq
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from jobs.erasure.ports import ObjectVersion, SessionsRefused, VersionPage
from jobs.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectVersionsOutputTypeDef

    from jobs.ports import Clock, Meter

#: S3's own limits (API Reference): versions of a listing and of a DeleteObjects, and the bytes of a key.
PAGE = 1_000
MAX_KEY_BYTES = 1_024
#: Codes of a call, or of one key of a DeleteObjects, that ask to try again (API Reference, «Error responses»).
PASSING = frozenset(
    {
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "RequestTimeTooSkewed",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottlingException",
        "500",
        "502",
        "503",
        "504",
    }
)
#: How often a call is tried before the message goes back to its queue: about 3 seconds in all, enough for S3 to scale.
TRIES = 5
FIRST_PAUSE = 200

#: Characters that a key may hold but XML 1.0 cannot. DeleteObjects cannot name such a key, but DeleteObject can.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Answer = TypeVar("Answer")


class _Listed(NamedTuple):
    """A version with the order that S3 lists it in: by the bytes of the key, then the newest first."""

    key: bytes
    age: float
    version: ObjectVersion


class S3SessionStore:
    """The sessions in the bucket `bucket`."""

    def __init__(self, client: Callable[[], S3Client], bucket: str, clock: Clock, meter: Meter) -> None:
        self._client = client
        self._bucket = bucket
        self._clock = clock
        self._meter = meter

    def list_versions(self, prefix: str, after: ObjectVersion | None, limit: int) -> VersionPage:
        """See `SessionStore.list_versions`: one ListObjectVersions for each 1,000."""
        for answer in self._pages(prefix, after, min(limit, PAGE)):
            versions = _in_order(answer)
            more = answer["IsTruncated"]
            if versions or not more:
                return VersionPage(versions, more)
        return VersionPage([], more=False)

    def count_versions(self, prefix: str, at_most: int) -> int:
        """See `SessionStore.count_versions`."""
        count = 0
        for answer in self._pages(prefix, None, PAGE):
            count += len(answer.get("Versions", [])) + len(answer.get("DeleteMarkers", []))
            if count >= at_most:
                return at_most
        return count

    def delete(self, versions: Sequence[ObjectVersion]) -> list[tuple[ObjectVersion, str]]:
        """See `SessionStore.delete`: DeleteObjects. Only the versions that S3 asks to try again are tried again.

        Raises:
            Busy: S3 still asks to try again.
        """
        codes: dict[ObjectVersion, str] = {}
        left: Sequence[ObjectVersion] = versions
        for attempt in range(TRIES):
            if attempt:
                self._clock.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            answers = self._delete_once(left)
            codes |= {version: code for version, code in answers.items() if code not in PASSING}
            left = [version for version, code in answers.items() if code in PASSING]
            if not left:
                return [(version, codes[version]) for version in versions if version in codes]
        raise Busy

    def _delete_once(self, versions: Sequence[ObjectVersion]) -> dict[ObjectVersion, str]:
        """Delete once and return what is left, with S3's codes."""
        odd = [version for version in versions if _NOT_IN_XML.search(version.key)]
        plain = [version for version in versions if version not in odd] if odd else versions
        left = self._delete_batch(plain) if plain else {}
        for version in odd:
            code = self._delete_alone(version)
            if code:
                left[version] = code
        return left

    def _delete_batch(self, versions: Sequence[ObjectVersion]) -> dict[ObjectVersion, str]:
        try:
            answer = self._client().delete_objects(
                Bucket=self._bucket,
                Delete={
                    "Objects": [{"Key": version.key, "VersionId": version.version_id} for version in versions],
                    "Quiet": True,
                },
            )
        except (ClientError, BotoCoreError) as error:
            code = self._note("DeleteObjects", error)
            return dict.fromkeys(versions, code)
        left: dict[ObjectVersion, str] = {}
        for entry in answer.get("Errors", []):
            key, version_id, code = entry.get("Key"), entry.get("VersionId"), entry.get("Code", "Unknown")
            # an error without a version is about all versions of the key
            named = (each for each in versions if each.key == key and version_id in {None, "", each.version_id})
            left.update(dict.fromkeys(named, code))
        return left

    def _delete_alone(self, version: ObjectVersion) -> str:
        try:
            self._client().delete_object(Bucket=self._bucket, Key=version.key, VersionId=version.version_id)
        except (ClientError, BotoCoreError) as error:
            return self._note("DeleteObject", error)
        return ""

    def _pages(self, prefix: str, after: ObjectVersion | None, size: int) -> Iterator[ListObjectVersionsOutputTypeDef]:
        """List page by page.

        Raises:
            Busy: S3 asks to try again for too long.
            SessionsRefused: S3 does not let us list them.
        """
        if len(prefix.encode()) >= MAX_KEY_BYTES:
            return  # no key can begin with it, and S3 may refuse it
        marker = {"KeyMarker": after.key, "VersionIdMarker": after.version_id} if after else {}
        while True:
            answer = self._list(Prefix=prefix, MaxKeys=size, **marker)
            yield answer
            if not answer["IsTruncated"]:
                return
            marker = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}

    def _list(self, **parameters: Any) -> ListObjectVersionsOutputTypeDef:
        for attempt in range(TRIES):
            if attempt:
                self._clock.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            try:
                return self._client().list_object_versions(Bucket=self._bucket, **parameters)
            except (ClientError, BotoCoreError) as error:
                code = self._note("ListObjectVersions", error)
                if code not in PASSING:
                    raise SessionsRefused(code) from error
        raise Busy

    def _note(self, call: str, error: ClientError | BotoCoreError) -> str:
        """Note a failed call and return its code. An unreachable S3 counts as one that asks to try again."""
        self._meter.failed(call, error)
        if not isinstance(error, ClientError):
            return "ServiceUnavailable"
        return error.response.get("Error", {}).get("Code", "Unknown")


def _in_order(answer: ListObjectVersionsOutputTypeDef) -> list[ObjectVersion]:
    """The versions and delete markers of a listing. S3 lists them together, but botocore separates them."""
    lists = (answer.get("Versions", []), answer.get("DeleteMarkers", []))
    return [listed.version for listed in heapq.merge(*(map(_listed, each) for each in lists))]


def _listed(version: Mapping[str, Any]) -> _Listed:
    modified: datetime = version["LastModified"]
    return _Listed(
        version["Key"].encode(), -modified.timestamp(), ObjectVersion(version["Key"], version.get("VersionId", "null"))
    )
