"""What must not work in a kernel: the text of the canary's cell, which tells what it saw and judges nothing.

Each attempt is one that would succeed if the layers before it were gone, and that harms nobody where it does: its
effects stay in a child process, in a namespace or in a file of its own. It imports nothing of ours.
"""

import ctypes
import errno
import os
import resource
import select
import socket
import stat
import struct
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

Seen = dict[str, str]
"""What was tried -> what came of it: the name of an error, 'done', or what could be read."""
Facts = dict[str, Any]
"""What the host lays out: where its baits are, which limits it asked for, the numbers of system calls."""

_DONE = "done"
_PRIVATE = ("/proc/", "/work/", "/tmp/", "/dev/shm/", "/dev/pts/")  # noqa: S108 - the kernel's own
_NEW_USER, _NEW_MOUNT, _NEW_NET, _NEW_PID = 0x10000000, 0x00020000, 0x40000000, 0x20000000
_SIGCHLD = 17
_OPEN_TREE_CLONE, _AT_FDCWD = 1, -100
_PTRACE_TRACEME = 0
_PR_CAPBSET_READ, _PR_GET_SECCOMP, _PR_GET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_IS_SET = 23, 21, 39, 47, 1
_CAPABILITIES = 64
_DESCRIPTORS = 1024

NUMBERS: dict[str, int] = {}
"""Of system calls on this processor, as the host lays them out."""

_libc = ctypes.CDLL(None, use_errno=True)


def try_all(facts: Facts) -> dict[str, Seen]:
    """Make every attempt; one that breaks off is told by an answer that no rule accepts."""
    NUMBERS.update(facts["system_calls"])
    report: dict[str, Seen] = {}
    for name, attempt in ATTEMPTS.items():
        try:
            report[name] = attempt(facts)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other attempts are to be made
            report[name] = {"error": repr(error)[:500]}
    return report


def _outcome(action: Callable[[], object]) -> str:
    try:
        action()
    except OSError as error:
        return _name(error)
    return _DONE


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, str(error))


def _in_a_child(action: Callable[[], object]) -> str:
    """Do it in a process that ends with it: what succeeds there leaves nothing behind here."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, _outcome(action).encode())
        finally:
            os._exit(0)
    os.close(writing)
    answer = os.read(reading, 200)
    os.close(reading)
    os.waitpid(pid, 0)
    return answer.decode() or "no answer"


def _call(name: str, *arguments: object) -> int:
    """Make a system call past the C library's own checks."""
    words = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return _checked(_libc.syscall(ctypes.c_long(NUMBERS[name]), *words))


def _checked(returned: int) -> int:
    if returned == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return returned


def _mounts(_facts: Facts) -> Seen:
    target = Path.cwd() / "canary-mount"
    target.mkdir(exist_ok=True)
    place = bytes(target)
    return {
        "mount": _in_a_child(lambda: _call("mount", b"tmpfs", place, b"tmpfs", 0, None)),
        "chroot": _in_a_child(lambda: _call("chroot", place)),
        "open_tree": _in_a_child(lambda: _call("open_tree", _AT_FDCWD, place, _OPEN_TREE_CLONE)),
        "fsopen": _in_a_child(lambda: _call("fsopen", b"tmpfs", 0)),
    }


def _namespaces(_facts: Facts) -> Seen:
    kinds = {"user": _NEW_USER, "mount": _NEW_MOUNT, "network": _NEW_NET, "process": _NEW_PID}
    seen = {kind: _in_a_child(partial(_call, "unshare", flag)) for kind, flag in kinds.items()}
    return seen | {"clone": _in_a_child(_clone), "clone3": _in_a_child(_clone3)}


def _clone() -> None:
    if _call("clone", _NEW_USER | _SIGCHLD, 0, 0, 0, 0) == 0:
        os._exit(0)


def _clone3() -> None:
    arguments = struct.pack("8Q", _NEW_USER, 0, 0, 0, _SIGCHLD, 0, 0, 0)
    if _call("clone3", arguments, len(arguments)) == 0:
        os._exit(0)


def _own_namespaces(_facts: Facts) -> Seen:
    """Which ones these are; only the host knows whether they are its own."""
    kinds = ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup")
    return {kind: _read_link(Path("/proc/self/ns", kind)) for kind in kinds}


def _read_link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError as error:
        return _name(error)


def _tracing(_facts: Facts) -> Seen:
    return {
        "traceme": _in_a_child(lambda: _call("ptrace", _PTRACE_TRACEME, 0, 0, 0)),
        "process_vm_readv": _in_a_child(_read_memory),
    }


def _read_memory() -> None:
    here, there = ctypes.create_string_buffer(8), ctypes.create_string_buffer(8)
    local, remote = (struct.pack("PN", ctypes.addressof(buffer), 8) for buffer in (here, there))
    _call("process_vm_readv", os.getpid(), local, 1, remote, 1, 0)


def _io_uring(_facts: Facts) -> Seen:
    return {"io_uring_setup": _in_a_child(lambda: _call("io_uring_setup", 1, bytes(120)))}


def _userfaultfd(_facts: Facts) -> Seen:
    user_mode_only = 1
    return {"userfaultfd": _in_a_child(lambda: _call("userfaultfd", user_mode_only))}


def _bpf(_facts: Facts) -> Seen:
    return {"prog_load": _in_a_child(_load_program)}


def _load_program() -> None:
    load, socket_filter = 5, 1
    program = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0))  # r0 = 0; exit
    license_text = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack("IIQQ", socket_filter, 2, ctypes.addressof(program), ctypes.addressof(license_text))
    _call("bpf", load, attributes.ljust(128, b"\0"), 128)


def _perf_events(_facts: Facts) -> Seen:
    software, size, exclude_kernel = 1, 64, 1 << 5
    attributes = struct.pack("IIQQQQQ", software, size, 0, 0, 0, 0, exclude_kernel).ljust(size, b"\0")
    return {"perf_event_open": _in_a_child(lambda: _call("perf_event_open", attributes, 0, -1, -1, 0))}


def _keyring(_facts: Facts) -> Seen:
    get_id, session, process = 0, -3, -2
    return {
        "keyctl": _in_a_child(lambda: _call("keyctl", get_id, session, 1)),
        "add_key": _in_a_child(lambda: _call("add_key", b"user", b"canary", b"x", 1, process)),
    }


def _shared_memory(_facts: Facts) -> Seen:
    private, create, read_write = 0, 0o1600, os.O_CREAT | os.O_RDWR
    return {
        "shmget": _in_a_child(lambda: _call("shmget", private, 4096, create)),
        "mq_open": _in_a_child(lambda: _call("mq_open", b"canary", read_write, 0o600, None)),
    }


def _sockets(_facts: Facts) -> Seen:
    families = {"inet": 2, "inet6": 10, "netlink": 16, "packet": 17, "bluetooth": 31, "alg": 38, "vsock": 40}
    kinds = {"netlink": socket.SOCK_RAW, "packet": socket.SOCK_RAW, "alg": 5}
    return {name: _outcome(_opener(family, kinds.get(name, socket.SOCK_STREAM))) for name, family in families.items()}


def _opener(family: int, kind: int) -> Callable[[], None]:
    def make() -> None:
        socket.socket(family, kind).close()

    return make


def _outside_sockets(facts: Facts) -> Seen:
    """The host listens on both meanwhile; an abstract name is reached by whoever shares its network namespace."""
    return {
        "abstract": _outcome(_connector("\0" + facts["abstract_socket"])),
        "path": _outcome(_connector(facts["socket_path"])),
    }


def _connector(address: str) -> Callable[[], None]:
    def connect() -> None:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(address)

    return connect


def _processes(_facts: Facts) -> Seen:
    """Signal 0 asks whether there is anybody whom a real one would reach; -1 is everybody."""
    listed = {entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()} - {str(os.getpid())}
    return {
        "pid": str(os.getpid()),
        "parent": str(os.getppid()),
        "group": str(os.getpgid(0)),
        "kill": _outcome(lambda: os.kill(-1, 0)),
        "listed": " ".join(sorted(listed)),
        "root of 1": _whose_root(),
    }


def _whose_root() -> str:
    """A way out of the mount namespace, were process 1 anybody else."""
    try:
        return "own" if Path("/proc/1/root/.").stat().st_ino == Path("/").stat().st_ino else "another's"
    except OSError as error:
        return _name(error)


def _host_files(facts: Facts) -> Seen:
    return {path: _outcome(Path(path).stat) for path in facts["host_files"]}


def _system_settings(_facts: Facts) -> Seen:
    names = ("sys/kernel/core_pattern", "sys/vm/drop_caches", "sysrq-trigger", "kcore", "kmsg")
    return {name: _outcome(_opened(f"/proc/{name}", os.O_RDWR)) for name in names}


def _opened(path: str, flags: int) -> Callable[[], None]:
    def open_and_close() -> None:
        os.close(os.open(path, flags, 0o600))

    return open_and_close


def _writing(_facts: Facts) -> Seen:
    """Try it, and look at how each place is mounted: what another user owns is writable for nobody, and yet a hole."""
    seen: Seen = {}
    for place in ("/", "/usr", "/opt", "/etc", "/dev", "/bin", sys.prefix, sys.base_prefix):
        file = Path(place, ".canary")
        seen[place] = _outcome(_opened(str(file), os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        if seen[place] == _DONE:
            file.unlink()
    return seen | {"not read-only": " ".join(sorted(place for place in _places() if _is_writable(place)))}


def _places() -> set[str]:
    """Folders two levels deep, and whatever is mounted, but for what belongs to the kernel alone."""
    found = set()
    for folder in ("/", *_folders_in("/")):
        found |= {folder, *_folders_in(folder)}
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    found |= {place for place in (line.split()[4] for line in lines) if Path(place).is_dir()}
    return {place for place in found if not f"{place}/".startswith(_PRIVATE)}


def _folders_in(folder: str) -> list[str]:
    try:
        return [str(entry) for entry in Path(folder).iterdir() if entry.is_dir() and not entry.is_symlink()]
    except OSError:
        return []


def _is_writable(folder: str) -> bool:
    try:
        return not os.statvfs(folder).f_flag & os.ST_RDONLY
    except OSError:
        return False


def _privileges(_facts: Facts) -> Seen:
    return {
        "setuid": _in_a_child(lambda: os.setuid(0)),
        "setgid": _in_a_child(lambda: os.setgid(0)),
        "setgroups": _in_a_child(lambda: os.setgroups([0])),
    }


def _capabilities(_facts: Facts) -> Seen:
    header, sets = struct.pack("Ii", 0x20080522, 0), ctypes.create_string_buffer(24)
    _call("capget", header, sets)
    low_effective, low_permitted, low_inherited, effective, permitted, inherited = struct.unpack("6I", sets.raw)
    bounding = sum(_libc.prctl(_PR_CAPBSET_READ, one, 0, 0, 0) == 1 for one in range(_CAPABILITIES))
    ambient = sum(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_IS_SET, one, 0, 0) == 1 for one in range(_CAPABILITIES))
    return {
        "effective": str(low_effective | effective << 32),
        "permitted": str(low_permitted | permitted << 32),
        "inheritable": str(low_inherited | inherited << 32),
        "bounding": str(bounding),
        "ambient": str(ambient),
    }


def _lockdown(_facts: Facts) -> Seen:
    return {
        "no_new_privs": str(_libc.prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)),
        "seccomp": str(_libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0)),
    }


def _descriptors(_facts: Facts) -> Seen:
    """Every open descriptor and where it leads."""
    seen: Seen = {}
    for number in range(_DESCRIPTORS):
        try:
            mode = os.fstat(number).st_mode
        except OSError:
            continue
        seen[str(number)] = _describe(number, mode)
    return seen


def _describe(number: int, mode: int) -> str:
    if stat.S_ISSOCK(mode):
        sock = socket.socket(fileno=os.dup(number))
        with sock:
            peer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return "own socket" if struct.unpack("3i", peer)[0] == os.getpid() else "socket"
    if stat.S_ISCHR(mode):
        return "device"
    if stat.S_ISREG(mode):
        # The file behind 1 and 2 lies in the kernel's own places; one of the host's, or a namespace, does not.
        return "own file" if os.fstat(number).st_dev == Path.cwd().stat().st_dev else "file"
    if stat.S_IFMT(mode) == 0:
        try:
            select.epoll.fromfd(os.dup(number)).poll(0)
        except OSError:
            return "anonymous"
        return "epoll"
    return oct(mode)


def _environment(_facts: Facts) -> Seen:
    return {name: value[:500] for name, value in os.environ.items()}


def _raising(_facts: Facts) -> Seen:
    kinds = ("RLIMIT_NPROC", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_CPU", "RLIMIT_NOFILE")
    return {kind: _in_a_child(_raiser(getattr(resource, kind))) for kind in kinds}


def _raiser(kind: int) -> Callable[[], None]:
    def raise_limit() -> None:
        soft, hard = resource.getrlimit(kind)
        # The module would give a ValueError that does not tell one refusal from another.
        _checked(_libc.setrlimit(kind, struct.pack("qq", soft, hard + 1 if hard != resource.RLIM_INFINITY else hard)))

    return raise_limit


def _bounds(_facts: Facts) -> Seen:
    message_queues = 12
    kinds = {
        "processes": resource.RLIMIT_NPROC,
        "data": resource.RLIMIT_DATA,
        "file": resource.RLIMIT_FSIZE,
        "cpu": resource.RLIMIT_CPU,
        "descriptors": resource.RLIMIT_NOFILE,
        "core": resource.RLIMIT_CORE,
        "locked": resource.RLIMIT_MEMLOCK,
        "message queues": message_queues,
    }
    return {name: str(resource.getrlimit(kind)[1]) for name, kind in kinds.items()}


def _exhaustion(facts: Facts) -> Seen:
    """Ask for more than the limits give: a promise of memory that is never touched, a hole in a file, processes."""
    return {
        "memory": _in_a_child(lambda: _map_memory(16 * facts["memory_bytes"])),
        "file": _in_a_child(lambda: _make_hole(facts["memory_bytes"])),
        "processes": str(_count_forks(facts["processes"] + 8)),
    }


def _map_memory(size_bytes: int) -> None:
    private_anonymous_unreserved, read_write = 0x4022, 3
    _libc.mmap.restype = ctypes.c_void_p
    place = _libc.mmap(
        None, ctypes.c_size_t(size_bytes), read_write, private_anonymous_unreserved, -1, ctypes.c_long(0)
    )
    if place == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")


def _make_hole(size_bytes: int) -> None:
    path = Path("canary-hole")
    with path.open("wb") as file:
        path.unlink()
        os.ftruncate(file.fileno(), size_bytes)


def _count_forks(most: int) -> int:
    waiting_for, holding = os.pipe()
    children = []
    try:
        for _ in range(most):
            pid = os.fork()
            if pid == 0:
                try:
                    os.close(holding)
                    os.read(waiting_for, 1)
                finally:
                    os._exit(0)
            children.append(pid)
    except BlockingIOError:
        pass
    finally:
        os.close(holding)
        os.close(waiting_for)
        for pid in children:
            os.waitpid(pid, 0)
    return len(children)


ATTEMPTS: dict[str, Callable[[Facts], Seen]] = {
    "processes": _processes,  # first: nobody but the kernel itself is there yet
    "descriptors": _descriptors,
    "environment": _environment,
    "own_namespaces": _own_namespaces,
    "capabilities": _capabilities,
    "lockdown": _lockdown,
    "mounts": _mounts,
    "new_namespaces": _namespaces,
    "tracing": _tracing,
    "io_uring": _io_uring,
    "userfaultfd": _userfaultfd,
    "bpf": _bpf,
    "perf_events": _perf_events,
    "keyring": _keyring,
    "shared_memory": _shared_memory,
    "sockets": _sockets,
    "outside_sockets": _outside_sockets,
    "host_files": _host_files,
    "system_settings": _system_settings,
    "writing": _writing,
    "privileges": _privileges,
    "raising_limits": _raising,
    "bounds": _bounds,
    "exhaustion": _exhaustion,
}
