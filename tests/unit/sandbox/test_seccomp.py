"""The filter, run by a small interpreter of its own language."""

import re
import struct
from pathlib import Path

import pytest

from grader.sandbox.kernel.seccomp import ABSENT, MACHINES, NEWEST_KNOWN, REFUSED, X86_64, build

ALLOWED, KILLED = 0x7FFF0000, 0x80000000
EPERM, ENOSYS, EAFNOSUPPORT = 0x50001, 0x50026, 0x50061
NATIVE = 0xC000003E
PROGRAM = build(MACHINES["x86_64"])
HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


def answer(number, first=0, second=0, *, arch=NATIVE):
    """What the kernel would do with this call. The data is struct seccomp_data."""
    data = struct.pack("iIQ6Q", number, arch, 0, first, second, 0, 0, 0, 0)
    steps = list(struct.iter_unpack("HBBI", PROGRAM))
    position = accumulator = 0
    while True:
        code, yes, no, operand = steps[position]
        position += 1
        if code == 0x20:
            accumulator = struct.unpack_from("I", data, operand)[0]
        elif code == 0x06:
            return operand
        else:
            holds = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}
            position += yes if holds[code] else no


@pytest.mark.parametrize("name", REFUSED)
def test_refused_calls_fail_with_eperm(name):
    assert answer(X86_64[name]) == EPERM


@pytest.mark.parametrize("name", ABSENT)
def test_absent_calls_do_not_exist(name):
    assert answer(X86_64[name]) == ENOSYS


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        pytest.param(0, ALLOWED, id="read"),
        pytest.param(59, ALLOWED, id="execve"),
        pytest.param(NEWEST_KNOWN, ALLOWED, id="newest that is known"),
        pytest.param(NEWEST_KNOWN + 1, ENOSYS, id="newer"),
        pytest.param(0x40000000 + 39, ENOSYS, id="x32"),
    ],
)
def test_ceiling(number, expected):
    assert answer(number) == expected


def test_other_architectures_are_killed():
    assert answer(0, arch=0x40000003) == KILLED


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param(0x003D0F00, ALLOWED, id="thread"),
        pytest.param(0x01200011, ALLOWED, id="fork"),
        *(pytest.param(1 << bit | 17, EPERM, id=f"namespace flag {bit}") for bit in (17, 25, 26, 27, 28, 29, 30)),
    ],
)
def test_clone_makes_threads_and_forks_but_no_namespaces(flags, expected):
    assert answer(X86_64["clone"], flags) == expected


def test_sockets_are_local_only():
    assert answer(X86_64["socket"], 1) == ALLOWED
    for family in (0, 2, 10, 16, 17, 38, 40):
        assert answer(X86_64["socket"], family) == EAFNOSUPPORT


def test_terminals_cannot_be_typed_into():
    assert answer(X86_64["ioctl"], 0, 0x5412) == EPERM
    assert answer(X86_64["ioctl"], 0, 0x541C) == EPERM
    assert answer(X86_64["ioctl"], 0, 0x5401) == ALLOWED


def test_every_name_has_its_number():
    assert set(REFUSED) | set(ABSENT) | {"clone", "socket", "ioctl"} == set(X86_64)
    assert len(set(X86_64.values())) == len(X86_64)


@pytest.mark.skipif(not HEADER.exists(), reason="the Linux headers are not installed")
def test_numbers_are_those_of_the_kernel_headers():
    numbers = {m[1]: int(m[2]) for m in re.finditer(r"#define __NR_(\w+)\s+(\d+)", HEADER.read_text())}

    assert {name: numbers.get(name) for name in X86_64} == X86_64
