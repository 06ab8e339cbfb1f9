"""Starts a program under another user id: PostgreSQL refuses to run as root.

`python -m local_stack.privileges UID GID keep|drop program arguments...` becomes that program (same process id).
With `keep` it holds one capability, CAP_DAC_OVERRIDE, so that it reaches its files below a folder that is private to
root (a clone in /root, say) without our changing that folder's mode. Linux only; elsewhere nobody develops as root.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import stat
import sys
from pathlib import Path

CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapabilityData(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def unprivileged_user() -> tuple[int, int] | None:
    """Whom PostgreSQL runs as: None = ourselves, because we are not root. It needs an entry in the user database."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "daemon", "postgres"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return entry.pw_uid, entry.pw_gid
    entry = next(user for user in pwd.getpwall() if user.pw_uid != 0)
    return entry.pw_uid, entry.pw_gid


def may_traverse(path: Path, uid: int) -> bool:
    """Whether that user reaches the path by the modes of the folders above it."""
    for folder in path.resolve().parents:
        facts = folder.stat()
        needed = stat.S_IXUSR if facts.st_uid == uid else stat.S_IXOTH
        if not facts.st_mode & needed:
            return False
    return True


def command_as(user: tuple[int, int] | None, command: list[str], reaches: list[Path]) -> list[str]:
    """The command, wrapped so that it runs as `user` and can reach those paths."""
    if user is None:
        return command
    uid, gid = user
    mode = "drop" if all(may_traverse(path, uid) for path in reaches) else "keep"
    return [sys.executable, "-m", "local_stack.privileges", str(uid), str(gid), mode, *command]


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def become(uid: int, gid: int, *, keep_dac_override: bool) -> None:
    """Give up root for good; optionally keep the one capability across the change of user and the exec."""
    libc = ctypes.CDLL(None, use_errno=True)
    if keep_dac_override:
        # Else the change of user drops all capabilities, and access(2), which initdb asks about its own program,
        # goes by the user alone.
        _checked(libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0), "PR_SET_SECUREBITS")
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if keep_dac_override:
        bit = 1 << CAP_DAC_OVERRIDE
        header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
        data = (_CapabilityData * 2)(_CapabilityData(bit, bit, bit), _CapabilityData(0, 0, 0))
        _checked(libc.capset(ctypes.byref(header), ctypes.byref(data)), "capset")
        _checked(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0), "PR_CAP_AMBIENT_RAISE")


def main(arguments: list[str]) -> None:
    """Change user, then become the program."""
    uid, gid, mode, *command = arguments
    os.chdir("/")
    become(int(uid), int(gid), keep_dac_override=mode == "keep")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
