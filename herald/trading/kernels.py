"""Compiles every kernel of the live way before the first headline, so that no order waits for a compiler."""

from __future__ import annotations

import numpy as np

from herald.trading import costs, exits, fills


def warm_up() -> None:
    """Call each kernel once with the types of the live way. The first run of a machine compiles, later ones load."""
    times = np.zeros(1, dtype=np.int64)
    prices = np.ones(1)
    costs.fee(1.0, 1.0, 1.0)
    costs.half_spread_bps(1.0, 1.0)
    costs.slippage_bps(1, 1.0, 1.0)
    fills.fill(1, fills.LIMIT, fills.IOC, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, False)  # noqa: FBT003 - positions
    fills.next_match(1, fills.LIMIT, 1.0, prices, prices, prices, prices, 1.0)
    exits.exit_step(1, 1.0, 0.0, 1.0, 1.0, 0, 0.0, 0.0, 0.0, 0.0, 1)
    exits.exit_scan(1, 1.0, 0, 0.0, times, prices, prices, 0.0, 0.0, 0.0, 0.0, 1)
