"""Becomes a server process: a script that runs before the server's own program does.

It is run by path in a bare interpreter (``python -I -S launch.py …``), so that the server

- is told to stop when Herald dies, even by SIGKILL (Linux: ``PR_SET_PDEATHSIG``, bound to the thread that started it);
- has written its pid file before it is anything else, so that the next start can find it;
- does not run as root where it refuses to. It then keeps, where asked, the one capability that lets it reach its own
  files under a folder that is closed to other users, such as ``/root``; nobody's permissions on disk are widened.

Arguments: pid file, parent's pid, signal at its death, niceness, uid, gid, capability (each -1 for none), command.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _must(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _keep_only(libc: ctypes.CDLL, capability: int) -> None:
    """Reduce all capabilities to one, and let it pass through ``exec``."""
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    bit = 1 << capability
    data = (_CapabilityData * 2)(_CapabilityData(bit, bit, bit), _CapabilityData(0, 0, 0))
    _must(libc.capset(ctypes.byref(header), data), "capset")
    _must(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0), "prctl(PR_CAP_AMBIENT)")


def _become(libc: ctypes.CDLL, uid: int, gid: int, capability: int) -> None:
    if capability >= 0:
        _must(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl(PR_SET_KEEPCAPS)")
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if capability >= 0:
        _keep_only(libc, capability)


def _write_pid_file(path: Path) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(json.dumps({"pid": os.getpid(), "started_at": time.time()}))
    draft.replace(path)


def main(arguments: list[str]) -> None:
    """Set up this process and become the command. Exits with 70 where the parent is gone already."""
    pid_file, *numbers = arguments[:7]
    command = arguments[7:]
    parent, death_signal, niceness, uid, gid, capability = (int(number) for number in numbers)
    if pid_file != "-":
        _write_pid_file(Path(pid_file))
    if niceness > 0:
        os.nice(niceness)
    libc = ctypes.CDLL(None, use_errno=True)
    if uid >= 0:
        _become(libc, uid, gid, capability)
    if sys.platform == "linux" and death_signal > 0:  # last, for a change of user clears it
        _must(libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != parent:
            sys.exit(70)
    os.execvp(command[0], command)  # noqa: S606 - becoming the server is the purpose


if __name__ == "__main__":
    main(sys.argv[1:])
