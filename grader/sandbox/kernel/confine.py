"""Locks the calling process in: namespaces, private writable places, rlimits, no capabilities, seccomp.

Called once in each forked kernel, before it reads a byte of student code. The order matters: namespaces and mounts
need the outer user namespace's CAP_SYS_ADMIN, a new user namespace gives it up, seccomp comes last.
"""

import ctypes
import os
import resource
import socket
import struct

_CLONE_NEWNS, _CLONE_NEWCGROUP, _CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
_CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x08000000, 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
_PR_SET_NAME, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 15, 22, 24, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL, _SECCOMP_MODE_FILTER, _CAPABILITY_VERSION_3 = 4, 2, 0x20080522

_OUTSIDE_ID = 65534
"""Who the student is inside the kernel's own user namespace."""
_MAX_FILES_IN_MEMORY = 8192
_STATUS_MAX_BYTES = 1 << 16

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


def try_own_proc(own_namespace_fd: int) -> None:
    """Mount a /proc as a kernel would, in a fork; raises OSError where this machine does not let it."""
    enter_new_pid_namespace(own_namespace_fd)
    pid = os.fork()
    if pid == 0:
        try:
            _check(_libc.unshare(_CLONE_NEWNS), "unshare")
            _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)
            _mount_own_proc()
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    refusal = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if refusal != 0:
        raise OSError(refusal, "mount /proc: a process inside cannot have its own")


def confine(limits: dict[str, int], *, filter_program: bytes) -> None:
    """Lock this process in for good.

    Args:
        limits: as the host sends them; `own_proc` is 0 where kernels cannot mount a /proc.
        filter_program: from seccomp.build.

    Raises:
        OSError, ConfinementError: any part of it failed.
    """
    # Forks share the fork server's process group, and kill(0, SIGKILL) reaches a group across pid namespaces.
    os.setsid()
    outer_uid, outer_gid = os.getuid(), os.getgid()
    # By the fork server's /proc, which may be gone from sight in a moment.
    own = os.open("/proc/self", os.O_PATH | os.O_DIRECTORY)
    _check(
        _libc.unshare(_CLONE_NEWNS | _CLONE_NEWIPC | _CLONE_NEWUTS | _CLONE_NEWCGROUP | _CLONE_NEWNET),
        "unshare",
    )
    _make_private_places(limits["files_bytes"], has_own_proc=bool(limits["own_proc"]))
    # Since Linux 5.14 RLIMIT_NPROC counts per user namespace: one namespace each is one process budget each.
    _check(_libc.unshare(_CLONE_NEWUSER), "unshare user")
    _map_ids(own, outer_uid=outer_uid, outer_gid=outer_gid)
    # When the machine has no memory left, this is what it should do without.
    _write(own, "oom_score_adj", "1000")
    os.chdir("/work")
    _redirect_standard_streams()
    _set_limits(limits)
    _drop_privileges()
    _libc.prctl(_PR_SET_NAME, b"kernel", 0, 0, 0)
    _install_filter(filter_program)
    _verify(own, has_own_proc=bool(limits["own_proc"]))
    os.close(own)


def _make_private_places(files_bytes: int, *, has_own_proc: bool) -> None:
    """Give the kernel its own /proc, /dev/pts, and one bounded tmpfs that carries /work, /tmp and /dev/shm.

    Whatever a fork could write and another could read is a channel between submissions; one tmpfs for the three
    bounds their sum, and the host can count it with one look.
    """
    _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)
    if has_own_proc:
        _mount_own_proc()
    else:
        _hide_proc()
    options = f"size={files_bytes},nr_inodes={_MAX_FILES_IN_MEMORY},mode=755"
    _mount("tmpfs", "/work", kind="tmpfs", flags=_MS_NOSUID | _MS_NODEV, options=options)
    for place in ("/work/tmp", "/work/shm", "/work/work"):
        os.mkdir(place)  # noqa: PTH102 - cheaper here, where all that is touched is copied
        os.chmod(place, 0o1777)  # noqa: PTH101, S103 - the same; private to this kernel, and sticky as /tmp is
    _mount("/work/tmp", "/tmp", flags=_MS_BIND)  # noqa: S108 - the cage's own, private to this kernel
    _mount("/work/shm", "/dev/shm", flags=_MS_BIND)  # noqa: S108 - the same
    _mount("devpts", "/dev/pts", kind="devpts", flags=_MS_NOSUID | _MS_NOEXEC, options="newinstance,ptmxmode=0666")
    _mount("/work/work", "/work", flags=_MS_BIND)


def _mount_own_proc() -> None:
    _mount("proc", "/proc", kind="proc", flags=_MS_NOSUID | _MS_NODEV | _MS_NOEXEC)


def _hide_proc() -> None:
    """Cover the /proc that the fork server sees, the host's, with nothing at all."""
    flags = _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    _mount("tmpfs", "/proc", kind="tmpfs", flags=flags, options="size=4k,nr_inodes=1,mode=555")


def _map_ids(own: int, *, outer_uid: int, outer_gid: int) -> None:
    _write(own, "setgroups", "deny")
    _write(own, "uid_map", f"{_OUTSIDE_ID} {outer_uid} 1")
    _write(own, "gid_map", f"{_OUTSIDE_ID} {outer_gid} 1")


def _write(own: int, name: str, text: str) -> None:
    """Write one of the files in this process's folder of /proc. A file object would copy pages for a millisecond."""
    file = os.open(name, os.O_WRONLY, dir_fd=own)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _read(own: int, name: str) -> str:
    """Read one of them, up to a size that none of them has."""
    file = os.open(name, os.O_RDONLY, dir_fd=own)
    try:
        return os.read(file, _STATUS_MAX_BYTES).decode("ascii", "replace")
    finally:
        os.close(file)


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
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: 1024,
        # No more of the processor than others have, whatever this machine lets its users do.
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,
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


def _verify(own: int, *, has_own_proc: bool) -> None:
    """Look at what came of it: a kernel that is not locked in must end here, not run a stranger's code."""
    status = dict(line.split(":\t", 1) for line in _read(own, "status").splitlines() if ":\t" in line)
    wanted = dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16)
    wanted |= {"NoNewPrivs": "1", "Seccomp": "2"}
    wrong = {name: status.get(name) for name, value in wanted.items() if status.get(name) != value}
    if wrong:
        raise ConfinementError(f"not locked in: {wrong}")
    listed = os.listdir("/proc")  # noqa: PTH208 - cheaper here, where all that is touched is copied
    seen = [name for name in listed if name.isdigit()] if has_own_proc else listed
    if os.getpid() != 1 or seen != (["1"] if has_own_proc else []):
        raise ConfinementError(f"not alone: process {os.getpid()} sees {seen[:10]}")
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
