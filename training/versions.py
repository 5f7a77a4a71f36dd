"""How versions of the classifier are named, in the registry and on a disk."""

from __future__ import annotations

from enum import StrEnum

MODEL = "herald-classifier"


class Alias(StrEnum):
    """The part that a version plays. CHAMPION serves, CHALLENGER wants to, PREVIOUS is the way back."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    PREVIOUS = "previous-champion"


def folder_name(version: int, run_id: str) -> str:
    """Name a version's folder by version and run, for another store counts its versions from 1 too."""
    return f"v{version}-{run_id[:12]}"


def version_in(folder: str) -> int:
    """Return the version in a folder's name."""
    return int(folder.removeprefix("v").split("-")[0])
