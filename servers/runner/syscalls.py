"""The few system calls that Python 3.11 lacks: unshare, setns, prctl. Linux only.

Each raises OSError with the call's name and the kernel's reason.
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, call: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """Move this thread into the namespace that `fd` stands for."""
    _check(_libc.setns(fd, kind), "setns")


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent (the thread that forked it) ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os._exit(1)


def become_root_of_new_user_namespace() -> None:
    """An ordinary user's way to own networks: root inside, the same user outside."""
    uid, gid = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def open_namespace(kind: str) -> int:
    """A descriptor of this thread's own namespace (`net` or `user`); it lives while one is open."""
    return os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY)
