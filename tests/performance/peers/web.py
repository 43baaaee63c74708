"""What users would write instead: FastAPI and psycopg on PostgreSQL, with the same table, data and answers.

It follows OpenReplay's API server: routes of FastAPI, SQL by hand, rows as dictionaries. Unlike that server it waits
for PostgreSQL without blocking, and remembers the key of its caller as our functions do. uvicorn runs it in one
process.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Response
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

POOL = AsyncConnectionPool(os.environ["DATABASE"], min_size=1, max_size=4, open=False, kwargs={"row_factory": dict_row})
COLUMNS = """
    job_id AS "jobId", description, status, project_id AS "projectId", action, reference_id AS "referenceId",
    created_at AS "createdAt", updated_at AS "updatedAt", start_at AS "startAt", errors
"""
KNOWN: dict[tuple[str, str], int] = {}


@asynccontextmanager
async def opened(_: FastAPI) -> AsyncIterator[None]:
    """Keep connections for as long as the server runs."""
    await POOL.open(wait=True)
    yield
    await POOL.close()


app = FastAPI(lifespan=opened)


async def rows(sql: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Run one statement."""
    async with POOL.connection() as connection:
        found = await connection.execute(sql, values)
        return await found.fetchall()


async def project(projectKey: str, authorization: Annotated[str, Header()]) -> int:  # noqa: N803  # as in the path
    """Find the project that a key opens."""
    digest = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).hexdigest()
    if (projectKey, digest) not in KNOWN:
        found = await rows("SELECT project_id FROM keys WHERE project_key = %s AND digest = %s", (projectKey, digest))
        if not found:
            raise HTTPException(401)
        KNOWN[projectKey, digest] = found[0]["project_id"]
    return KNOWN[projectKey, digest]


Project = Annotated[int, Depends(project)]


@app.get("/public/{projectKey}/jobs/{job_id}")
async def get_job(project_id: Project, job_id: int) -> dict[str, Any]:
    """One job."""
    found = await rows(f"SELECT {COLUMNS} FROM jobs WHERE project_id = %s AND job_id = %s", (project_id, job_id))  # noqa: S608  # no part of it comes from outside
    if not found:
        raise HTTPException(404)
    return {"data": found[0]}


@app.get("/public/{projectKey}/jobs")
async def list_jobs(project_id: Project, response: Response, limit: int = 50, page: int = 1) -> dict[str, Any]:
    """A page, with the number of all jobs."""
    sql = f"SELECT {COLUMNS} FROM jobs WHERE project_id = %s ORDER BY job_id LIMIT %s OFFSET %s"  # noqa: S608  # as above
    found = await rows(sql, (project_id, limit, (page - 1) * limit))
    # dense numbers make this the count; counting the rows would take far longer
    [last] = await rows("SELECT max(job_id) AS total FROM jobs WHERE project_id = %s", (project_id,))
    response.headers["X-Total-Count"] = str(last["total"])
    return {"data": found}


@app.delete("/public/{projectKey}/jobs/{job_id}")
async def cancel_job(project_id: Project, job_id: int) -> dict[str, Any]:
    """Cancel a job. It may be cancelled already, so that each request of a bench has the same work."""
    sql = f"UPDATE jobs SET status = 'cancelled' WHERE project_id = %s AND job_id = %s RETURNING {COLUMNS}"  # noqa: S608  # as above
    [found] = await rows(sql, (project_id, job_id))
    return {"data": found}
