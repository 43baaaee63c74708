"""`ArtifactFiles` on Amazon S3: presigned addresses, which act with the rights of the function that signs them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

from jobs.artifacts.model import Address, files_of
from jobs.model import MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from jobs.artifacts.model import Artifact
    from jobs.ports import Clock

#: S3 looks at the time when a request begins. So a large file may take longer than its address is good for.
UPLOAD_LIFETIME = 15 * MINUTE
DOWNLOAD_LIFETIME = 5 * MINUTE


class S3ArtifactFiles:
    """The files in the bucket `bucket`, each under `{project}/{job}/{attempt}/{artifactId}`."""

    def __init__(self, client: Callable[[], S3Client], bucket: str, clock: Clock) -> None:
        self._client = client
        self._bucket = bucket
        self._clock = clock

    def sign_upload(self, artifact: Artifact) -> Address:
        """See `ArtifactFiles.sign_upload`: a PutObject with size, checksum and `If-None-Match: *` signed."""
        checksum = base64.b64encode(bytes.fromhex(artifact.sha256)).decode()
        expires_at = self._end_of(UPLOAD_LIFETIME)
        url = self._client().generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._bucket,
                "Key": _key(artifact),
                "ContentLength": artifact.size,
                "ChecksumSHA256": checksum,
                "IfNoneMatch": "*",
            },
            ExpiresIn=UPLOAD_LIFETIME // SECOND,
        )
        headers = {"Content-Length": str(artifact.size), "x-amz-checksum-sha256": checksum, "If-None-Match": "*"}
        return Address(url, expires_at, headers)

    def sign_download(self, artifact: Artifact) -> Address:
        """See `ArtifactFiles.sign_download`: a GetObject. Browsers save the file and never show it as a page."""
        expires_at = self._end_of(DOWNLOAD_LIFETIME)
        url = self._client().generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": _key(artifact),
                "ResponseContentDisposition": f"attachment; filename*=UTF-8''{quote(artifact.name, safe='')}",
                "ResponseContentType": "application/octet-stream",
            },
            ExpiresIn=DOWNLOAD_LIFETIME // SECOND,
        )
        return Address(url, expires_at, {})

    def _end_of(self, lifetime: int) -> int:
        """When an address expires that is signed now: signatures count whole seconds."""
        return self._clock.now() // SECOND * SECOND + lifetime


def _key(artifact: Artifact) -> str:
    return f"{files_of(artifact.project_id, artifact.job_id)}{artifact.attempt}/{artifact.artifact_id}"
