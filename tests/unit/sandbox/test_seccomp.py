"""The filter of both architectures, run by an interpreter of its language over every system call."""

import platform
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.sandbox.kernel.seccomp import MACHINES, TABLE_SOURCE, build
from tests.unit.sandbox import seccomp_policy as policy
from tests.unit.sandbox.bpf import Program

ALLOWED, KILLED, FAILS = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, ENOMEM, EINVAL, ENOSYS, EAFNOSUPPORT = (FAILS | number for number in (1, 12, 22, 38, 97))
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
FOREIGN = {
    **{"i386": 0x40000003, "arm": 0x40000028, "armeb": 0x28, "riscv64": 0xC00000F3, "ppc64le": 0xC0000015},
    **{"nothing": 0, "x86_64 big-endian": 0x8000003E, "all bits": 0xFFFFFFFF},
}
PROGRAMS = {name: Program(build(machine)) for name, machine in MACHINES.items()}
ON = pytest.mark.parametrize("on", PROGRAMS)

BY_NAME = {
    **dict.fromkeys(policy.names(policy.ALLOWED), ALLOWED),
    **dict.fromkeys(policy.names(policy.REFUSED), EPERM),
    **dict.fromkeys(policy.names(policy.ABSENT), ENOSYS),
}


def answer(on: str, name: str, *arguments: int) -> int:
    return PROGRAMS[on].answer(MACHINES[on].numbers[name], *arguments, arch=ARCH[on])


def test_both_architectures_have_their_filter():
    assert {name: machine.audit_arch for name, machine in MACHINES.items()} == ARCH


def test_every_system_call_is_decided_once():
    groups = (policy.ALLOWED, policy.REFUSED, policy.ABSENT)
    decided = [name for group in groups for name in policy.names(group)] + sorted(policy.BY_ARGUMENTS)
    known = {name for machine in MACHINES.values() for name in machine.numbers}

    assert sorted(decided) == sorted(known)


@ON
@pytest.mark.parametrize("arguments", [pytest.param([value] * 6, id=f"{value:#x}") for value in (0, 1, 2**64 - 1)])
def test_every_system_call_is_answered_as_decided(on, arguments):
    names = MACHINES[on].numbers.keys() - policy.BY_ARGUMENTS

    assert {name: answer(on, name, *arguments) for name in names} == {name: BY_NAME[name] for name in names}


@ON
def test_every_other_number_does_not_exist(on):
    named = set(MACHINES[on].numbers.values())

    for number in {*range(2048), 2**31 - 1, 2**31, 2**32 - 1} - named:
        assert PROGRAMS[on].answer(number, arch=ARCH[on]) == ENOSYS, number


@ON
@pytest.mark.parametrize(("name", "number"), policy.NEWER.items())
def test_what_newer_kernels_brought_does_not_exist(on, name, number):
    assert name not in MACHINES[on].numbers
    assert PROGRAMS[on].answer(number, arch=ARCH[on]) == ENOSYS


def test_x32_has_no_calls():
    for number in {*range(2048), *MACHINES["x86_64"].numbers.values()}:
        assert PROGRAMS["x86_64"].answer(0x40000000 | number, 1, 1, arch=ARCH["x86_64"]) == ENOSYS


@ON
@pytest.mark.parametrize("foreign", FOREIGN)
def test_other_architectures_are_killed_whatever_they_call(on, foreign):
    others = [arch for name, arch in ARCH.items() if name != on]
    for arch in (FOREIGN[foreign], *others):
        for number in range(512):
            assert PROGRAMS[on].answer(number, arch=arch) == KILLED


@ON
@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param(0x003D0F00, ALLOWED, id="thread"),
        pytest.param(0x01200011, ALLOWED, id="fork"),
        pytest.param(0x00004111, ALLOWED, id="vfork"),
        pytest.param(17 | 0x80 << 32, ALLOWED, id="bits that Linux does not look at"),
        *(pytest.param(1 << bit | 17, EPERM, id=f"namespace flag {bit}") for bit in (17, 25, 26, 27, 28, 29, 30)),
        pytest.param(0xFFFFFFFF_10000011, EPERM, id="a namespace and upper bits"),
    ],
)
def test_clone_makes_threads_and_forks_but_no_namespaces(on, flags, expected):
    """The flags are the first argument on both; a namespace flag at any other place is a pointer."""
    assert answer(on, "clone", flags) == expected
    assert answer(on, "clone", 17, *[1 << 28] * 5) == ALLOWED


@ON
@pytest.mark.parametrize("name", ["socket", "socketpair"])
def test_sockets_are_local_only(on, name):
    assert answer(on, name, 1, 1, 0) == answer(on, name, 1 | 2 << 32, 2, 0) == ALLOWED
    for family in {*range(64), 2**32 - 1} - {1}:
        assert answer(on, name, family) == answer(on, name, family | 1 << 32) == EAFNOSUPPORT


@ON
@pytest.mark.parametrize(
    ("request_number", "expected"),
    [
        pytest.param(0x5412, EPERM, id="TIOCSTI"),
        pytest.param(0x541C, EPERM, id="TIOCLINUX"),
        pytest.param(0x5423, EPERM, id="TIOCSETD"),
        pytest.param(0xFFFFFFFF_00005412, EPERM, id="TIOCSTI under bits that Linux does not look at"),
        pytest.param(0x5401, ALLOWED, id="TCGETS"),
        pytest.param(0x541B, ALLOWED, id="FIONREAD"),
    ],
)
def test_terminals_cannot_be_typed_into(on, request_number, expected):
    assert answer(on, "ioctl", 0, request_number) == expected


@ON
def test_files_of_all_cannot_be_watched_or_leased(on):
    for command in range(2048):
        assert answer(on, "fcntl", 3, command) == (EINVAL if command in (1024, 1026) else ALLOWED), command


@ON
def test_process_options_are_those_that_are_known(on):
    known = set(policy.PROCESS_OPTIONS.values())
    for option in {*range(256), *known, 0x59616D61, 2**32 - 1}:
        expected = ALLOWED if option in known else EINVAL
        assert answer(on, "prctl", option, 1) == answer(on, "prctl", option | 1 << 32) == expected, option


@ON
def test_personality_can_only_be_asked_for(on):
    assert answer(on, "personality", 0xFFFFFFFF) == answer(on, "personality", 0) == ALLOWED
    assert answer(on, "personality", 0x0040000) == answer(on, "personality", 0x0400000) == EPERM


@ON
def test_memory_has_no_huge_pages_of_the_host(on):
    assert answer(on, "mmap", 0, 1 << 21, 3, 0x22) == ALLOWED
    assert answer(on, "mmap", 0, 1 << 21, 3, 0x22 | 0x40000) == ENOMEM
    assert answer(on, "mmap", 0, 1 << 21, 0x40000, 0x22, 0x40000) == ALLOWED


OF_ARGUMENTS: dict[str, Callable[..., int]] = {
    "clone": lambda flags, *_: EPERM if flags & 0x7E020000 else ALLOWED,
    "socket": lambda family, *_: ALLOWED if family == 1 else EAFNOSUPPORT,
    "socketpair": lambda family, *_: ALLOWED if family == 1 else EAFNOSUPPORT,
    "ioctl": lambda _fd, request, *_: EPERM if request in (0x5412, 0x541C, 0x5423) else ALLOWED,
    "fcntl": lambda _fd, command, *_: EINVAL if command in (1024, 1026) else ALLOWED,
    "prctl": lambda option, *_: ALLOWED if option in policy.PROCESS_OPTIONS.values() else EINVAL,
    "personality": lambda persona, *_: ALLOWED if persona in (0, 0xFFFFFFFF) else EPERM,
    "mmap": lambda _at, _length, _protection, flags, *_: ENOMEM if flags & 0x40000 else ALLOWED,
}
ANY_ARGUMENT = st.one_of(
    st.integers(0, 2**64 - 1),
    st.sampled_from((0, 1, 2, 15, 0x5412, 0x541C, 0x5423, 1024, 1026, 2**32 - 1, 1 << 17, 1 << 28, 1 << 32 | 1)),
)


@given(
    on=st.sampled_from(sorted(PROGRAMS)),
    number=st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 512)),
    name=st.none() | st.sampled_from(sorted(BY_NAME.keys() | OF_ARGUMENTS)),
    arguments=st.lists(ANY_ARGUMENT, min_size=6, max_size=6),
    arch=st.none() | st.integers(0, 2**32 - 1) | st.sampled_from((*ARCH.values(), *FOREIGN.values())),
)
def test_any_call_is_answered_by_the_policy(on, number, name, arguments, arch):
    numbers = MACHINES[on].numbers
    number = numbers.get(name, number)
    called = next((one for one, other in numbers.items() if other == number), None)
    if arch not in (None, ARCH[on]):
        expected = KILLED
    elif called is None:
        expected = ENOSYS
    elif called in OF_ARGUMENTS:
        expected = OF_ARGUMENTS[called](*(argument % 2**32 for argument in arguments))
    else:
        expected = BY_NAME[called]

    assert PROGRAMS[on].answer(number, *arguments, arch=ARCH[on] if arch is None else arch) == expected


@ON
def test_numbers_are_those_of_the_installed_headers(on):
    """Headers before 6.11 name aarch64's numbers in the generic file alone, some of them as __NR3264_."""
    candidates = [Path("/usr/include", f"{on}-linux-gnu", "asm", "unistd_64.h")]
    candidates += [Path("/usr/include/asm-generic/unistd.h")] if on == "aarch64" else []
    header = next((path for path in candidates if path.exists()), None)
    if header is None:
        pytest.skip(f"the Linux headers for {on} are not installed")
    defined = re.finditer(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", header.read_text(), re.MULTILINE)
    found = {match[1]: int(match[2]) for match in defined}

    shared = found.keys() & MACHINES[on].numbers.keys()
    assert len(shared) > 295
    assert {name: found[name] for name in shared} == {name: MACHINES[on].numbers[name] for name in shared}


@ON
def test_numbers_are_unique_and_ordered(on):
    numbers = list(MACHINES[on].numbers.values())

    assert numbers == sorted(set(numbers))


def test_documentation_names_the_headers():
    page = Path(__file__).parents[3] / "docs" / "explanation" / "trust-boundary.md"

    assert f"`{TABLE_SOURCE}`" in page.read_text("utf-8")


INSTALL = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
code = bytes.fromhex(sys.argv[1])
steps = ctypes.create_string_buffer(code, len(code))
header = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(steps)))
libc.prctl(38, 1, 0, 0, 0)
if libc.prctl(22, 2, header, 0, 0) != 0:
    os._exit(2)
answers = [libc.syscall(int(number), 0, 0, 0, 0, 0, 0) for number in sys.argv[2:]]
os._exit(0 if answers == [-1] * len(answers) and ctypes.get_errno() == 1 else 1)
"""


@pytest.mark.skipif(platform.machine() not in MACHINES, reason="no filter for this processor")
@ON
def test_linux_takes_the_program_and_kills_only_what_is_foreign(on):
    """The interpreter is ours; this asks the real one whether it reads the same bytes in the same way."""
    numbers = MACHINES[on].numbers
    asked = [str(numbers[name]) for name in ("clone3", "inotify_init1", "keyctl")]

    ended = subprocess.run([sys.executable, "-I", "-c", INSTALL, build(MACHINES[on]).hex(), *asked], check=False)

    assert ended.returncode == (0 if on == platform.machine() else -signal.SIGSYS)
