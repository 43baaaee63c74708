"""Every key of the table. No other module builds one (docs/access-patterns.md charts them).

Key attributes are `pk` and `sk`; the status index has `gk` and, as its sort key, `due`; the workflow index has `wk`
and the table's own `sk`.
"""

from __future__ import annotations

import zlib

#: Job rows in one partition. Any page is one or two Queries, and a tenant's herd is not limited to the 1,000 writes a
#: second of one partition.
BLOCK_SIZE = 1_000

STATUS_INDEX = "status-index"
WORKFLOW_INDEX = "workflow-index"

Key = tuple[str, str]


def block_of(job_id: int) -> int:
    """The block of a job number: 0 for 1 to 1000, 1 for 1001 to 2000."""
    return (job_id - 1) // BLOCK_SIZE


def last_of(block: int) -> int:
    """The highest job number of a block."""
    return (block + 1) * BLOCK_SIZE


def job_block(project_id: int, block: int) -> str:
    """Partition of a block of job rows. It holds nothing else."""
    return f"{project_id}#{block}"


def job_sort(job_id: int) -> str:
    """Sort key of a job row. Ten digits are enough for every number."""
    return f"{job_id:010d}"


def job(project_id: int, job_id: int) -> Key:
    """A job row."""
    return job_block(project_id, block_of(job_id)), job_sort(job_id)


def parse_job(pk: str, sk: str) -> tuple[int, int]:
    """Project and job number of a job row's key."""
    return int(pk.partition("#")[0]), int(sk)


def parse_job_sort(sk: str) -> int:
    """Job number of the sort key of a job row."""
    return int(sk)


def is_job(pk: str) -> bool:
    """Whether a partition holds job rows. Every other partition begins with a word."""
    return pk[:1].isdigit()


def payload(project_id: int, job_id: int) -> str:
    """The partition of everything that is stored beside a job's row."""
    return f"payload#{project_id}#{job_id}"


def params(project_id: int, job_id: int) -> Key:
    """A job's parameters, in the partition of the job's payload."""
    return payload(project_id, job_id), "params"


def outputs(project_id: int, job_id: int, token: str) -> Key:
    """The outputs of a job that the change with this token refers to."""
    return payload(project_id, job_id), f"outputs#{token}"


EVIDENCE_PREFIX = "attempt#"


def evidence(project_id: int, job_id: int, attempt: int, token: str) -> Key:
    """Why an attempt of a job ended, that the change with this token refers to."""
    return payload(project_id, job_id), f"{EVIDENCE_PREFIX}{attempt}#{token}"


def parse_evidence(sk: str) -> str:
    """The token of an attempt's evidence, from its sort key."""
    return sk.split("#", 2)[2]


MESSAGE_PREFIX = "message#"
#: The greatest time that fits the key: thirteen digits of milliseconds.
MAX_TIME = 10**13 - 1


def message(project_id: int, job_id: int, at: int, suffix: str) -> Key:
    """A message of a job. Messages sort by time, and the suffix makes each key unique."""
    return payload(project_id, job_id), f"{MESSAGE_PREFIX}{at:013d}#{suffix}"


def parse_message(sk: str) -> int:
    """When a message came, from its sort key."""
    return int(sk.split("#")[1])


def artifacts(project_id: int, job_id: int) -> Key:
    """A job's artifacts, and what their sort keys begin with."""
    return payload(project_id, job_id), "artifact#"


def artifact(project_id: int, job_id: int, slot: int) -> Key:
    """The artifact in a slot of a job."""
    pk, prefix = artifacts(project_id, job_id)
    return pk, f"{prefix}{slot:02d}"


def parse_artifact(sk: str) -> int:
    """The slot of an artifact, from its sort key."""
    return int(sk.partition("#")[2])


def seen_event(digest: str) -> Key:
    """That an event was taken."""
    return f"event#{digest}", "event"


def status_shard(status: str, project_id: int, job_id: int, shards: int) -> str:
    """Index partition of a job: its status and one of `shards` write shards.

    A hash of the job picks the shard, so that no pattern of numbers piles jobs on one shard.
    """
    return index_partition(status, zlib.crc32(f"{project_id}#{job_id}".encode()) % shards)


#: What stands in the place of a status for ended jobs that have something to forget.
REDACT = "redact"


def index_partition(status: str, shard: int) -> str:
    """Index partition of one shard of a status."""
    return f"{status}#{shard}"


def schedule_shard(schedule_id: str, shards: int) -> str:
    """Index partition of a schedule: it stands among the scheduled jobs, so that a tick finds both by one read."""
    return index_partition("scheduled", zlib.crc32(schedule_id.encode()) % shards)


SCHEDULE_STATE_PREFIX = "state#"


def schedules(project_id: int) -> str:
    """Partition of a project's schedules."""
    return f"schedules#{project_id}#"


def is_schedule(pk: str) -> bool:
    """Whether a partition holds the schedules of a project."""
    return pk.startswith("schedules#")


def schedule_spec(project_id: int, schedule_id: str) -> Key:
    """What callers set of a schedule."""
    return schedules(project_id), f"spec#{schedule_id}"


def schedule_state(project_id: int, schedule_id: str) -> Key:
    """What firing moves of a schedule."""
    return schedules(project_id), f"{SCHEDULE_STATE_PREFIX}{schedule_id}"


def schedule_count(project_id: int) -> Key:
    """How many schedules a project has."""
    return schedules(project_id), "count"


def parse_schedule(pk: str, sk: str) -> tuple[int, str]:
    """Project and schedule of a row of a schedule."""
    return int(pk.split("#")[1]), sk.partition("#")[2]


def workflow_runs(project_id: int, workflow_id: str) -> str:
    """Index partition of the jobs of one project that run a workflow. Each tenant has its own workflow ids."""
    return f"{project_id}#{workflow_id}"


def parse_workflow_runs(partition: str) -> str:
    """The workflow of an index partition."""
    return partition.partition("#")[2]


def idempotency(project_id: int, key_digest: str) -> Key:
    """An idempotency record."""
    return f"idempotency#{project_id}#{key_digest}", "idempotency"


def deletion_lock(project_id: int, digest: str) -> Key:
    """The deletion lock of a user, by the keyed digest of the user's id."""
    return f"deletion#{project_id}#{digest}", "deletion"


def reference(project_id: int, person: str, job_id: int) -> Key:
    """That a job is about a person, in the partition of that person's jobs: a keyed digest of the reference."""
    return f"ref#{project_id}#{person}", job_sort(job_id)


#: What goes on with a project for many runs. All of a kind share a partition, so that a run reads them in one Query.
WALKS, CLOSINGS = "walks", "closings"


def ongoing(kind: str, project_id: int) -> Key:
    """How far something has come in a project."""
    return kind, f"{project_id:010d}"


def of_project(project_id: int) -> tuple[str, ...]:
    """What the partitions begin with that hold rows of one project and of nothing else, beside its own row."""
    kinds = ("payload", "ref", "idempotency", "deletion", "schedules")
    return f"{project_id}#", *(f"{kind}#{project_id}#" for kind in kinds)


#: All rows of the ticks share a partition, so that a tick reads them in one Query.
DISPATCH = "dispatch"
WATERMARK_PREFIX = "watermark#"


def watermark(shard: int) -> Key:
    """How far a shard was dispatched."""
    return DISPATCH, f"{WATERMARK_PREFIX}{shard:04d}"


def sweep_cursor() -> Key:
    """Where the next sweep begins."""
    return DISPATCH, "sweep"


def organisation(organisation_id: int) -> Key:
    """An organisation; its partition lists what belongs to it."""
    return f"organisation#{organisation_id}", "organisation"


def parse_organisation(pk: str) -> int:
    """The organisation of its partition."""
    return int(pk.partition("#")[2])


ORGANISATION_PROJECT_PREFIX = "project#"


def organisation_project(organisation_id: int, project_id: int) -> Key:
    """A project's entry in its organisation's list."""
    return f"organisation#{organisation_id}", f"{ORGANISATION_PROJECT_PREFIX}{project_id:010d}"


def parse_organisation_project(sk: str) -> int:
    """The project of an entry in its organisation's list."""
    return int(sk.removeprefix(ORGANISATION_PROJECT_PREFIX))


ORGANISATION_CREDENTIAL_PREFIX = "credential#"


def organisation_credential(organisation_id: int, credential_id: str) -> Key:
    """A credential's entry in its organisation's list."""
    return f"organisation#{organisation_id}", f"{ORGANISATION_CREDENTIAL_PREFIX}{credential_id}"


ORGANISATION_CLIENT_PREFIX = "client#"


def organisation_client(organisation_id: int, client_id: str) -> Key:
    """A client's entry in its organisation's list."""
    return f"organisation#{organisation_id}", f"{ORGANISATION_CLIENT_PREFIX}{client_id}"


def parse_organisation_client(sk: str) -> str:
    """The client of an entry in its organisation's list."""
    return sk.removeprefix(ORGANISATION_CLIENT_PREFIX)


def project(project_id: int) -> Key:
    """A project."""
    return f"project#{project_id}", "project"


def project_key(key: str) -> Key:
    """Which project a project key opens."""
    return f"projectkey#{key}", "projectkey"


def credential(digest: str) -> Key:
    """A credential, by the SHA-256 of its secret."""
    return f"credential#{digest}", "credential"


def client(client_id: str) -> Key:
    """An OAuth 2.0 client."""
    return f"client#{client_id}", "client"


def access_token(digest: str) -> Key:
    """An access token, by its SHA-256."""
    return f"token#{digest}", "token"


USER_PREFIX = "user#"


def user(organisation_id: int, user_id: str) -> Key:
    """A user, in the list of its organisation."""
    return f"organisation#{organisation_id}", f"{USER_PREFIX}{user_id}"


WORKFLOW_PREFIX = "workflow#"


def workflow(organisation_id: int, workflow_id: str) -> Key:
    """A workflow, in the list of its organisation."""
    return f"organisation#{organisation_id}", f"{WORKFLOW_PREFIX}{workflow_id}"


def parse_workflow(sk: str) -> str:
    """The workflow of a row in its organisation's list."""
    return sk.removeprefix(WORKFLOW_PREFIX)


def audit(organisation_id: int, at: int, suffix: str) -> Key:
    """A change by an administrator. Changes sort by time, and the suffix makes each key unique."""
    return f"audit#{organisation_id}", f"{at:013d}#{suffix}"


def parse_audit(sk: str) -> int:
    """When a change was made, from its sort key."""
    return int(sk.partition("#")[0])


def sequence(name: str) -> Key:
    """A counter that gives out ids of organisations or projects."""
    return f"sequence#{name}", "sequence"
