"""Classic BPF as Linux runs it for seccomp: what may be in a program, and what a program answers."""

import struct
from collections.abc import Sequence

MAX_STEPS = 4096
_LOAD_WORD, _JUMP, _RETURN = 0x20, 0x05, 0x06
_TESTS = {
    0x15: lambda accumulator, operand: accumulator == operand,
    0x25: lambda accumulator, operand: accumulator > operand,
    0x35: lambda accumulator, operand: accumulator >= operand,
    0x45: lambda accumulator, operand: accumulator & operand != 0,
}
DATA = struct.Struct("=iIQ6Q")
"""struct seccomp_data: number, architecture, instruction pointer, six arguments."""


class Program:
    """A program that Linux would take: it only jumps forward, reads within the data and ends with an answer."""

    def __init__(self, code: bytes) -> None:
        self._steps: Sequence[tuple[int, int, int, int]] = list(struct.iter_unpack("=HBBI", code))
        assert 0 < len(self._steps) <= MAX_STEPS
        assert self._steps[-1][0] == _RETURN
        for position, (kind, yes, no, operand) in enumerate(self._steps):
            assert kind in (_LOAD_WORD, _JUMP, _RETURN, *_TESTS), kind
            if kind == _LOAD_WORD:
                assert operand % 4 == 0
                assert operand < DATA.size
            if kind in _TESTS:
                assert position + 1 + max(yes, no) < len(self._steps)
            if kind == _JUMP:
                assert position + 1 + operand < len(self._steps)

    def answer(self, number: int, *arguments: int, arch: int) -> int:
        """Give what the program returns for a call; numbers and arguments are cut to their size as by the processor."""
        padded = [argument % 2**64 for argument in (*arguments, *[0] * (6 - len(arguments)))]
        signed = (number + 2**31) % 2**32 - 2**31
        data = DATA.pack(signed, arch, 0x7F00_0000_1000, *padded)
        position = accumulator = 0
        while True:
            kind, yes, no, operand = self._steps[position]
            position += 1
            if kind == _RETURN:
                return operand
            if kind == _LOAD_WORD:
                accumulator = struct.unpack_from("=I", data, operand)[0]
            elif kind == _JUMP:
                position += operand
            else:
                position += yes if _TESTS[kind](accumulator, operand) else no
