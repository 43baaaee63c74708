"""`jobs`: a client for people, over the public API alone."""

from cli.client.program import main

__all__ = ["main"]
