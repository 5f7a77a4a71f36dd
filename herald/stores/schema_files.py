"""The numbered SQL files of a store: which of them are still to be applied."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from herald.ports import PortError

FOLDER = Path(__file__).resolve().parent / "migrations"


class MigrationError(PortError):
    """The tables and this code do not belong together. Its text names the file and the cure."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. Once applied anywhere it never changes."""

    name: str
    sql: bytes
    checksum: str


def migrations_in(folder: Path) -> list[Migration]:
    """Read the files of a folder, in the order of their names."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        sql = path.read_bytes()
        found.append(Migration(path.name, sql, hashlib.sha256(sql).hexdigest()))
    return found


def missing_of(wanted: Sequence[Migration], applied: Mapping[str, str], folder: Path) -> list[Migration]:
    """Return what is to be applied, given the checksums by name of what is. Raises ``MigrationError``."""
    names = {migration.name for migration in wanted}
    if unknown := sorted(set(applied) - names):
        raise MigrationError(
            f"the database has {', '.join(unknown)}, which this code does not know; run the newer Herald that wrote it"
        )
    for migration in wanted:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"{folder / migration.name} has changed since it was applied; restore it and put the change into a "
                f"new file with the next number"
            )
    missing = [migration for migration in wanted if migration.name not in applied]
    if missing and applied and missing[0].name < max(applied):
        raise MigrationError(
            f"{folder / missing[0].name} sorts before {max(applied)}, which is applied; give it the next number"
        )
    return missing
