"""`jobs-admin`: create and manage organisations and what belongs to them, on AWS or the embedded stack."""

from cli.admin.program import main

__all__ = ["main"]
