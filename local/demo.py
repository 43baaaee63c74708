"""The demo: two organisations with a project and a key each, users, sessions, and commands to paste."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from typing import TYPE_CHECKING, Any, TypeAlias

from jobs.erasure.erasing import prefix_of
from jobs.model import DELETE_USER_DATA
from jobs.tenancy import administration, registering
from jobs.tenants import Right, Role, Scope

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jobs.ports import Directory
    from jobs.tenancy.ports import DirectoryAdmin
    from jobs.tenants import Project

#: What `.local/demo.json` holds: keys, ids and addresses by name.
Demo: TypeAlias = dict[str, Any]

#: A user of the demo project whose sessions are stored.
USER = "ada@example.com"
SESSIONS = 25
#: A workflow that both users of the demo may run. The member sees every run of it.
WORKFLOW = "5bc4a813156ae016dcb442bd"
COLLECTION = "demo"


def seed(
    registry: DirectoryAdmin, put_object: Callable[[str, bytes], object], opened: tuple[Project, str] | None = None
) -> Demo:
    """Create both organisations as `jobs-admin` does, and store a user's sessions with `put_object(key, content)`.

    `opened` is the project of the first organisation with its key, if both exist already.

    Returns:
        The keys, which nobody can read again.
    """
    demo: Demo = {}
    for name, project_key, api_key in (("Demo", "projectKey", "apiKey"), ("Other", "otherProjectKey", "otherApiKey")):
        project, secret = opened if opened and name == "Demo" else _open(registry, name)
        demo |= {project_key: project.project_key, api_key: secret}
        if name == "Demo":
            of = project.organisation_id, [Scope.WORK], [project.project_id]
            worker = administration.create_api_key(registry, of[0], scopes=of[1], projects=of[2])
            demo |= {"workerKey": worker.secret, **_seed_users(registry, project)}
    for number in range(1, SESSIONS + 1):
        put_object(f"{prefix_of(demo['projectKey'], USER)}session-{number:02}.json", b'{"clicks": []}')
    return demo


def _open(registry: DirectoryAdmin, name: str) -> tuple[Project, str]:
    """Create an organisation with a project; return the project and a key for it."""
    organisation = administration.create_organisation(registry, name)
    project = administration.create_project(registry, organisation.organisation_id, f"{name} project")
    return project, administration.create_api_key(registry, organisation.organisation_id).secret


def _seed_users(registry: DirectoryAdmin, project: Project) -> Demo:
    """Create an administrator and a member with a client each, and share the workflow with the member."""
    demo: Demo = {"workflowId": WORKFLOW}
    organisation_id = project.organisation_id
    for name, role in (("admin", Role.ADMINISTRATOR), ("member", Role.MEMBER)):
        user = administration.create_user(registry, organisation_id, f"Demo {name}", role)
        issued = administration.create_client(registry, organisation_id, user.user_id, project.project_id)
        demo[name] = {"clientId": issued.client.client_id, "clientSecret": issued.secret}
    administration.share_collection(registry, organisation_id, COLLECTION, user.user_id, Right.CANCEL)
    registering.share_workflow(registry, organisation_id, WORKFLOW, [COLLECTION])
    return demo


def seeded_before(directory: Directory, kept: Path) -> Demo | None:
    """The keys of an earlier run, if they were kept and the table still has their projects."""
    with contextlib.suppress(OSError, ValueError):
        demo: Demo = json.loads(kept.read_text())
        if all(directory.find_project(demo[name]) for name in ("projectKey", "otherProjectKey")):
            return demo
    return None


def write(path: Path, demo: Demo) -> None:
    """Write a file of secrets: completely or not at all, and readable only by its owner."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:  # noqa: PTH123  # Path.open has no mode of creation
        json.dump(demo, file, indent=2)
        file.write("\n")
    new.replace(path)


def remove(path: Path, demo: Demo) -> None:
    """Remove what `write` wrote, unless another run has overwritten it since."""
    with contextlib.suppress(OSError, ValueError):
        if json.loads(path.read_text()) == demo:
            path.unlink()


def lines_to_paste(folder: str | None) -> list[tuple[str, str]]:
    """Shell commands, each with a title; they work one by one in this order, and no line has a key.

    `folder` is where demo.json is, if it is not `.local`.
    """
    make = "make -s env" if folder is None else f"JOBS_LOCAL_DIR={shlex.quote(folder)} make -s env"
    curl = 'curl -s -H "Authorization: Bearer $JOBS_KEY"'
    return [
        ("in another terminal, from this folder", f'eval "$({make})"'),
        ("create a job that starts in 5 s; no worker does it yet", "jobs create export --in 5s"),
        ("list all jobs, and once more over HTTP", "jobs list"),
        ("", f'{curl} "$JOBS_URL/public/$JOBS_PROJECT/jobs" | python -m json.tool'),
        (
            f"delete the data of a user with {SESSIONS} sessions",
            f"jobs create {DELETE_USER_DATA} --reference-id {USER} --wait",
        ),
    ]
