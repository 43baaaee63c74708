"""Answer what no route has."""

from __future__ import annotations

from jobs.runtime.unrouted import answer_unrouted as handler

__all__ = ["handler"]
