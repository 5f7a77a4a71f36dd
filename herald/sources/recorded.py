"""News from a file, handed out in the order in which it became known: for replays and backtests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from herald.messages import RawItem
from herald.ports import Batch, Refused, Rejected
from herald.sources.json_mapping import parse_json
from herald.sources.novelty import rejected
from herald.sources.reading import fault
from herald.sources.text import SUMMARY_CHARS_MAX, TITLE_CHARS_MAX, URL_CHARS_MAX, clean, point_in_time

_PARQUET_MAGIC = b"PAR1"
_LINE_BYTES_MAX = 1024 * 1024
_TITLE_NAMES = ("headline", "title")
_SUMMARY_NAMES = ("summary", "body")
_ID_NAMES = ("native_id", "event_id", "id")
_EXTRA_NAMES = ("categories", "tags")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One row: when it became known, and what it is."""

    at: datetime
    content: RawItem | Rejected


class RecordedSource:
    """Rows of one file in time order; rows of one time keep the order of the file.

    A row becomes known at ``received_at`` where it states one, else at ``published_at``. Rows that cannot be read come
    out as rejections, those without a time first, so that every row is accounted for. The snapshot is the count of
    rows handed out.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 500,
        rows_max: int = 2_000_000,
        snapshot: dict[str, Any] | None = None,
    ) -> None:
        """Take rows with ``start <= time < end``; at most ``limit`` come with one batch."""
        self.name = name
        self._path = path
        self._start = start
        self._end = end
        self._limit = limit
        self._rows_max = rows_max
        self._position = int((snapshot or {}).get("position", 0))
        self._rows: list[Recorded] | None = None

    @property
    def total(self) -> int:
        """How many rows there are within the bounds; 0 before ``open``."""
        return len(self._rows or ())

    @property
    def first_at(self) -> datetime:
        """When the first row within the bounds became known. Raises ``IndexError`` where there is none."""
        return (self._rows or [])[0].at

    @property
    def last_at(self) -> datetime:
        """When the last row within the bounds became known. Raises ``IndexError`` where there is none."""
        return (self._rows or [])[-1].at

    @property
    def position(self) -> int:
        """How many rows were handed out."""
        return self._position

    async def open(self) -> None:
        """Read the file. Raises ``Refused`` where it cannot be read. Safe to call twice."""
        if self._rows is None:
            self._rows = await asyncio.to_thread(self._load)

    async def next_batch(self, now: datetime) -> Batch:
        """Return the next rows that are known at ``now``; ``done`` when the last was given. Raises ``Refused``."""
        await self.open()
        rows = self._rows or []
        taken = self._position
        while taken < min(len(rows), self._position + self._limit) and rows[taken].at <= now:
            taken += 1
        contents = [row.content for row in rows[self._position : taken]]
        self._position = taken
        return Batch(
            items=tuple(one for one in contents if isinstance(one, RawItem)),
            rejected=tuple(one for one in contents if isinstance(one, Rejected)),
            done=taken >= len(rows),
        )

    def next_wake_up(self, now: datetime) -> datetime:
        """Return when the next row becomes known; now before ``open`` and at the end."""
        rows = self._rows
        return rows[self._position].at if rows and self._position < len(rows) else now

    def snapshot(self) -> dict[str, Any]:
        """Return the count of rows handed out."""
        return {"position": self._position}

    async def close(self) -> None:
        """Let go of the rows. Safe to call twice."""
        self._rows = None

    def _load(self) -> list[Recorded]:
        try:
            with self._path.open("rb") as file:
                is_parquet = file.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
            rows = _parquet_rows(self._path, self._rows_max) if is_parquet else _lines(self._path, self._rows_max)
            timed, faults = self._divided(rows)
        except OSError as error:
            raise Refused(f"{self._path}: cannot be read ({error.strerror}); give the path of a recording") from error
        timed.sort(key=lambda row: row.at)
        first = timed[0].at if timed else datetime.fromtimestamp(0, UTC)
        return [*(Recorded(first, fault) for fault in faults), *timed]

    def _divided(self, rows: Iterable[dict[str, Any] | Rejected]) -> tuple[list[Recorded], list[Rejected]]:
        """Part rows that have a time within the bounds from those that have none."""
        timed: list[Recorded] = []
        faults: list[Rejected] = []
        for number, row in enumerate(rows, start=1):
            if isinstance(row, Rejected):
                faults.append(row)
                continue
            at = point_in_time(row.get("received_at")) or point_in_time(row.get("published_at"))
            if at is None:
                faults.append(
                    rejected(fault("NO_TIME", f"{self._path.name}: row {number} has no published_at", str(row)))
                )
            elif (self._start is None or at >= self._start) and (self._end is None or at < self._end):
                timed.append(Recorded(at, self._content(row, at, number)))
        return timed, faults

    def _content(self, row: dict[str, Any], at: datetime, number: int) -> RawItem | Rejected:
        title = _picked(row, _TITLE_NAMES, TITLE_CHARS_MAX)
        if not title:
            return rejected(fault("NO_HEADLINE", f"{self._path.name}: row {number} has no headline", str(row)))
        extras = _extras(row.get("extras"))
        extras.update({name: text for name in _EXTRA_NAMES if (text := clean(row.get(name), 500))})
        return RawItem(
            source=clean(row.get("source"), 100) or self.name,
            title=title,
            summary=_picked(row, _SUMMARY_NAMES, SUMMARY_CHARS_MAX),
            url=clean(row.get("url"), URL_CHARS_MAX),
            native_id=_picked(row, _ID_NAMES, 200) or f"row {number}",
            published_at=point_in_time(row.get("published_at")),
            received_at=at,
            extras=extras,
        )


def _parquet_rows(path: Path, rows_max: int) -> Iterator[dict[str, Any]]:
    import polars as pl  # noqa: PLC0415 - 60 MB that only a replay needs

    try:
        columns = pl.read_parquet_schema(path)
        if "published_at" not in columns or not any(name in columns for name in _TITLE_NAMES):
            raise Refused(f"{path}: has the columns {', '.join(columns)}; it needs published_at and headline")
        frame = pl.read_parquet(path, n_rows=rows_max + 1)
    except pl.exceptions.PolarsError as error:
        raise Refused(f"{path}: is not readable Parquet: {error}") from error
    if frame.height > rows_max:
        raise Refused(f"{path}: has more than rows_max ({rows_max}) rows; raise it or split the file")
    return frame.iter_rows(named=True)


def _lines(path: Path, rows_max: int) -> Iterator[dict[str, Any] | Rejected]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LINE_BYTES_MAX + 1):
            number += 1
            if number > rows_max:
                raise Refused(f"{path}: has more than rows_max ({rows_max}) lines; raise it or split the file")
            if len(line) > _LINE_BYTES_MAX:
                while not line.endswith(b"\n") and (line := file.readline(_LINE_BYTES_MAX)):
                    pass
                yield rejected(fault("TOO_LARGE", f"{path.name}: line {number} is longer than {_LINE_BYTES_MAX} bytes"))
            elif line.strip():
                yield _line(line, path, number)


def _line(line: bytes, path: Path, number: int) -> dict[str, Any] | Rejected:
    try:
        row = parse_json(line)
    except ValueError as error:
        return rejected(fault("NOT_JSON", f"{path.name}: line {number}: {error}", line))
    if not isinstance(row, dict):
        return rejected(fault("ITEM_NOT_AN_OBJECT", f"{path.name}: line {number} is not an object", line))
    return row


def _extras(value: Any) -> dict[str, Any]:
    """Return extras as recorded, none where they hold what is no valid text."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (TypeError, ValueError):
        return {}
    return dict(value) if isinstance(value, dict) else {}


def _picked(row: dict[str, Any], names: tuple[str, ...], limit: int) -> str:
    return next((text for name in names if (text := clean(row.get(name), limit))), "")
