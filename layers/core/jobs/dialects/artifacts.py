"""How artifacts are shown and sent: in the public dialect, and in Alteryx' v3 as a job's outputs."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from jobs.dialects.base import Answer
from jobs.representation import dump

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jobs.artifacts.announcing import Announced
    from jobs.artifacts.model import Address, Artifact

#: Nobody may keep an answer that holds a signed address, because anybody who has the address may use it.
NOT_KEPT = {"Cache-Control": "no-store"}
#: The weight that declines a media type (RFC 9110, section 12.4.2).
_DECLINED = re.compile(r"q=0(\.0*)?")


def render_announced(announced: Announced) -> Answer:
    """Answer where a file is to be put, and with which headers."""
    upload = announced.upload
    fields = {
        "artifactId": announced.artifact.artifact_id,
        "url": upload.url,
        "headers": upload.headers,
        "expiresAt": upload.expires_at,
    }
    return Answer(HTTPStatus.CREATED, dump({"data": fields}), NOT_KEPT)


def render_artifacts(artifacts: Iterable[Artifact]) -> Answer:
    """Answer with the files of a job."""
    data = [
        {
            "artifactId": artifact.artifact_id,
            "name": artifact.name,
            "size": artifact.size,
            "sha256": artifact.sha256,
            "format": artifact.format,
            "attempt": artifact.attempt,
        }
        for artifact in artifacts
    ]
    return Answer(HTTPStatus.OK, dump({"data": data}))


def render_artifact(headers: Mapping[str, str], download: Address) -> Answer:
    """Send the caller to a file, or answer its address to one who takes JSON."""
    body = dump({"data": _fields(download)})
    told = {**NOT_KEPT, "Vary": "Accept"}
    if _takes_json(headers.get("accept", "")):
        return Answer(HTTPStatus.OK, body, told)
    return Answer(HTTPStatus.FOUND, body, {"Location": download.url, **told})


def render_output(download: Address) -> Answer:
    """Send the caller of Alteryx' v3 to a file."""
    return Answer(HTTPStatus.FOUND, dump(_fields(download)), {"Location": download.url, **NOT_KEPT})


def _takes_json(accept: str) -> bool:
    """Whether a list of media types has JSON. `*/*`, which clients send by themselves, asks for the file."""
    for listed in accept.lower().split(","):
        media, *parameters = (part.strip() for part in listed.split(";"))
        if media == "application/json" and not any(map(_DECLINED.fullmatch, parameters)):
            return True
    return False


def _fields(download: Address) -> dict[str, object]:
    return {"url": download.url, "expiresAt": download.expires_at}
