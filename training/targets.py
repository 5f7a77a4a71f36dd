"""The labels of examples as arrays, in the order of the model's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herald.inference.text_model import DIRECTIONS, TYPES
from training.corpus.headlines import Example


@dataclass(frozen=True, slots=True)
class Targets:
    """What a model is to say of n examples: numbers of type and direction, tradable as 0 or 1, severity; each (n,)."""

    types: NDArray[np.int64]
    directions: NDArray[np.int64]
    tradable: NDArray[np.float32]
    severity: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.types)

    def of(self, rows: NDArray[np.int64]) -> Targets:
        """Return the targets of some rows."""
        return Targets(self.types[rows], self.directions[rows], self.tradable[rows], self.severity[rows])


def targets_of(examples: Sequence[Example]) -> Targets:
    """Return the labels of examples as arrays."""
    type_number = {one: number for number, one in enumerate(TYPES)}
    direction_number = {one: number for number, one in enumerate(DIRECTIONS)}
    return Targets(
        types=np.asarray([type_number[example.event_type] for example in examples], dtype=np.int64),
        directions=np.asarray([direction_number[example.direction] for example in examples], dtype=np.int64),
        tradable=np.asarray([example.tradable for example in examples], dtype=np.float32),
        severity=np.asarray([example.severity for example in examples], dtype=np.float32),
    )
