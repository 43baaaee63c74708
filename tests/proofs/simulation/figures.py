"""Percentiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.model import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The least of some sorted values that `percent` percent of them do not exceed."""
    return ordered[max(0, (len(ordered) * percent + 99) // 100 - 1)]


@dataclass(frozen=True)
class Lags:
    """How late attempts started, in milliseconds."""

    #: Each of them, the least first; one of 0 if nothing started.
    ordered: Sequence[float]

    @classmethod
    def of(cls, lags: Sequence[float]) -> Lags:
        """Sort them."""
        return cls(sorted(lags) or [0.0])

    @property
    def p50(self) -> float:
        """What half of them do not exceed."""
        return percentile(self.ordered, 50)

    @property
    def p99(self) -> float:
        """What 99 of 100 do not exceed."""
        return percentile(self.ordered, 99)

    @property
    def most(self) -> float:
        """The last one."""
        return self.ordered[-1]

    def __str__(self) -> str:
        return f"p50 {self.p50 / SECOND:.3f} s, p99 {self.p99 / SECOND:.3f} s, max {self.most / SECOND:.1f} s"
