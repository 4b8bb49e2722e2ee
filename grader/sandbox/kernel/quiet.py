"""Keeps what our own code does in the student's kernel from being seen there: no output, no lasting state."""

import builtins
import random
import sys
import warnings
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any

import numpy
import torch

# A student may replace builtins; what this module defines looks them up in a copy made before.
globals()["__builtins__"] = dict(vars(builtins))

# Bound before any student code, so that later changes to these modules do not reach this one.
_RANDOM_STATES: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (random.getstate, random.setstate),
    (numpy.random.get_state, numpy.random.set_state),
    (torch.default_generator.get_state, torch.default_generator.set_state),
)
_is_grad_enabled, _set_grad_enabled = torch.is_grad_enabled, torch._C._set_grad_enabled
_InferenceMode: Any = torch._C._InferenceMode
_catch_warnings, _simplefilter = warnings.catch_warnings, warnings.simplefilter


class _Null:
    """Takes the place of stdout, stderr and IPython's display publisher, and swallows everything."""

    encoding = "utf-8"
    errors = "replace"

    def write(self, text: str | bytes) -> int:
        return len(text)

    def __getattr__(self, name: str) -> "_Null":
        return self

    def __call__(self, *_: object, **__: object) -> None:
        return None


class Undisturbed:
    """While it is open nothing is printed or shown; afterwards random state, grad mode and streams are as before."""

    def __init__(self, shell: Any) -> None:  # noqa: ANN401
        self._shell = shell
        self._undo: list[Callable[[], object]] = []

    def __enter__(self) -> None:
        steps = (self._keep_random_state, self._keep_grad_mode, self._keep_warnings, self._keep_streams)
        for step in steps:
            try:
                step()
            except Exception:  # noqa: BLE001, S112 - what a student has broken cannot be kept, the rest can
                continue

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        while self._undo:
            try:
                self._undo.pop()()
            except Exception:  # noqa: BLE001, S112 - see __enter__
                continue

    def _keep_random_state(self) -> None:
        for state, restore in _RANDOM_STATES:
            self._undo.append(partial(restore, state()))

    def _keep_grad_mode(self) -> None:
        inference = _InferenceMode(False)
        inference.__enter__()
        self._undo.append(lambda: inference.__exit__(None, None, None))
        was_enabled = _is_grad_enabled()
        self._undo.append(lambda: _set_grad_enabled(was_enabled))
        _set_grad_enabled(True)

    def _keep_warnings(self) -> None:
        catching = _catch_warnings()
        catching.__enter__()
        self._undo.append(lambda: catching.__exit__(None, None, None))
        _simplefilter("ignore")

    def _keep_streams(self) -> None:
        null: Any = _Null()
        stdout, stderr = sys.stdout, sys.stderr
        self._undo.append(lambda: setattr(sys, "stdout", stdout))
        self._undo.append(lambda: setattr(sys, "stderr", stderr))
        sys.stdout = sys.stderr = null
        display = getattr(self._shell, "display_pub", None)
        if display is not None:
            self._undo.append(lambda: setattr(self._shell, "display_pub", display))
            self._shell.display_pub = null
