"""The system calls a kernel may not make, as a BPF program built in plain Python (no libseccomp at run time).

What the table of system calls does not name does not exist for the kernel; what it names is allowed unless a list here
says otherwise. It stands behind namespaces, dropped capabilities and rlimits, and takes away what those leave open.
"""

import itertools
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REFUSED = (
    # other processes' memory and descriptors
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd"),
    # the file system's shape: a new mount could uncover what bubblewrap covered
    *("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "mount_setattr"),
    *("fsopen", "fsconfig", "fsmount", "fspick"),
    # new namespaces bring capabilities, and with them most of the host kernel's attack surface
    *("unshare", "setns"),
    *("keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    # the machine itself
    *("kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module"),
    *("query_module", "get_kernel_syms", "reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd"),
    *("nfsservctl", "syslog", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex"),
    *("sethostname", "setdomainname", "iopl", "ioperm", "modify_ldt", "vhangup"),
    # what is a budget or a burden of the whole machine: contexts for asynchronous I/O, flushing every disk
    *("io_setup", "sync", "syncfs"),
    # files by handle go around the mount namespace
    *("open_by_handle_at", "name_to_handle_at", "lookup_dcookie", "fanotify_init", "fanotify_mark"),
    *("uselib", "ustat", "sysfs", "_sysctl"),
    # where memory lies, and memory that RLIMIT_DATA and the watchdog do not see
    *("mbind", "set_mempolicy", "set_mempolicy_home_node", "move_pages", "migrate_pages"),
    *("memfd_secret", "vmsplice"),
    *("shmget", "shmat", "shmctl", "shmdt", "msgget", "msgsnd", "msgrcv", "msgctl"),
    *("semget", "semop", "semctl", "semtimedop"),
    *("mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr"),
)
"""Fail with EPERM."""

ABSENT = (
    # its flags are behind a pointer that a filter cannot read; glibc goes on with clone
    "clone3",
    # memory outside every limit
    "memfd_create",
    # would tell which files other kernels open, since all see the same /usr
    *("inotify_init", "inotify_init1"),
    # new, so that nothing needs them: the page cache's contents, the mounts, futexes, sealed and shadow memory
    *("cachestat", "statmount", "listmount", "futex_wake", "futex_wait", "futex_requeue", "mseal", "map_shadow_stack"),
    *("lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules"),
    # only for the machine's own tracing
    "uretprobe",
    # numbers behind which there is nothing
    *("afs_syscall", "epoll_ctl_old", "epoll_wait_old", "getpmsg", "putpmsg", "security", "tuxcall", "vserver"),
    *("get_thread_area", "set_thread_area"),
)
"""Fail with ENOSYS, as on an older Linux: glibc and Python know another way."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_OFFSET, _ARCH_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16
_KILL_PROCESS, _ALLOW, _FAIL = 0x80000000, 0x7FFF0000, 0x00050000
_EPERM, _ENOMEM, _EINVAL, _ENOSYS, _EAFNOSUPPORT = _FAIL | 1, _FAIL | 12, _FAIL | 22, _FAIL | 38, _FAIL | 97


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What decides a call by its arguments: the lower 32 bits of one, which are all that Linux looks at in these."""

    argument: int
    test: int = _EQUAL
    operands: tuple[int, ...]
    matching: int
    otherwise: int = _ALLOW


_NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
_LOCAL_ONLY = Rule(argument=0, operands=(1,), matching=_ALLOW, otherwise=_EAFNOSUPPORT)
"""AF_UNIX: the namespace has no network, and every other family is host kernel code to attack."""

_PROCESS_OPTIONS = (
    *(1, 2),  # the signal when its parent dies
    *(15, 16, 29, 30, 36, 37, 40),  # its name, timer slack, adopting orphans, where its thread id is cleared
    *(3, 21, 23, 27, 39, 52, 66),  # reading what holds for it
    *(22, 38, 47),  # a filter of its own, no new privileges, ambient capabilities (of none): they only take away
    *(41, 42, 0x53564D41, 0x41555856),  # huge pages, names of memory, the auxiliary vector
    *(51, 54, 55, 56, 64),  # aarch64: vector lengths, pointer keys, tagged addresses
)
"""prctl. Not among them: PR_SET_DUMPABLE and PR_SET_PTRACER (who may look into it), PR_SET_MM (what it looks like from
outside), PR_SCHED_CORE (who may share a core with it), PR_SET_SYSCALL_USER_DISPATCH, PR_SET_MEMORY_MERGE."""

RULES = {
    # threads and forks, but no new namespaces
    "clone": Rule(argument=0, test=_ANY_BIT, operands=(_NEW_NAMESPACES,), matching=_EPERM),
    "socket": _LOCAL_ONLY,
    "socketpair": _LOCAL_ONLY,
    # TIOCSTI and TIOCLINUX type into somebody else's terminal, TIOCSETD loads code into the host's kernel
    "ioctl": Rule(argument=1, operands=(0x5412, 0x541C, 0x5423), matching=_EPERM),
    # F_SETLEASE delays who wants to write a file of the host, F_NOTIFY tells what other kernels open
    "fcntl": Rule(argument=1, operands=(1024, 1026), matching=_EINVAL),
    "prctl": Rule(argument=0, operands=_PROCESS_OPTIONS, matching=_ALLOW, otherwise=_EINVAL),
    # only asking; another personality has less protection
    "personality": Rule(argument=0, operands=(0, 0xFFFFFFFF), matching=_ALLOW, otherwise=_EPERM),
    # MAP_HUGETLB: pages that the watchdog does not see
    "mmap": Rule(argument=3, test=_ANY_BIT, operands=(0x00040000,), matching=_ENOMEM),
}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One processor architecture: its name for the audit subsystem and its system call numbers."""

    audit_arch: int
    numbers: Mapping[str, int]


_TABLE = json.loads(Path(__file__).with_name("syscalls.json").read_text("utf-8"))
"""Made from the kernel's own headers by scripts/syscall-table."""

TABLE_SOURCE: str = _TABLE["source"]
"""The Debian package and version of those headers."""

MACHINES = {
    "x86_64": Machine(audit_arch=0xC000003E, numbers=_TABLE["x86_64"]),
    "aarch64": Machine(audit_arch=0xC00000B7, numbers=_TABLE["aarch64"]),
}


def build(machine: Machine) -> bytes:
    """Assemble the filter: struct sock_filter after struct sock_filter, ready for PR_SET_SECCOMP."""
    program = [
        _step(_LOAD, _ARCH_OFFSET),
        _jump(_EQUAL, machine.audit_arch, yes=1),
        _step(_RETURN, _KILL_PROCESS),  # another ABI has other numbers: every rule below would mean something else
        _step(_LOAD, _NUMBER_OFFSET),
    ]
    for name, rule in RULES.items():
        if name in machine.numbers:
            program += _answer_by_argument(machine.numbers[name], rule)
    return b"".join([*program, *_answer_by_number(machine.numbers)])


def _answer_by_argument(number: int, rule: Rule) -> list[bytes]:
    tests = [_answer_if(rule.test, operand, rule.matching) for operand in rule.operands]
    steps = [
        _step(_LOAD, _ARGUMENTS_OFFSET + 8 * rule.argument),
        *itertools.chain.from_iterable(tests),
        _step(_RETURN, rule.otherwise),
    ]
    return [_jump(_EQUAL, number, no=len(steps)), *steps]


def _answer_by_number(numbers: Mapping[str, int]) -> list[bytes]:
    """Give one answer for each run of neighbours; what lies behind the last one does not exist, as the x32 ABI."""
    names = {number: name for name, number in numbers.items()}
    steps: list[bytes] = []
    for answer, run in itertools.groupby(range(max(names) + 1), key=lambda number: _answer(names.get(number))):
        *_, last = run
        steps += [_jump(_AT_LEAST, last + 1, yes=1), _step(_RETURN, answer)]
    return [*steps, _step(_RETURN, _ENOSYS)]


def _answer(name: str | None) -> int:
    if name is None or name in ABSENT:
        return _ENOSYS
    return _EPERM if name in REFUSED else _ALLOW


def _answer_if(test: int, operand: int, answer: int) -> list[bytes]:
    return [_jump(test, operand, no=1), _step(_RETURN, answer)]


def _step(code: int, operand: int) -> bytes:
    return struct.pack("HBBI", code, 0, 0, operand)


def _jump(test: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", test, yes, no, operand)
