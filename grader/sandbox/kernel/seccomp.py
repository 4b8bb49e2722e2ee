"""The system calls a kernel may not make, as a BPF program built in plain Python (no libseccomp at run time).

A deny list with a ceiling: what is newer than `NEWEST_KNOWN` does not exist for the kernel. It stands behind
namespaces, dropped capabilities and rlimits, and takes away what those leave open.
"""

import struct
from dataclasses import dataclass

NEWEST_KNOWN = 462

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
    # files by handle go around the mount namespace
    *("open_by_handle_at", "name_to_handle_at", "lookup_dcookie", "fanotify_init", "fanotify_mark"),
    *("uselib", "ustat", "sysfs", "_sysctl"),
    # memory that RLIMIT_DATA and the watchdog do not see
    *("memfd_secret", "vmsplice", "move_pages", "migrate_pages"),
    *("shmget", "shmat", "shmctl", "shmdt", "msgget", "msgsnd", "msgrcv", "msgctl"),
    *("semget", "semop", "semctl", "semtimedop"),
    *("mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr"),
)
"""Fail with EPERM."""

ABSENT = ("clone3", "memfd_create")
"""Fail with ENOSYS, for which glibc and Python have another way: clone3 hides its flags behind a pointer that a
filter cannot read, and a memfd is memory outside every limit."""

X86_64 = {
    **{"shmget": 29, "shmat": 30, "shmctl": 31, "socket": 41, "clone": 56, "semget": 64, "semop": 65, "semctl": 66},
    **{"shmdt": 67, "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71, "ioctl": 16, "ptrace": 101, "syslog": 103},
    **{"uselib": 134, "ustat": 136, "sysfs": 139, "vhangup": 153, "modify_ldt": 154, "pivot_root": 155},
    **{"_sysctl": 156, "adjtimex": 159, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166},
    **{"swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172},
    **{"ioperm": 173, "create_module": 174, "init_module": 175, "delete_module": 176, "get_kernel_syms": 177},
    **{"query_module": 178, "quotactl": 179, "nfsservctl": 180, "lookup_dcookie": 212, "semtimedop": 220},
    **{"clock_settime": 227, "mq_open": 240, "mq_unlink": 241, "mq_timedsend": 242, "mq_timedreceive": 243},
    **{"mq_notify": 244, "mq_getsetattr": 245, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250},
    **{"migrate_pages": 256, "unshare": 272, "vmsplice": 278, "move_pages": 279, "perf_event_open": 298},
    **{"fanotify_init": 300, "fanotify_mark": 301, "name_to_handle_at": 303, "open_by_handle_at": 304},
    **{"clock_adjtime": 305, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312},
    **{"finit_module": 313, "memfd_create": 319, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323},
    **{"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429},
    **{"fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "clone3": 435, "pidfd_getfd": 438},
    **{"process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447},
}
"""Source: <asm/unistd_64.h> of the Linux kernel headers."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One processor architecture: its name for the audit subsystem and its system call numbers."""

    audit_arch: int
    numbers: dict[str, int]


MACHINES = {"x86_64": Machine(audit_arch=0xC000003E, numbers=X86_64)}

_NAMESPACE_FLAGS = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
_AF_UNIX = 1
_TERMINAL_INJECTION = (0x5412, 0x541C)
"""ioctl TIOCSTI and TIOCLINUX: type into somebody else's terminal."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_OFFSET, _ARCH_OFFSET, _FIRST_ARGUMENT_OFFSET, _SECOND_ARGUMENT_OFFSET = 0, 4, 16, 24
_KILL_PROCESS, _ALLOW = 0x80000000, 0x7FFF0000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 0x00050000 | 1, 0x00050000 | 38, 0x00050000 | 97


def build(machine: Machine) -> bytes:
    """Assemble the filter: struct sock_filter after struct sock_filter, ready for PR_SET_SECCOMP."""
    numbers = machine.numbers
    program = [
        _step(_LOAD, _ARCH_OFFSET),
        _jump(_EQUAL, machine.audit_arch, yes=1),
        _step(_RETURN, _KILL_PROCESS),  # another ABI has other numbers: every rule below would mean something else
        _step(_LOAD, _NUMBER_OFFSET),
        *_answer_if(_AT_LEAST, NEWEST_KNOWN + 1, _ENOSYS),  # also the x32 ABI, which sets a high bit
    ]
    for name in ABSENT:
        program += _answer_if(_EQUAL, numbers[name], _ENOSYS)
    for name in REFUSED:
        if name in numbers:
            program += _answer_if(_EQUAL, numbers[name], _EPERM)
    program += _clone_rule(numbers["clone"])
    program += _socket_rule(numbers["socket"])
    program += _ioctl_rule(numbers["ioctl"])
    program.append(_step(_RETURN, _ALLOW))
    return b"".join(program)


def _clone_rule(number: int) -> list[bytes]:
    """Threads and forks yes, new namespaces no."""
    return [
        _jump(_EQUAL, number, no=4),
        _step(_LOAD, _FIRST_ARGUMENT_OFFSET),
        *_answer_if(_ANY_BIT, _NAMESPACE_FLAGS, _EPERM),
        _step(_RETURN, _ALLOW),
    ]


def _socket_rule(number: int) -> list[bytes]:
    """Unix sockets only: the namespace has no network, and other families are host kernel code to attack."""
    return [
        _jump(_EQUAL, number, no=4),
        _step(_LOAD, _FIRST_ARGUMENT_OFFSET),
        *_answer_if(_EQUAL, _AF_UNIX, _ALLOW),
        _step(_RETURN, _EAFNOSUPPORT),
    ]


def _ioctl_rule(number: int) -> list[bytes]:
    checks = [step for request in _TERMINAL_INJECTION for step in _answer_if(_EQUAL, request, _EPERM)]
    return [
        _jump(_EQUAL, number, no=len(checks) + 2),
        _step(_LOAD, _SECOND_ARGUMENT_OFFSET),
        *checks,
        _step(_RETURN, _ALLOW),
    ]


def _answer_if(test: int, operand: int, answer: int) -> list[bytes]:
    return [_jump(test, operand, no=1), _step(_RETURN, answer)]


def _step(code: int, operand: int) -> bytes:
    return struct.pack("HBBI", code, 0, 0, operand)


def _jump(test: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", test, yes, no, operand)
