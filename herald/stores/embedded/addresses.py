"""Where the servers of the embedded profile are reached, and socket paths short enough for the kernel."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from herald.ports import Refused

SOCKET_PATH_MAX = 100
"""Longest socket path used. The kernel takes 107 bytes on Linux, 103 on macOS."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of one home. They stay the same over restarts of a server. Empty where there is none."""

    postgres_url: str
    redis_url: str
    clickhouse_dsn: str
    mlflow_url: str = ""
    kafka: str = ""

    @classmethod
    def of(cls, data: Mapping[str, str]) -> Addresses:
        """Read addresses from JSON-able data."""
        return cls(**data)


def socket_folder(home: Path, name: str, socket_name: str) -> Path:
    """Choose the folder of a server's socket: ``home/run/name``, or a short one where that path is too long.

    The short folder lies in the temporary directory; its name is derived from the home and the user, so every start
    finds the same one.
    """
    folder = home / "run" / name
    if len(os.fsencode(folder / socket_name)) <= SOCKET_PATH_MAX:
        return folder
    digest = hashlib.sha256(f"{home}\x1f{os.getuid()}".encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"herald-{digest}" / name


def make_private(folder: Path, uid: int = -1, gid: int = -1) -> None:
    """Make a folder that only its owner may enter: us, or the given user. Raises ``Refused`` where it is another's."""
    mine = {os.geteuid(), uid}
    if folder.parent.parent == Path(tempfile.gettempdir()):  # the short place of a socket, where anybody may write
        folder.parent.mkdir(mode=0o711, exist_ok=True)
        _refuse_strangers(folder.parent, mine)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_strangers(folder, mine)
    if uid >= 0:
        os.chown(folder, uid, gid)
    folder.chmod(0o700)


def remove_socket_folder(folder: Path) -> None:
    """Remove the folder of a socket, and the short place above it, where nothing is left in them."""
    with suppress(OSError):
        folder.rmdir()
        if folder.parent.parent == Path(tempfile.gettempdir()):
            folder.parent.rmdir()


def _refuse_strangers(folder: Path, mine: set[int]) -> None:
    if folder.is_symlink() or folder.stat().st_uid not in mine:
        raise Refused(f"{folder} belongs to another user; remove it, or use another HERALD_HOME")
