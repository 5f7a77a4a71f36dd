from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from herald.ports import Refused
from herald.stores.embedded.addresses import SOCKET_PATH_MAX, make_private, remove_socket_folder, socket_folder
from herald.stores.embedded.home_lock import HomeInUse, HomeLock


def test_a_socket_lies_in_the_home_where_its_path_is_short_enough(tmp_path: Path) -> None:
    home = Path("/h")
    assert socket_folder(home, "redis", "redis.sock") == home / "run" / "redis"


def test_a_long_home_gets_a_short_folder_of_its_own() -> None:
    one, other = Path("/" + "a" * 90), Path("/" + "b" * 90)
    folder = socket_folder(one, "redis", "redis.sock")
    assert len(os.fsencode(folder / "redis.sock")) <= SOCKET_PATH_MAX
    assert folder == socket_folder(one, "redis", "redis.sock")
    assert folder.parent != socket_folder(other, "redis", "redis.sock").parent


def test_a_private_folder_is_closed_to_others_and_is_not_followed_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "redis"
    make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    trap = tmp_path / "trap"
    trap.symlink_to(folder)
    with pytest.raises(Refused, match="belongs to another user"):
        make_private(trap)
    remove_socket_folder(folder)
    assert not folder.exists()


def test_a_folder_that_holds_something_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    remove_socket_folder(tmp_path)
    assert tmp_path.exists()


def test_a_lock_is_held_by_one_and_names_its_holder(tmp_path: Path) -> None:
    first, second = HomeLock(tmp_path), HomeLock(tmp_path)
    first.acquire()
    with pytest.raises(HomeInUse, match=rf"{tmp_path} is in use by another Herald \(pid {os.getpid()}, since 2"):
        second.acquire()
    first.release()
    first.release()
    second.acquire()
    assert json.loads((tmp_path / "run" / "lock").read_text())["pid"] == os.getpid()
    second.release()


def test_a_lock_with_a_spoilt_text_still_locks(tmp_path: Path) -> None:
    first, second = HomeLock(tmp_path), HomeLock(tmp_path)
    first.acquire()
    (tmp_path / "run" / "lock").write_text("{")
    with pytest.raises(HomeInUse, match="pid not known"):
        second.acquire()
    first.release()
