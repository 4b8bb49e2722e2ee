"""Plays notebooks in this process: the values, outputs and replies that the sandbox would bring.

Hidden calls go through the kernel's own probe, so that a check is tried on what it will be asked to judge.
"""

import ast
import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from grader.domain.execution import CellError, CellRun, CellState, Evidence, Output
from grader.domain.probe import Probe
from grader.domain.values import (
    ArrayValue,
    MappingValue,
    OpaqueValue,
    Reply,
    ScalarValue,
    SequenceValue,
    Value,
)
from grader.sandbox import wire as probe_wire
from grader.sandbox.kernel import probe as kernel_probe


def to_wire(value: object) -> Value:
    """A Python object in the form in which the probe takes it out."""
    if isinstance(value, torch.Tensor) and (value.is_quantized or value.is_meta):
        return OpaqueValue(type_name="Tensor", reason="quantized" if value.is_quantized else "meta")
    if isinstance(value, torch.Tensor):
        return _tensor(value)
    if isinstance(value, np.ndarray | np.generic):
        kind = "ndarray" if isinstance(value, np.ndarray) else "numpy scalar"
        array = np.asarray(value)
        return ArrayValue(type_name=kind, dtype=array.dtype.name, shape=array.shape, data=array.tobytes())
    if isinstance(value, list | tuple):
        return SequenceValue(type_name=type(value).__name__, items=tuple(to_wire(item) for item in value))
    if isinstance(value, dict):
        return MappingValue(items=tuple((to_wire(key), to_wire(item)) for key, item in value.items()))
    if value is None or isinstance(value, bool | int | float | complex | str):
        return ScalarValue(type_name=type(value).__name__, value=value)
    return OpaqueValue(type_name=type(value).__name__, reason="type")


def _tensor(tensor: torch.Tensor) -> ArrayValue:
    plain = (tensor.to_dense() if tensor.layout is not torch.strided else tensor).detach().resolve_conj().contiguous()
    return ArrayValue(
        type_name=type(tensor).__name__,
        dtype=str(tensor.dtype).removeprefix("torch."),
        shape=tuple(tensor.shape),
        data=plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b"",
        layout=str(tensor.layout).removeprefix("torch."),
        requires_grad=tensor.requires_grad,
        is_leaf=tensor.is_leaf,
        grad_fn=type(tensor.grad_fn).__name__ if tensor.grad_fn is not None else None,
        grad=_tensor(tensor.grad) if tensor.is_leaf and tensor.grad is not None else None,
    )


@dataclass
class Played:
    """A question whose cells have run."""

    evidence: Evidence
    namespace: dict[str, Any]

    def asked(self, check: Any, inputs: Any = (), *, is_reference: bool = False) -> Evidence:
        """The evidence with the answers to a check's probes."""
        probes = check.probes(source=self.evidence.source, notebook_source=self.evidence.notebook_source, inputs=inputs)
        if is_reference:
            probes = [replace(probe, names=(*probe.names, *check.reference_names)) for probe in probes]
        return replace(self.evidence, replies={probe.key: self._answer(probe) for probe in probes})

    def _answer(self, probe: Probe) -> Reply:
        asked, buffers = probe_wire.request(probe)
        shell = SimpleNamespace(user_ns=self.namespace, display_pub=None)
        _, reply = probe_wire.read_reply(kernel_probe.answer(shell, asked, buffers))
        return reply


def play_cells(cells: Sequence[str], *, before: Sequence[str] = ("import torch",)) -> Played:
    """Run cells as a kernel would: stdout, the last expression as a result, and on after an exception."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in before:
        _run_cell(cell, namespace, index=0)
    runs = [_run_cell(cell, namespace, index=number) for number, cell in enumerate(cells, start=len(before))]
    evidence = Evidence(
        source="\n".join(cells),
        notebook_source="\n".join((*before, *cells)),
        outputs=tuple(output for run in runs for output in run.outputs),
        cell_runs=tuple(runs),
        replies={},
    )
    return Played(evidence=evidence, namespace=namespace)


def _run_cell(source: str, namespace: dict[str, Any], *, index: int) -> CellRun:
    outputs: list[Output] = []
    stdout = io.StringIO()
    error = None
    namespace["display"] = lambda value: outputs.append(Output(kind="display", text=repr(value)))
    with warnings.catch_warnings(), contextlib.redirect_stdout(stdout):
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(source)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "cell", "exec"), namespace)  # noqa: S102 - our own test notebooks
            if last is not None:
                value = eval(compile(ast.Expression(last.value), "cell", "eval"), namespace)  # noqa: S307
                if value is not None:
                    outputs.append(Output(kind="result", text=repr(value)))
        except Exception as raised:  # noqa: BLE001 - a student's cell may raise anything
            error = CellError(name=type(raised).__name__, message=str(raised))
    if stdout.getvalue():
        outputs.insert(0, Output(kind="stdout", text=stdout.getvalue()))
    state = CellState.OK if error is None else CellState.RAISED
    return CellRun(index=index, state=state, outputs=tuple(outputs), error=error)


@pytest.fixture
def play() -> Callable[..., Played]:
    return play_cells


@pytest.fixture
def wire() -> Callable[[object], Value]:
    return to_wire
