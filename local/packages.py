"""The code that the template names: found, and packed as `sam package` would pack it."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.template import DeploymentFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.template import Template

#: The property that names the code of a resource, and the folder of the archive that the code belongs in. Lambda
#: unpacks layers under /opt, and Python looks in /opt/python.
CODE = {
    "AWS::Serverless::Function": ("CodeUri", ""),
    "AWS::Serverless::LayerVersion": ("ContentUri", "python/"),
}


@dataclass(frozen=True, slots=True)
class Package:
    """A folder of code, and the place in the template that names it."""

    properties: dict[str, Any]
    attribute: str
    folder: Path
    prefix: str
    #: Whether the workers use what is installed on this machine instead.
    installed: bool

    def zipped(self) -> bytes:
        """The archive; the same content gives the same bytes."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in [] if self.installed else sorted(self.folder.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    name = f"{self.prefix}{path.relative_to(self.folder).as_posix()}"
                    archive.writestr(zipfile.ZipInfo(name), path.read_bytes())
        return buffer.getvalue()


def packages(template: Template, root: Path) -> Iterator[Package]:
    """Find every folder of code that the template names.

    Raises:
        DeploymentFailedError: a folder does not exist.
    """
    for name, resource in template["Resources"].items():
        if resource["Type"] not in CODE:
            continue
        properties = resource["Properties"]
        attribute, prefix = CODE[resource["Type"]]
        folder = root / properties[attribute]
        if not folder.is_dir():
            raise DeploymentFailedError(
                f"{name} ({resource['Type']}): the folder {properties[attribute]} does not exist"
            )
        # A folder with requirements is the layer of dependencies. The workers run this process's interpreter and see
        # the packages that are installed for it, so the layer stays empty here. `sam build` proves that it is complete.
        yield Package(properties, attribute, folder, prefix, installed=(folder / "requirements.txt").is_file())
