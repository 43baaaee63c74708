"""Workers of the jobs service in a few lines: take started jobs from a queue, do them, and report."""

from jobs_worker.errors import Cancelled, Fatal, NotReported, Retry
from jobs_worker.job import Job
from jobs_worker.worker import Worker

__all__ = ["Cancelled", "Fatal", "Job", "NotReported", "Retry", "Worker"]
