"""What is known of a challenger beside the champion when its promotion is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Literal

FirstFigure = Literal["type", "direction", "tradable"]
"""The scores that decide: the share of examples of which a model says the right one."""
FIRST_FIGURES: tuple[FirstFigure, ...] = ("type", "direction", "tradable")
POOLED = "pooled"
"""The name of the frozen sets taken together, beside the names of each."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What the challenger scores above the champion on the same examples, in shares of one: 0.01 is one point.

    ``low`` and ``high`` bound the 95 % interval of ``mean``; ``p_value`` is that of the paired test. Raises
    ``ValueError`` where a number is not finite or out of order.
    """

    mean: float
    low: float
    high: float
    p_value: float

    def __post_init__(self) -> None:
        """Refuse what would compare as neither better nor worse by accident."""
        finite = all(map(isfinite, (self.mean, self.low, self.high)))
        if not finite or self.low > self.high or not 0.0 <= self.p_value <= 1.0:
            raise ValueError(f"{self} is no gain; give finite numbers, low <= high and a p-value from 0 to 1")

    @property
    def is_better(self) -> bool:
        """True where the whole interval lies above zero."""
        return self.low > 0.0

    @property
    def is_worse(self) -> bool:
        """True where the whole interval lies below zero."""
        return self.high < 0.0

    def __str__(self) -> str:
        """In points of a hundred, with the interval."""
        mean, low, high = (100 * value for value in (self.mean, self.low, self.high))
        return f"{mean:+.2f} points ({low:+.2f} to {high:+.2f}, p = {self.p_value:.3g})"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured of version ``challenger`` against version ``champion``; None where there is no champion yet.

    ``gains`` holds the first figures by evaluation set, the pooled frozen sets under ``POOLED``; a figure without
    labels in a set is left out. ``behaviours`` counts the behavioural tests that ran, ``failed_behaviours`` names those
    that the challenger fails.
    """

    challenger: int
    champion: int | None
    gains: Mapping[str, Mapping[FirstFigure, Gain]]
    behaviours: int
    failed_behaviours: tuple[str, ...] = ()
