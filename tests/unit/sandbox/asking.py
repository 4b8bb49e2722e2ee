"""Asks the probe in this process, as the host would: request out, reply back over the wire."""

from types import SimpleNamespace

import torch

from grader.domain.probe import CallFunction, CallModule, TakeNames
from grader.domain.values import ArrayValue, CallReply, CallsReply, NamesReply, Reply, Value
from grader.sandbox import wire
from grader.sandbox.kernel import probe

PLAIN = "import torch\n"


def student(source: str) -> SimpleNamespace:
    """A shell in which the student has run this."""
    namespace: dict[str, object] = {}
    exec(compile(PLAIN + source, "<cell>", "exec"), namespace)  # noqa: S102
    return SimpleNamespace(user_ns=namespace)


def holding(**values: object) -> SimpleNamespace:
    return SimpleNamespace(user_ns=dict(values))


def ask(shell: SimpleNamespace, asked: TakeNames | CallFunction | CallModule) -> Reply:
    request, buffers = wire.request(asked)
    key, reply = wire.read_reply(probe.answer(shell, request, buffers))
    assert key == asked.key
    return reply


def take(shell: SimpleNamespace, *names: str) -> dict[str, Value]:
    reply = ask(shell, TakeNames(key="q1.t/names", names=names))
    assert isinstance(reply, NamesReply)
    return dict(reply.values)


def taken(value: object) -> Value:
    return take(holding(x=value), "x")["x"]


def call(
    shell: SimpleNamespace, *calls: tuple[Value, ...], names: tuple[str, ...] = ("f",), gradients: bool = True
) -> CallsReply:
    reply = ask(shell, CallFunction(key="q6.f/calls", names=names, calls=calls, gradients=gradients, seconds=10.0))
    assert isinstance(reply, CallsReply)
    return reply


def called(source: str, *calls: tuple[Value, ...], gradients: bool = True) -> CallReply:
    (only,) = call(student(source), *(calls or ((tensor(3.0),),)), gradients=gradients).calls
    return only


def tensor(data: object, dtype: torch.dtype = torch.float32) -> ArrayValue:
    made = torch.tensor(data, dtype=dtype)
    name = str(dtype).removeprefix("torch.")
    return ArrayValue(type_name="Tensor", dtype=name, shape=tuple(made.shape), data=made.numpy().tobytes())


def as_torch(value: Value | None) -> torch.Tensor:
    assert isinstance(value, ArrayValue)
    dtype = getattr(torch, value.dtype)
    flat = torch.frombuffer(bytearray(value.data), dtype=dtype) if value.data else torch.empty(0, dtype=dtype)
    return flat.reshape(value.shape)


def elements(value: Value | None) -> object:
    return as_torch(value).tolist()
