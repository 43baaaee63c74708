"""What all simulated services share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from random import Random

    from tests.proofs.simulation.ledger import Ledger
    from tests.proofs.simulation.timeline import Timeline
    from tests.proofs.simulation.wire import Faults

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class World:
    """Time, chance, the faults, and the ledger."""

    timeline: Timeline
    random: Random
    faults: Faults
    ledger: Ledger
