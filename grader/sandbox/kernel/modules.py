"""Puts a student's nn.Module under hidden weights and calls it on hidden inputs."""

import builtins
import copy
import itertools
import math
import random
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType
from typing import Any

import numpy
import torch

from .arguments import InputBuilder, as_copies, as_leaves, as_plain, changed_places, split_inputs
from .copies import DIED, DONE, OUT_OF_TIME, can_copy, work_in_copy
from .deadline import Deadline, Expired
from .derivatives import described_error, differentiable_parts, gradients_of, raised, told_error
from .live_values import Describer, class_name, opaque, printable, returned, to_json
from .pieces import Piece, module_frame

# A student may replace builtins; what this module defines looks them up in a copy made before.
globals()["__builtins__"] = dict(vars(builtins))

# Bound before any student code, so that later changes to these modules do not reach this one.
_Module = torch.nn.Module
_named_parameters, _named_buffers = _Module.named_parameters, _Module.named_buffers
_Uninitialized: Any = vars(torch.nn.parameter)["UninitializedTensorMixin"]
_TensorBase: Any = torch._C.TensorBase
_shape, _dtype = _TensorBase.shape.__get__, _TensorBase.dtype.__get__
_requires_grad = _TensorBase.requires_grad.__get__
_detach, _clone, _copy_, _mul = _TensorBase.detach, _TensorBase.clone, _TensorBase.copy_, _TensorBase.mul
_to, _numel, _element_size = _TensorBase.to, _TensorBase.numel, _TensorBase.element_size
_is_floating, _is_complex = _TensorBase.is_floating_point, _TensorBase.is_complex
_from_numpy, _no_grad = torch.from_numpy, torch.no_grad
_NoTorchFunction: Any = torch._C.DisableTorchFunction
_deepcopy = copy.deepcopy
_islice = itertools.islice
_crc32 = zlib.crc32
_Philox, _NumbersFrom, _asarray = numpy.random.Philox, numpy.random.Generator, numpy.asarray
_SEEDERS: tuple[Callable[[int], object], ...] = (
    random.seed,
    numpy.random.seed,
    torch.default_generator.manual_seed,
)
_callable = callable
_mro: Any = type.__dict__["__mro__"].__get__
_members: Any = type.__dict__["__dict__"].__get__

NOTHING_KNOWN = to_json({"error": None, "line": None, "parameters": [], "buffers": []})

_CALL_SEED = 20_240
"""Of every call's random numbers: dropout then drops the same elements wherever the same ones are drawn."""
_LOSS_SEED = 41
_TENSORS_MAX = 2_000
"""Parameters, and likewise buffers, that are looked at."""
_COPIED_MAX_BYTES = 128 * 1024**2
"""A module with more parameters than this is described and not called: each call takes a copy and gradients."""


class Modules:
    """One module of the student's and the hidden calls of it."""

    def __init__(self, request: dict[str, Any], buffers: list[bytes], describer: Describer, deadline: Deadline) -> None:
        self._request = request
        self._arguments, *self._inputs = split_inputs([request["arguments"] or [], *request["calls"]], buffers)
        self._describer = describer
        self._deadline = deadline

    def answer(self, namespace: dict[str, Any]) -> bytes:
        name = self._candidate(namespace)
        if name is None:
            return module_frame(self._request["key"], None, NOTHING_KNOWN, [], timed_out=False)
        pieces, ending = self._pieces(dict.__getitem__(namespace, name))
        if not pieces:
            made = NOTHING_KNOWN if ending == OUT_OF_TIME else _failed("ProcessDied")
            return module_frame(self._request["key"], name, made, [], timed_out=ending == OUT_OF_TIME)
        (made, _), *calls = pieces
        if ending == DIED:
            calls.append((to_json(raised("ProcessDied")), b""))
        modes = self._by_mode(calls)
        return module_frame(self._request["key"], name, made, modes, timed_out=ending == OUT_OF_TIME)

    def _by_mode(self, calls: list[Piece]) -> list[tuple[str, list[Piece]]]:
        count = len(self._inputs)
        modes = enumerate(self._request["modes"])
        return [(mode, calls[place * count : (place + 1) * count]) for place, mode in modes] if calls else []

    def _candidate(self, namespace: dict[str, Any]) -> str | None:
        names = [name for name in self._request["names"] if dict.__contains__(namespace, name)]
        fits = _can_construct if self._request["arguments"] is not None else is_module
        fitting = [name for name in names if fits(dict.__getitem__(namespace, name))]
        return next(iter((*fitting, *names)), None)

    def _pieces(self, candidate: Any) -> tuple[list[Piece], str]:  # noqa: ANN401
        """What is known of the module, then its calls, and how that ended."""
        if can_copy():
            try:
                return work_in_copy(partial(self._run, candidate, may_change=True), self._deadline)
            except BlockingIOError:
                pass  # the student's limit of processes is used up
        pieces: list[Piece] = []
        try:
            self._deadline.run(partial(self._run, candidate, pieces.append, may_change=False))
        except Expired:
            return pieces, OUT_OF_TIME
        return pieces, DONE

    def _run(self, candidate: Any, take: Callable[[Piece], None], *, may_change: bool) -> None:  # noqa: ANN401
        try:
            module = self._make(candidate, may_change=may_change)
            if not is_module(module):
                take((_failed("NotAModule"), b""))
                return
            self._prepare(module)
            take((self._describer.module_text(_parameters(module), _buffers(module)), b""))
        except Expired:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a constructor raises is the answer
            take((_failed(*told_error(error, _own_code(candidate, "__init__"))), b""))
            return
        original = _Original(module, may_change=may_change)
        for mode in self._request["modes"]:
            for inputs in self._inputs:
                take(self._one_call(original, inputs, mode=mode))

    def _make(self, candidate: Any, *, may_change: bool) -> Any:  # noqa: ANN401
        """Give the module, or something else where the candidate leads to none."""
        if self._request["arguments"] is None:
            return candidate if may_change or not is_module(candidate) else _deepcopy(candidate)
        if not _can_construct(candidate):
            return None
        _seed_generators()
        return candidate(*self._arguments.build())

    def _prepare(self, module: Any) -> None:  # noqa: ANN401
        """Give the module its hidden weights; parameters that wait for a first input get one."""
        waits = any(kind is _Uninitialized for _, one in _parameters(module) for kind in _mro(type(one)))
        if waits and self._inputs:
            with _no_grad():
                module(*self._inputs[0].build())
        seed = self._request["weights_seed"]
        if seed is not None and not _is_large(module):
            fill_weights(module, seed=seed, weights=self._request["weights"])

    def _one_call(self, original: "_Original", inputs: InputBuilder, *, mode: str) -> Piece:
        if original.is_large:
            return to_json(returned(opaque(class_name(original.module), "too_large"), [])), b""
        errors: list[BaseException] = []
        for prepare in (as_leaves, as_copies, as_plain) if self._request["gradients"] else (as_plain,):
            try:
                return self._call(original, inputs, mode=mode, prepare=prepare)
            except Expired:
                raise
            except BaseException as error:  # noqa: BLE001 - whatever it raises is the answer
                errors.append(error)
                if type(error) is not RuntimeError:
                    break
        return to_json(described_error(errors[0], _own_code(type(original.module), "forward"))), b""

    def _call(
        self, original: "_Original", inputs: InputBuilder, *, mode: str, prepare: Callable[[list[Any]], list[Any]]
    ) -> Piece:
        module = original.fresh()
        arguments = inputs.build()
        leaves = prepare(arguments)
        passed = list(arguments)
        module.train(mode != "eval")
        _seed_generators()
        output = module(*arguments)
        if not self._request["gradients"]:
            return self._describer.call_piece(output, [], changed=changed_places(inputs.build(), passed))
        parameters = _parameters(module)
        with _NoTorchFunction():
            trained = [one if _requires_grad(one) else None for _, one in parameters]
            roots = _weighted(differentiable_parts(output))
        gradients = gradients_of(roots, [*leaves, *trained])
        by_name = zip((name for name, _ in parameters), gradients[len(leaves) :], strict=True)
        return self._describer.call_piece(
            output,
            gradients[: len(leaves)],
            changed=changed_places(inputs.build(), passed),
            parameters=list(by_name),
        )


class _Original:
    """The module as every call finds it."""

    def __init__(self, module: Any, *, may_change: bool) -> None:  # noqa: ANN401
        self.module = module
        self.is_large = _is_large(module)
        self._may_change = may_change
        self._kept: list[tuple[Any, Any]] | None = None

    def fresh(self) -> Any:  # noqa: ANN401
        """A deep copy; where none can be made (it keeps an output, a file), itself with its numbers put back."""
        if self._kept is None:
            try:
                module = _deepcopy(self.module)
            except Expired:
                raise
            except BaseException:
                if not self._may_change:
                    raise
            else:
                if is_module(module):
                    return module
        with _NoTorchFunction():
            tensors = [one for _, one in (*_parameters(self.module), *_buffers(self.module))]
            if self._kept is None:
                self._kept = [(one, _clone(_detach(one))) for one in tensors]
            for tensor, numbers in self._kept:
                _copy_(_detach(tensor), numbers)
        return self.module


def fill_weights(module: Any, *, seed: int, weights: str) -> None:  # noqa: ANN401 - an nn.Module
    """Fill floating parameters and buffers with numbers that depend on seed, kind, shape and `weights` alone.

    They are normal, divided by the square root of all sizes but the first, so that a layer's outputs are about as large
    as its inputs. A buffer named after a variance gets positive ones.
    """
    before: dict[tuple[str, tuple[int, ...]], int] = {}
    for kind, tensors in (("parameter", _parameters(module)), ("buffer", _buffers(module))):
        for name, tensor in tensors:
            with _NoTorchFunction():
                if not (_is_floating(tensor) or _is_complex(tensor)):
                    continue
                shape = tuple(int(size) for size in _shape(tensor))
                place = before.get((kind, shape), 0)
                before[kind, shape] = place + 1
                told_apart = {"ordered": str(place), "named": name}.get(weights, "")
                try:
                    numbers = _numbers(seed, f"{kind} {shape} {told_apart}", shape)
                    numbers /= math.sqrt(math.prod(shape[1:]) or 1)
                    if kind == "buffer" and "var" in name.rpartition(".")[2]:
                        numbers = abs(numbers) + 0.5
                    _copy_(_detach(tensor), _from_numpy(numbers))
                except (RuntimeError, ValueError):
                    continue  # elements that share memory, more dimensions than NumPy has: they stay as they are


def _numbers(seed: int, purpose: str, shape: tuple[int, ...]) -> Any:  # noqa: ANN401
    """Normal numbers that depend on these three alone, in whichever version of torch."""
    key = (seed % 2**64, _crc32(purpose.encode()))
    return _asarray(_NumbersFrom(_Philox(key=key)).standard_normal(shape))


def _weighted(outputs: list[Any]) -> list[Any]:
    """Multiply each output by fixed numbers: the plain sum of a softmax would not depend on anything."""
    roots = []
    for place, output in enumerate(outputs):
        shape = tuple(int(size) for size in _shape(output))
        roots.append(_mul(output, _to(_from_numpy(_numbers(_LOSS_SEED, f"output {place}", shape)), _dtype(output))))
    return roots


def _seed_generators() -> None:
    for seed in _SEEDERS:
        seed(_CALL_SEED)


def _parameters(module: Any) -> list[tuple[str, Any]]:  # noqa: ANN401
    return _named(_named_parameters(module))


def _buffers(module: Any) -> list[tuple[str, Any]]:  # noqa: ANN401
    return _named(_named_buffers(module))


def _named(tensors: Iterator[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """By names that can travel; of two that then are the same, the later one."""
    return list({printable(name): tensor for name, tensor in _islice(tensors, _TENSORS_MAX)}.items())


def _is_large(module: Any) -> bool:  # noqa: ANN401
    with _NoTorchFunction():
        tensors = [one for _, one in (*_parameters(module), *_buffers(module))]
        ready = [one for one in tensors if not any(kind is _Uninitialized for kind in _mro(type(one)))]
        return sum(int(_numel(one) * _element_size(one)) for one in ready) > _COPIED_MAX_BYTES


def _failed(error: str, line: int | None = None) -> bytes:
    """Header text that says why there is no module."""
    return to_json({"error": error, "line": line, "parameters": [], "buffers": []})


def _can_construct(candidate: object) -> bool:
    return _callable(candidate) and not is_module(candidate)


def is_module(value: object) -> bool:
    return any(kind is _Module for kind in _mro(type(value)))


def _own_code(kind: Any, method: str) -> object:  # noqa: ANN401
    """The student's own method of a class; the class itself where it is none, or torch's."""
    if not isinstance(kind, type):
        return kind
    for one in _mro(kind):
        function = _members(one).get(method)
        if type(function) is FunctionType:
            home = function.__module__
            return None if type(home) is str and home.startswith("torch.") else function
    return None
