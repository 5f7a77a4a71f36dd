"""The form in which every benchmark reports."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """One figure: quantiles of a time, or one value. ``floor`` is in the same unit; ``ratio`` is at best 1."""

    name: str
    unit: str
    value: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    floor: float | None = None
    ratio: float | None = None

    def document(self) -> dict[str, Any]:
        """Return the result with what it has."""
        return {key: getattr(self, key) for key in self.__slots__ if getattr(self, key) is not None}


def quantiles(name: str, samples_ms: Sequence[float], floor_p95: float | None = None) -> Result:
    """Make the result of a sample of times in ms; the ratio is that of the 95th percentiles."""
    ordered = sorted(samples_ms)
    if not ordered:
        raise ValueError(f"{name}: nothing was measured")
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * q))] for q in (0.5, 0.95, 0.99))
    ratio = p95 / floor_p95 if floor_p95 else None
    return Result(name, "ms", p50=p50, p95=p95, p99=p99, floor=floor_p95, ratio=ratio)


def machine() -> dict[str, Any]:
    """Say what this was measured on."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")),
        platform.processor(),
    )
    return {"cores": os.cpu_count(), "cpu": cpu}


def options(name: str, about: str | None) -> argparse.ArgumentParser:
    """Return the parser of a benchmark's command line, with what all have; ``about`` is its docstring."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=(about or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the results there as well")
    parser.add_argument("--quick", action="store_true", help="ends within two minutes")
    return parser


def publish(benchmark: str, results: Sequence[Result], path: Path | None) -> None:
    """Print the table, and write the JSON where a path is given."""
    columns = ("name", "unit", "value", "p50", "p95", "p99", "floor", "ratio")
    print("".join(f"{column:>14}" if column != "name" else f"{column:<28}" for column in columns))
    for result in results:
        cells = [f"{result.name:<28}", f"{result.unit:>14}"]
        for column in columns[2:]:
            value = getattr(result, column)
            cells.append(f"{value:>14.2f}" if value is not None else f"{'':>14}")
        print("".join(cells))
    if path is not None:
        document = {
            "benchmark": benchmark,
            "machine": machine(),
            "results": [result.document() for result in results],
        }
        path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else []
