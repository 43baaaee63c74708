"""Put the data of a bench into PostgreSQL: `python fill.py DATABASE`, with JSON on the standard input."""

from __future__ import annotations

import json
import sys

import psycopg

SCHEMA = """
    CREATE TABLE keys (project_key text, digest text, project_id bigint, PRIMARY KEY (project_key, digest));
    CREATE TABLE jobs (
        project_id bigint, job_id bigint, description text, status text, action text, reference_id text,
        created_at bigint, updated_at bigint, start_at bigint, errors text, PRIMARY KEY (project_id, job_id)
    );
"""

if __name__ == "__main__":
    data = json.load(sys.stdin)
    with psycopg.connect(sys.argv[1]) as connection:
        connection.execute(SCHEMA)
        connection.execute("INSERT INTO keys VALUES (%s, %s, %s)", data["key"])
        with connection.cursor() as cursor, cursor.copy("COPY jobs FROM STDIN") as copy:
            for row in data["jobs"]:
                copy.write_row(row)
        connection.execute("ANALYZE")
