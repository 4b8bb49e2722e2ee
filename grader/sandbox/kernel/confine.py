"""Locks the calling process in: namespaces, private writable places, rlimits, no capabilities, seccomp.

Called once in each forked kernel, before it reads a byte of student code. The order matters: namespaces and mounts
need the outer user namespace's CAP_SYS_ADMIN, a new user namespace gives it up, seccomp comes last.
"""

import ctypes
import os
import resource
import socket
import struct
from pathlib import Path

_CLONE_NEWNS, _CLONE_NEWCGROUP, _CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
_CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x08000000, 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
_PR_SET_NAME, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 15, 22, 24, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL, _SECCOMP_MODE_FILTER, _CAPABILITY_VERSION_3 = 4, 2, 0x20080522
_RLIMIT_SIGPENDING, _RLIMIT_MSGQUEUE = 11, 12

_OUTSIDE_ID = 65534
"""Who the student is inside the kernel's own user namespace."""
_MAX_FILES_IN_MEMORY = 8192

_libc = ctypes.CDLL(None, use_errno=True)


class ConfinementError(Exception):
    """The process is not locked in as it must be; it may not run student code."""


class _SockFprog(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def enter_new_pid_namespace(own_namespace_fd: int) -> None:
    """Make the caller's next fork process 1 of a fresh pid namespace.

    A second unshare(CLONE_NEWPID) is EINVAL, so the caller first goes back to the namespace it lives in.
    """
    _check(_libc.setns(own_namespace_fd, _CLONE_NEWPID), "setns")
    _check(_libc.unshare(_CLONE_NEWPID), "unshare pid")


def confine(limits: dict[str, int], *, filter_program: bytes) -> None:
    """Lock this process in for good; raises OSError or ConfinementError when any part of it fails."""
    # Forks share the fork server's process group, and kill(0, SIGKILL) reaches a group across pid namespaces.
    os.setsid()
    outer_uid, outer_gid = os.getuid(), os.getgid()
    _check(
        _libc.unshare(_CLONE_NEWNS | _CLONE_NEWIPC | _CLONE_NEWUTS | _CLONE_NEWCGROUP | _CLONE_NEWNET),
        "unshare",
    )
    _make_private_places(limits["files_bytes"])
    # Since Linux 5.14 RLIMIT_NPROC counts per user namespace: one namespace each is one process budget each.
    _check(_libc.unshare(_CLONE_NEWUSER), "unshare user")
    _map_ids(outer_uid, outer_gid)
    os.chdir("/work")
    _redirect_standard_streams()
    _set_limits(limits)
    _drop_privileges()
    _libc.prctl(_PR_SET_NAME, b"kernel", 0, 0, 0)
    _install_filter(filter_program)
    _verify()


def _make_private_places(files_bytes: int) -> None:
    """Give the kernel its own /proc, /dev/pts, and one bounded tmpfs that carries /work, /tmp and /dev/shm.

    Whatever a fork could write and another could read is a channel between submissions; one tmpfs for the three
    bounds their sum, and the host can count it with one look.
    """
    _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)
    _mount("proc", "/proc", kind="proc", flags=_MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    options = f"size={files_bytes},nr_inodes={_MAX_FILES_IN_MEMORY},mode=755"
    _mount("tmpfs", "/work", kind="tmpfs", flags=_MS_NOSUID | _MS_NODEV, options=options)
    for place in ("tmp", "shm", "work"):
        Path("/work", place).mkdir()
        Path("/work", place).chmod(0o1777)
    _mount("/work/tmp", "/tmp", flags=_MS_BIND)  # noqa: S108 - the cage's own, private to this kernel
    _mount("/work/shm", "/dev/shm", flags=_MS_BIND)  # noqa: S108 - the same
    _mount("devpts", "/dev/pts", kind="devpts", flags=_MS_NOSUID | _MS_NOEXEC, options="newinstance,ptmxmode=0666")
    _mount("/work/work", "/work", flags=_MS_BIND)


def _map_ids(outer_uid: int, outer_gid: int) -> None:
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{_OUTSIDE_ID} {outer_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{_OUTSIDE_ID} {outer_gid} 1")


def _redirect_standard_streams() -> None:
    """Point fd 1 and 2 at a nameless file in the bounded tmpfs: what C code and child processes print lands there."""
    sink = os.open("/tmp", os.O_RDWR | os.O_APPEND | os.O_TMPFILE, 0o600)  # noqa: S108 - private to this kernel
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.close(sink)
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _set_limits(limits: dict[str, int]) -> None:
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits["files_bytes"],
        resource.RLIMIT_NOFILE: 512,
        resource.RLIMIT_MEMLOCK: 65536,
        resource.RLIMIT_DATA: limits["data_bytes"],
        resource.RLIMIT_NPROC: limits["processes"],
        _RLIMIT_MSGQUEUE: 0,
        _RLIMIT_SIGPENDING: 1024,
    }
    for what, bound in bounds.items():
        _lower_limit(what, soft=bound, hard=bound)
    # SIGXCPU can be ignored; the hard limit two seconds later cannot.
    _lower_limit(resource.RLIMIT_CPU, soft=limits["cpu_s"], hard=limits["cpu_s"] + 2)


def _lower_limit(what: int, *, soft: int, hard: int) -> None:
    present = resource.getrlimit(what)[1]
    if present != resource.RLIM_INFINITY:
        soft, hard = min(soft, present), min(hard, present)
    resource.setrlimit(what, (soft, hard))


def _drop_privileges() -> None:
    _check(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "clear ambient capabilities")
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # past the last capability this Linux knows; _verify looks at the whole set
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, bytes(24)), "capset")
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def _install_filter(program: bytes) -> None:
    code = ctypes.create_string_buffer(program, len(program))
    header = _SockFprog(len(program) // 8, ctypes.addressof(code))
    _check(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(header), 0, 0), "seccomp")


def _verify() -> None:
    """Look at what came of it: a kernel that is not locked in must end here, not run a stranger's code."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    wanted = dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16)
    wanted |= {"NoNewPrivs": "1", "Seccomp": "2", "Pid": "1"}
    wrong = {name: status.get(name) for name, value in wanted.items() if status.get(name) != value}
    if wrong:
        raise ConfinementError(f"not locked in: {wrong}")
    if os.access("/", os.W_OK):
        raise ConfinementError("the root directory is writable")
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
    except OSError:
        return
    raise ConfinementError("a network socket could be made")


def _mount(source: str, target: str, *, flags: int, kind: str | None = None, options: str | None = None) -> None:
    _check(
        _libc.mount(
            source.encode(),
            target.encode(),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            options.encode() if options else None,
        ),
        f"mount {target}",
    )


def _check(returned: int, what: str) -> None:
    if returned != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
