"""What the canary must have seen: decided out here, from what it tells, line by line."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from grader.domain.cage import CageLine, LineState
from grader.domain.execution import Limits
from grader.domain.text import Note
from grader.domain.values import MappingValue, ScalarValue, Value
from grader.sandbox.box import inner_environment
from grader.sandbox.gpu.parts import VARIABLES

Seen = Mapping[str, str]

_FILTERED = frozenset({"EPERM", "ENOSYS", "EACCES"})
_FOUND_MAX_CHARACTERS = 300
_VALUE_MAX_CHARACTERS = 60
_FILES_MAX_BYTES = 1 << 40
_MADE_INSIDE = frozenset(
    {
        *("PWD", "OLDPWD", "SHLVL", "_", "TERM", "COLUMNS", "LINES", "PAGER", "GIT_PAGER", "NO_COLOR"),
        *("CLICOLOR", "FORCE_COLOR", "CLICOLOR_FORCE"),
    }
)
"""Variables that bubblewrap and ipykernel set themselves: that the host has the same proves no leak."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """What is true out here, for the rules that compare."""

    limits: Limits
    namespaces: Mapping[str, str]
    """As /proc/self/ns names them."""
    environment: Mapping[str, str]
    host_files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line: which answers there must be, and which of them are as they must be."""

    name: str
    needs: tuple[str, ...]
    is_held: Callable[[str, str], bool]
    """Called with what was tried and what came of it."""

    def judge(self, seen: Seen | None) -> CageLine:
        """Missing answers are not proof; nor is an answer nobody asked for, if it is a bad one."""
        if seen is None or not set(self.needs) <= seen.keys():
            return CageLine(name=self.name, state=LineState.UNKNOWN, found=_spell(seen or {}), cure=_HOLE)
        wrong = {what: answer for what, answer in seen.items() if not self.is_held(what, answer)}
        if wrong:
            return CageLine(name=self.name, state=LineState.NOT_OK, found=_spell(wrong), cure=_HOLE)
        return CageLine(name=self.name, state=LineState.OK)


_HOLE = Note(code="doctor.cure_hole")


def judge(report: Value | None, host: Host) -> tuple[CageLine, ...]:
    """Give one line for each rule, in their order; whatever the report lacks is UNKNOWN."""
    seen = _read_report(report)
    return tuple(rule.judge(seen.get(rule.name)) for rule in rules(host))


def rules(host: Host) -> tuple[Rule, ...]:
    """All lines of the canary."""
    files_errors = frozenset({"EROFS", "EACCES", "EPERM", "ENOENT"})
    return (
        _refused("mounts", "mount", "chroot", "open_tree", "fsopen"),
        _refused("new_namespaces", "user", "mount", "network", "process", "clone", "clone3"),
        _refused("tracing", "traceme", "process_vm_readv"),
        _refused("io_uring", "io_uring_setup"),
        _refused("userfaultfd", "userfaultfd"),
        _refused("bpf", "prog_load"),
        _refused("perf_events", "perf_event_open"),
        _refused("keyring", "keyctl", "add_key"),
        _refused("shared_memory", "shmget", "mq_open"),
        _refused("sockets", "inet", "inet6", "netlink", "packet", "vsock", errors=_FILTERED | {"EAFNOSUPPORT"}),
        _refused("outside_sockets", "abstract", "path", errors=frozenset({"ECONNREFUSED", "ENOENT"})),
        Rule(name="processes", needs=("pid", "parent", "kill", "listed", "root of 1"), is_held=_is_alone),
        Rule(name="own_namespaces", needs=tuple(host.namespaces), is_held=_differs_from(host.namespaces)),
        _refused("host_files", *host.host_files, errors=frozenset({"ENOENT"})),
        _refused("system_settings", "sys/kernel/core_pattern", "sysrq-trigger", "kcore", errors=files_errors),
        Rule(name="writing", needs=("/", "/usr", "/opt", "not read-only"), is_held=_is_read_only(files_errors)),
        _refused("privileges", "setuid", "setgid", "setgroups", errors=_FILTERED | {"EINVAL"}),
        _equal("capabilities", **dict.fromkeys(("effective", "permitted", "inheritable", "bounding", "ambient"), "0")),
        _equal("lockdown", no_new_privs="1", seccomp="2"),
        Rule(name="descriptors", needs=("0", "1", "2", "3"), is_held=_leads_nowhere),
        Rule(name="environment", needs=("PATH", "HOME"), is_held=_is_not_ours(host.environment)),
        _refused("raising_limits", "RLIMIT_NPROC", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_CPU", "RLIMIT_NOFILE"),
        Rule(name="bounds", needs=("processes", "data", "file", "cpu", "core"), is_held=_is_bounded(host.limits)),
        Rule(name="exhaustion", needs=("memory", "file", "processes"), is_held=_ran_out(host.limits)),
    )


def _refused(name: str, *needs: str, errors: frozenset[str] = _FILTERED) -> Rule:
    """Every attempt ends with one of these errors; another one may only mean that it was made badly."""
    return Rule(name=name, needs=needs, is_held=lambda _what, answer: answer in errors)


def _equal(name: str, **wanted: str) -> Rule:
    return Rule(name=name, needs=tuple(wanted), is_held=lambda what, answer: wanted.get(what) == answer)


def _is_alone(what: str, answer: str) -> bool:
    wanted = {"pid": ("1",), "parent": ("0",), "group": ("1",), "kill": ("ESRCH",), "listed": ("",)}
    # Where a container masks /proc, kernels have an empty one.
    return answer in (wanted | {"root of 1": ("own", "ENOENT")}).get(what, ())


def _differs_from(ours: Mapping[str, str]) -> Callable[[str, str], bool]:
    return lambda what, answer: answer != ours.get(what) and (answer.startswith(f"{what}:[") or answer == "ENOENT")


def _is_read_only(errors: frozenset[str]) -> Callable[[str, str], bool]:
    return lambda what, answer: answer == "" if what == "not read-only" else answer in errors


def _leads_nowhere(what: str, answer: str) -> bool:
    """0 is nothing, 1 and 2 a file of its own, 3 the kernel's socket; others may be what a Python event loop makes."""
    allowed = {"0": ("device",), "1": ("own file",), "2": ("own file",), "3": ("socket",)}
    return answer in allowed.get(what, ("epoll", "own socket"))


def _is_not_ours(environment: Mapping[str, str]) -> Callable[[str, str], bool]:
    known = inner_environment().keys() | _MADE_INSIDE | VARIABLES

    def is_held(name: str, value: str) -> bool:
        is_leaked = name not in known and value != "" and environment.get(name) == value
        return not name.startswith("GRADER_") and not is_leaked

    return is_held


def _is_bounded(limits: Limits) -> Callable[[str, str], bool]:
    most = {
        "processes": limits.processes,
        "data": _FILES_MAX_BYTES,
        "file": limits.memory_bytes,
        "cpu": int(limits.total_s * 2 * (os.cpu_count() or 1)) + 60,
        "descriptors": 4096,
        "core": 0,
        "locked": 1 << 20,
        "message queues": 0,
    }
    return lambda what, answer: answer.isdecimal() and int(answer) <= most.get(what, -1)


def _ran_out(limits: Limits) -> Callable[[str, str], bool]:
    def is_held(what: str, answer: str) -> bool:
        if what == "processes":
            return answer.isdecimal() and int(answer) <= limits.processes
        return answer in {"memory": ("ENOMEM",), "file": ("EFBIG", "ENOSPC")}.get(what, ())

    return is_held


def _read_report(report: Value | None) -> dict[str, Seen]:
    """Two levels of text; whatever else it holds is left out, and what is left out is missing."""
    if not isinstance(report, MappingValue):
        return {}
    return {
        name.value: {
            what.value: answer.value
            for what, answer in seen.items
            if isinstance(what.value, str) and isinstance(answer, ScalarValue) and isinstance(answer.value, str)
        }
        for name, seen in report.items
        if isinstance(name.value, str) and isinstance(seen, MappingValue)
    }


def _spell(answers: Seen) -> str:
    """Say what was seen, as one short line of printable text."""
    words = "; ".join(f"{what}: {answer[:_VALUE_MAX_CHARACTERS]}" for what, answer in answers.items())
    return "".join(letter if letter.isprintable() else " " for letter in words)[:_FOUND_MAX_CHARACTERS]
