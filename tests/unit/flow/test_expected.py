"""Expected values are kept as bytes and come back exactly; other bytes are refused, whatever they are."""

import json
import struct
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grader.domain.execution import CellError, CellRun, CellState, Evidence, Output
from grader.domain.ids import CheckId, EnvironmentHash, QuestionId, VersionHash
from grader.domain.location import Wanted
from grader.domain.values import ArrayValue, CallReply, CallsReply, NamesReply, OpaqueValue, ScalarValue
from grader.errors import BadWireBytes
from grader.flow.expected import Expected, decode_expected, encode_expected, read_prompt_outputs
from grader.sandbox import wire

from ..sandbox.wire_values import exact, replies, values

Q1, Q2 = QuestionId("q1"), QuestionId("q2")


def real(value):
    return ScalarValue(type_name="float", value=value)


def tensor(dtype, shape, data, **more):
    return ArrayValue(type_name="Tensor", dtype=dtype, shape=shape, data=data, **more)


BFLOAT16 = tensor("bfloat16", (2,), b"\x80\x3f\xc0\x7f", requires_grad=True, grad=tensor("bfloat16", (2,), b"\0" * 4))
FULL = Expected(
    version=VersionHash("a" * 64),
    environment=EnvironmentHash("e" * 64),
    wanted=(
        Wanted(question_id=Q1, number=1, names=("t", "テンソル"), prompts=("作る。", "Make it.")),
        Wanted(question_id=Q2, number=2, patterns=("t[:, -1, :]",)),
    ),
    questions={
        Q1: Evidence(
            source="t = 1\nprint(t)",
            notebook_source="import torch\nt = 1\nprint(t)",
            outputs=(Output(kind="stdout", text="問題\n"), Output(kind="display", text="", has_image=True)),
            cell_runs=(
                CellRun(index=3, state=CellState.OK, outputs=(Output(kind="result", text="1"),)),
                CellRun(
                    index=4,
                    state=CellState.RAISED,
                    error=CellError(name="ValueError", message="no", line=2),
                    missing_package="japanize_matplotlib",
                    needs_gpu=True,
                ),
                CellRun(index=5, state=CellState.RAISED, error=CellError(name="KeyError", message="'a'")),
            ),
            replies={},
            written=("なぜなら…", "Because."),
        ),
        Q2: Evidence(source="", notebook_source="", outputs=(), cell_runs=(), replies={}),
    },
    replies={
        "q1/value/0/names": NamesReply(values={"t": BFLOAT16, "s": real(float("nan"))}),
        "q2/function/0/calls": CallsReply(name="f", calls=(CallReply(output=real(-12.0), gradients=(real(0.0),)),)),
        "q2/function/1/calls": CallsReply(name=None),
        "q10/function/1/calls": CallsReply(name="f", calls=(CallReply(error="ValueError", error_line=2),)),
    },
    pools={
        "q2/function": (
            ((real(0.0),), (real(float("inf")),), (real(float("nan")), tensor("int64", (0, 3), b""))),
            ((real(-0.0),),),
        ),
        "q2/other": ((), ((),)),
    },
    prompt_outputs={Q1: {"print(t)": "tensor([[1]])\n{{2}}", "t.shape": ""}},
    overshoots={"q1/value": 0.25, "q2/function": float("inf")},
    seconds=0.125,
)


def bytes_of(expected):
    return encode_expected(expected, wire)


def with_header(data, change):
    """The same bytes with another header."""
    (length,) = struct.unpack_from("<I", data)
    header = json.dumps(change(json.loads(data[4 : 4 + length]))).encode()
    return struct.pack("<I", len(header)) + header + data[4 + length :]


def test_what_is_kept_comes_back():
    again = decode_expected(bytes_of(FULL), wire)

    assert exact(again.replies) == exact(FULL.replies)
    assert exact(again.pools) == exact(FULL.pools)
    assert replace(again, replies={}, pools={}) == replace(FULL, replies={}, pools={})


def test_an_assignment_without_values_comes_back():
    bare = Expected(version=FULL.version, environment=FULL.environment, wanted=(), questions={}, replies={})

    assert decode_expected(bytes_of(bare), wire) == bare


arguments = st.lists(values, max_size=2).map(tuple)
pools = st.dictionaries(
    st.sampled_from(["q1/function", "q2/f", "q11/f"]),
    st.lists(st.lists(arguments, max_size=2).map(tuple), min_size=1, max_size=3).map(tuple),
    max_size=2,
)
texts = st.text(max_size=20)
kept = st.dictionaries(st.sampled_from(["q1/value/0/names", "q1/function/63/calls", "q10/value/0/names"]), replies)


@settings(max_examples=60)
@given(pools, kept, st.dictionaries(texts, texts, max_size=2), texts)
def test_any_values_and_texts_come_back(pools, kept, printed, source):
    questions = {Q1: Evidence(source=source, notebook_source=source, outputs=(), cell_runs=(), replies={})}
    expected = replace(FULL, pools=pools, replies=kept, prompt_outputs={Q1: printed}, questions=questions)

    again = decode_expected(bytes_of(expected), wire)

    assert exact(dict(sorted(again.pools.items()))) == exact(dict(sorted(pools.items())))
    assert exact(dict(sorted(again.replies.items()))) == exact(dict(sorted(kept.items())))
    assert again.prompt_outputs == {Q1: printed}
    assert again.questions == questions


def test_a_lone_surrogate_in_what_the_reference_prints_comes_back():
    expected = replace(FULL, prompt_outputs={Q1: {"print(s)": "\ud800"}})

    assert decode_expected(bytes_of(expected), wire).prompt_outputs == expected.prompt_outputs


def test_a_check_sees_its_own_replies_of_its_own_draw():
    evidence = FULL.evidence(Q2, CheckId("function"), draw=1)

    assert evidence.replies == {"calls": CallsReply(name=None)}
    assert FULL.evidence(Q1, CheckId("value"), draw=0).source == FULL.questions[Q1].source
    assert FULL.evidence(Q1, CheckId("output"), draw=0).replies == {}


def test_of_equal_sets_the_answer_to_the_first_serves_all():
    one, other = ((real(1.0),),), ((real(2.0),),)
    asked = {f"q2/function/{draw}/calls": CallsReply(name=f"f{draw}") for draw in (0, 2)}
    expected = replace(FULL, pools={"q2/function": (one, one, other, one)}, replies=asked)

    found = [expected.evidence(Q2, CheckId("function"), draw=draw).replies["calls"] for draw in range(4)]

    assert [reply.name for reply in found] == ["f0", "f0", "f2", "f0"]


def test_inputs_are_those_of_the_draw_and_none_where_there_is_no_pool():
    assert FULL.inputs("q2/function", 1) == ((real(-0.0),),)
    assert FULL.inputs("q1/value", 0) == ()


def test_values_over_the_cap_are_kept_as_what_they_were(monkeypatch):
    big = tensor("uint8", (4096,), bytes(range(256)) * 16)
    expected = replace(FULL, replies={"q1/value/0/names": NamesReply(values={"t": big})})
    monkeypatch.setattr("grader.flow.expected._KEPT_BYTES", 1024)

    (kept,) = decode_expected(bytes_of(expected), wire).replies["q1/value/0/names"].values.values()

    assert isinstance(kept, OpaqueValue)
    assert (kept.dtype, kept.shape, kept.reason) == ("uint8", (4096,), "too_large")


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xff\xff\xff\xff")
@example(struct.pack("<I", 2) + b"{}")
@example(struct.pack("<I", 2) + b"[]")
@example(struct.pack("<I", 4) + b"null")
@example(struct.pack("<I", 100_000) + b"[" * 100_000)
def test_other_bytes_are_refused(data):
    with pytest.raises(BadWireBytes):
        decode_expected(data, wire)
    with pytest.raises(BadWireBytes):
        read_prompt_outputs(data)


@pytest.mark.parametrize("length", range(0, 400, 7))
def test_bytes_that_were_cut_off_are_refused(length):
    data = bytes_of(FULL)
    cut = data[: len(data) * length // 400]

    with pytest.raises(BadWireBytes):
        decode_expected(cut, wire)


@settings(max_examples=150)
@given(st.data())
def test_a_header_with_anything_else_in_a_field_gives_expected_values_or_is_refused(data):
    header = {}

    def change(found):
        place = found
        # Down to some depth, then anything at all in place of what stands there.
        for _ in range(data.draw(st.integers(1, 4))):
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = data.draw(st.sampled_from(list(keys)))
            if not isinstance(place[key], dict | list) or not place[key]:
                break
            header["parent"], header["key"], place = place, key, place[key]
        else:
            key = None
        if key is None:
            header["parent"][header["key"]] = data.draw(any_json)
        else:
            place[key] = data.draw(any_json)
        return found

    changed = with_header(bytes_of(FULL), change)

    with suppress(BadWireBytes):
        assert isinstance(decode_expected(changed, wire), Expected)
    with suppress(BadWireBytes):
        read_prompt_outputs(changed)


@pytest.mark.parametrize("field", ["format", "version", "wanted", "questions", "pools", "prompt_outputs"])
@pytest.mark.parametrize("value", [None, [], [1], "x", 1, {"a": None}], ids=repr)
def test_a_field_of_another_type_is_no_crash(field, value):
    changed = with_header(bytes_of(FULL), lambda header: header | {field: value})

    with suppress(BadWireBytes):
        decode_expected(changed, wire)


def test_prompt_outputs_are_read_without_the_values():
    data = bytes_of(FULL)
    (length,) = struct.unpack_from("<I", data)

    assert read_prompt_outputs(data[: 4 + length] + b"broken") == FULL.prompt_outputs
    assert read_prompt_outputs(data) == FULL.prompt_outputs


def test_pictures_of_the_reference_are_not_kept():
    picture = Output(kind="display", text="<Figure>", has_image=True, image=b"\x89PNG" * 1000)
    run = CellRun(index=0, state=CellState.OK, outputs=(picture,))
    evidence = replace(FULL.questions[Q1], outputs=(picture,), cell_runs=(run,))

    data = encode_expected(replace(FULL, questions={**FULL.questions, Q1: evidence}), wire)

    assert b"PNG" not in data
    kept = decode_expected(data, wire).questions[Q1]
    assert kept.outputs == kept.cell_runs[0].outputs == (replace(picture, image=b""),)


def test_the_noise_of_a_check_comes_with_its_evidence():
    function, other = CheckId("function"), CheckId("other")

    assert FULL.evidence(Q2, function, draw=1).overshoot == float("inf")
    assert FULL.evidence(Q2, other, draw=0).overshoot is None
