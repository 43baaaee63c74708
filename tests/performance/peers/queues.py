"""What others take to start a job: `python queues.py procrastinate|pgqueuer DATABASE COUNT`.

It defers so many jobs that do nothing, and prints the CPU seconds that a worker then takes for each. The worker is set
for throughput. PostgreSQL's own time is not in it, as DynamoDB's is not in ours.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def of_procrastinate(database: str, count: int) -> float:
    """Run procrastinate's worker until nothing is left."""
    import procrastinate

    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=database))
    done = 0

    @app.task(name="nothing")
    async def nothing(number: int) -> None:
        nonlocal done
        done += 1

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await nothing.batch_defer_async(*({"number": number} for number in range(count)))
        began = time.process_time()
        await app.run_worker_async(wait=False, concurrency=10, install_signal_handlers=False, delete_jobs="always")
        spent = time.process_time() - began
    assert done == count
    return spent / count


async def of_pgqueuer(database: str, count: int) -> float:
    """Run pgqueuer until all jobs are done."""
    import psycopg
    from pgqueuer import PgQueuer, Queries
    from pgqueuer.db import PsycopgDriver
    from pgqueuer.models import Job

    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        driver = PsycopgDriver(connection)
        queries = Queries(driver)
        await queries.install()
        await queries.enqueue(["nothing"] * count, [None] * count, [0] * count)
        queuer = PgQueuer(driver)
        done = 0

        @queuer.entrypoint("nothing")
        async def nothing(job: Job) -> None:
            nonlocal done
            done += 1
            if done == count:
                queuer.shutdown.set()

        began = time.process_time()
        await queuer.run(batch_size=25)
        return (time.process_time() - began) / count


PEERS: dict[str, Callable[[str, int], Awaitable[float]]] = {"procrastinate": of_procrastinate, "pgqueuer": of_pgqueuer}

if __name__ == "__main__":
    _, peer, database, count = sys.argv
    print(json.dumps(asyncio.run(PEERS[peer](database, int(count)))))
