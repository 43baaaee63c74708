"""How many jobs callers may create within a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.errors import TooManyCreations
from jobs.model import MINUTE, SECOND

if TYPE_CHECKING:
    from jobs.ports import Ports
    from jobs.tenants import Project


def check_rate(ports: Ports, project: Project, newest: int) -> None:
    """Let another job pass if the project has no limit, or has not reached it.

    Numbers are dense, so one weak read tells: the limit is reached while the job that lies `limit` numbers behind the
    next one is younger than a minute. A weak read that lacks this job lags behind its creation, so the job is new.

    Args:
        ports: the world.
        project: where the job is to be created.
        newest: the highest number there.

    Raises:
        TooManyCreations: the limit is reached.
    """
    limit = project.creations_per_minute
    if limit is None or newest < limit:
        return
    now = ports.clock.now()
    job = ports.jobs.get_job(project.project_id, newest - limit + 1, strong=False)
    left = (now if job is None else job.created_at) + MINUTE - now
    if left > 0:
        raise TooManyCreations(limit, -(-left // SECOND))
