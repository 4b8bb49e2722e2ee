"""Hypothesis strategies for every value that the wire carries, and exact comparison (NaN payloads, -0.0)."""

import dataclasses
import math
import struct

from hypothesis import strategies as st

from grader.domain.values import (
    ArrayValue,
    CallReply,
    CallsReply,
    MappingValue,
    ModuleReply,
    NamesReply,
    OpaqueValue,
    ParameterShape,
    ScalarValue,
    SequenceValue,
    Value,
)
from grader.sandbox import wire

NUMPY_DTYPES = [name for name in wire.DTYPE_BYTES if not name.startswith(("float8", "bfloat"))]


def exact(value: object) -> object:
    """Nested tuples that are equal only for values equal bit by bit."""
    if dataclasses.is_dataclass(value):
        fields = ((field.name, exact(getattr(value, field.name))) for field in dataclasses.fields(value))
        return (type(value).__name__, *fields)
    if isinstance(value, dict):
        return tuple((key, exact(item)) for key, item in value.items())
    if isinstance(value, tuple):
        return tuple(exact(item) for item in value)
    if isinstance(value, float):
        return ("float", struct.pack("<d", value))
    if isinstance(value, complex):
        return ("complex", struct.pack("<dd", value.real, value.imag))
    return (type(value).__name__, value)


def _float_of(bits: int) -> float:
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), max_size=20)
floats = st.integers(0, 2**64 - 1).map(_float_of) | st.floats()
texts = st.text(st.characters(codec="utf-8"), max_size=50)
scalars = st.one_of(
    st.just(ScalarValue(type_name="NoneType", value=None)),
    st.booleans().map(lambda value: ScalarValue(type_name="bool", value=value)),
    st.integers().map(lambda value: ScalarValue(type_name="int", value=value)),
    st.integers(0, wire.INT_MAX_BITS).map(lambda bits: ScalarValue(type_name="int", value=-(2**bits) + 1)),
    floats.map(lambda value: ScalarValue(type_name="float", value=value)),
    st.builds(lambda real, imag: ScalarValue(type_name="complex", value=complex(real, imag)), floats, floats),
    texts.map(lambda value: ScalarValue(type_name="str", value=value)),
)
shapes = st.lists(st.integers(0, 3), max_size=4).map(tuple)


@st.composite
def arrays(
    draw: st.DrawFn,
    *,
    type_names: st.SearchStrategy[str] = words,
    dtypes: tuple[str, ...] = tuple(wire.DTYPE_BYTES),
    grad: st.SearchStrategy[Value] | None = None,
) -> ArrayValue:
    dtype = draw(st.sampled_from(dtypes))
    shape = draw(shapes)
    size = math.prod(shape) * wire.DTYPE_BYTES[dtype]
    data = draw(st.binary(min_size=size, max_size=size))
    if dtype == "bool":
        data = bytes(byte & 1 for byte in data)
    if grad is None:
        return ArrayValue(type_name=draw(type_names), dtype=dtype, shape=shape, data=data)
    return ArrayValue(
        type_name=draw(type_names),
        dtype=dtype,
        shape=shape,
        data=data,
        device=draw(words),
        requires_grad=draw(st.booleans()),
        is_leaf=draw(st.booleans()),
        grad_fn=draw(st.none() | words),
        grad=draw(st.none() | grad),
        layout=draw(st.sampled_from(sorted(wire.LAYOUTS))),
    )


opaques = st.builds(
    OpaqueValue,
    type_name=words,
    reason=st.sampled_from(sorted(wire.REASONS)),
    dtype=st.none() | words,
    shape=st.none() | st.lists(st.integers(0, 2**62), max_size=5).map(tuple),
)
leaves = scalars | arrays(grad=arrays() | opaques) | opaques


def _containers(children: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    return st.one_of(
        st.builds(
            SequenceValue, type_name=st.sampled_from(["list", "tuple", "Size"]), items=st.lists(children).map(tuple)
        ),
        st.builds(MappingValue, items=st.lists(st.tuples(scalars, children), max_size=4).map(tuple)),
    )


values = st.recursive(leaves, _containers, max_leaves=12)
optionals = st.lists(st.none() | values, max_size=2).map(tuple)
calls = st.one_of(
    st.builds(
        CallReply,
        output=values,
        gradients=optionals,
        second=optionals,
        changed=st.sets(st.integers(0, 9), max_size=3).map(lambda places: tuple(sorted(places))),
        parameter_gradients=st.dictionaries(words, st.none() | values, max_size=2),
    ),
    st.builds(CallReply, error=words, error_line=st.none() | st.integers(0, 10**6)),
)
call_tuples = st.lists(calls, max_size=3).map(tuple)
parameter_shapes = st.dictionaries(
    words,
    st.builds(
        ParameterShape,
        shape=st.lists(st.integers(0, 2**40), max_size=4).map(tuple),
        dtype=words,
        requires_grad=st.booleans(),
    ),
    max_size=3,
)
replies = st.one_of(
    st.builds(NamesReply, values=st.dictionaries(words, values, max_size=3)),
    st.builds(CallsReply, name=st.none() | words, calls=call_tuples, timed_out=st.booleans()),
    st.builds(ModuleReply, name=st.none(), timed_out=st.booleans()),
    st.builds(
        ModuleReply, name=words, error=words, error_line=st.none() | st.integers(0, 10**6), timed_out=st.booleans()
    ),
    st.builds(
        ModuleReply,
        name=words,
        parameters=parameter_shapes,
        buffers=parameter_shapes,
        calls=st.dictionaries(words, call_tuples, max_size=2),
        timed_out=st.booleans(),
    ),
)

# What a kernel can build, so that a function that returns its argument gives the same value back.
buildable_leaves = st.one_of(
    scalars,
    arrays(type_names=st.just("Tensor")),
    arrays(type_names=st.sampled_from(["ndarray"]), dtypes=tuple(NUMPY_DTYPES)),
    st.lists(st.integers(0, 9), max_size=3).map(
        lambda sizes: SequenceValue(
            type_name="Size", items=tuple(ScalarValue(type_name="int", value=size) for size in sizes)
        )
    ),
)
buildable = st.recursive(
    buildable_leaves,
    lambda children: st.one_of(
        st.builds(SequenceValue, type_name=st.sampled_from(["list", "tuple"]), items=st.lists(children).map(tuple)),
        st.dictionaries(texts, children, max_size=3).map(
            lambda items: MappingValue(
                items=tuple((ScalarValue(type_name="str", value=key), item) for key, item in items.items())
            )
        ),
    ),
    max_leaves=8,
)
