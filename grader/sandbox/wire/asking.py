"""Probes as requests that a kernel can answer."""

from collections.abc import Iterable, Sequence

from grader.domain.probe import (
    PRINTED,
    SHIFTED,
    CallFunction,
    CallModule,
    Probe,
    ReplayBent,
    ReplayShifted,
    TakeNames,
)
from grader.domain.values import Value
from grader.sandbox.wire.limits import (
    DEPTH_MAX,
    ELEMENTS_MAX,
    FRAME_MAX_BYTES,
    HEADER_MAX_BYTES,
    INT_MAX_BITS,
    NAME_MAX_CHARS,
    NAMES_SECONDS,
    NDIM_MAX,
    NODES_MAX,
    TEXT_MAX_CHARS,
    Json,
)
from grader.sandbox.wire.writing import Writer


def request(probe: Probe) -> tuple[dict[str, object], list[bytes]]:
    """Give what `sandbox/kernel/probe.answer` needs for one probe: a JSON object and the hidden inputs' raw bytes.

    Raises:
        ValueError: a name or a hidden input cannot be had in a kernel (opaque, or beyond the wire's limits).
    """
    if any(len(name) > NAME_MAX_CHARS for name in probe.names):
        raise ValueError("a name is too long for the wire")
    writer = Writer(is_request=True)
    asked: dict[str, object] = {"key": probe.key, "names": list(probe.names)}
    match probe:
        case TakeNames():
            asked |= {"is": "names", "seconds": NAMES_SECONDS}
        case CallFunction():
            asked |= {
                "is": "calls",
                "calls": _nodes(probe.calls, writer),
                "gradients": probe.gradients,
                "second": probe.second,
                "call_s": probe.call_s,
                "seconds": probe.seconds,
            }
        case CallModule():
            asked |= {
                "is": "module",
                "arguments": None if probe.arguments is None else _nodes([probe.arguments], writer)[0],
                "weights_seed": probe.weights_seed,
                "weights": probe.weights,
                "calls": _nodes(probe.calls, writer),
                "gradients": probe.gradients,
                "modes": list(probe.modes),
                "seconds": probe.seconds,
            }
        case ReplayBent():
            asked |= {
                "is": "replay",
                "printed": PRINTED,
                "source": probe.source,
                "functions": list(probe.functions),
                "square": probe.square,
                "slope": probe.slope,
                "seconds": probe.seconds,
            }
        case ReplayShifted():
            asked |= {
                "is": "shift",
                "printed": PRINTED,
                "moved": SHIFTED,
                "source": probe.source,
                "shifted": list(probe.shifted),
                "seed": probe.seed,
                "scale": probe.scale,
                "seconds": probe.seconds,
            }
    asked["limits"] = {
        # What is left of the header frames the values.
        "header_bytes": HEADER_MAX_BYTES - 64 * 1024,
        "body_bytes": FRAME_MAX_BYTES - HEADER_MAX_BYTES,
        "nodes": NODES_MAX - _top_nodes(probe),
        # What is too deep is still described, one level further down.
        "depth": DEPTH_MAX - 1,
        "text_chars": TEXT_MAX_CHARS,
        "int_bits": INT_MAX_BITS,
        "ndim": NDIM_MAX,
        "elements": ELEMENTS_MAX,
    }
    return asked, writer.buffers


def _nodes(calls: Iterable[Sequence[Value]], writer: Writer) -> list[list[Json]]:
    return [[writer.node(argument) for argument in call] for call in calls]


def _top_nodes(probe: Probe) -> int:
    """How many nodes of the reply are no part of any value: these the kernel need not count."""
    match probe:
        case CallFunction():
            return sum(_call_nodes(call) for call in probe.calls)
        case CallModule():
            return len(probe.modes) * sum(_call_nodes(call) for call in probe.calls)
        case _:
            return len(probe.names)


def _call_nodes(call: Sequence[Value]) -> int:
    """The call, its output, and for each argument a derivative, a second one and a place where it was changed."""
    return 2 + 3 * len(call)
