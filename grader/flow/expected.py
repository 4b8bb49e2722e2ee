"""What the reference gives: expected evidence and hidden inputs of one version in one environment."""

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from grader.domain.assignment import InputSet
from grader.domain.execution import CellError, CellRun, CellState, Evidence, Output
from grader.domain.ids import CheckId, EnvironmentHash, QuestionId, VersionHash
from grader.domain.location import Wanted
from grader.domain.values import NamesReply, Reply, SequenceValue, Value
from grader.errors import BadWireBytes
from grader.flow.ports import ReplyCodec

POOL_SIZE = 64
"""Sets of hidden inputs per check: two neighbours rarely get the same, and preparing them takes a moment."""

_KEPT_BYTES = 64 * 1024 * 1024
_BROKEN = (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading JSON of another form than our own can raise."""


def check_path(question_id: QuestionId, check_id: CheckId) -> str:
    """The name of a check within an assignment, as used in probe keys and draws."""
    return f"{question_id}/{check_id}"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The reference's side of every comparison."""

    version: VersionHash
    environment: EnvironmentHash
    wanted: tuple[Wanted, ...]
    """What `locate` may know of the questions."""
    questions: Mapping[QuestionId, Evidence]
    """Evidence without replies."""
    replies: Mapping[str, Reply]
    """By 'question/check/draw/key'."""
    pools: Mapping[str, tuple[InputSet, ...]] = field(default_factory=dict)
    """Hidden inputs by check path, POOL_SIZE sets each; checks without hidden inputs are absent."""
    prompt_outputs: Mapping[QuestionId, Mapping[str, str]] = field(default_factory=dict)
    """What the reference prints for each `{{expression}}` of a prompt."""
    overshoots: Mapping[str, float] = field(default_factory=dict)
    """By check path, how far the reference's own noise goes (Evidence.overshoot); absent where none was measured."""
    seconds: float = 0.0
    """What running the reference took."""

    def inputs(self, path: str, draw: int) -> InputSet:
        pool = self.pools.get(path)
        return pool[draw] if pool else ()

    def evidence(self, question_id: QuestionId, check_id: CheckId, *, draw: int) -> Evidence:
        path = check_path(question_id, check_id)
        pool = self.pools.get(path)
        if pool:
            draw = pool.index(pool[draw])  # of equal sets the reference was asked the first only
        own = self._replies_of_checks.get(f"{path}/{draw}/", {})
        return replace(self.questions[question_id], replies=own, overshoot=self.overshoots.get(path))

    @cached_property
    def _replies_of_checks(self) -> Mapping[str, Mapping[str, Reply]]:
        return sort_replies(self.replies)


def sort_replies(replies: Mapping[str, Reply]) -> Mapping[str, Mapping[str, Reply]]:
    """What each check asked, under its own keys, by the prefix 'question/check/draw/' that they have here."""
    by_check: dict[str, dict[str, Reply]] = {}
    for key, reply in replies.items():
        *prefix, own = key.split("/", 3)
        by_check.setdefault("/".join((*prefix, "")), {})[own] = reply
    return by_check


def encode_expected(expected: Expected, codec: ReplyCodec) -> bytes:
    """Bytes to keep: a JSON header with the texts, then the values in the codec's format."""
    header = {
        "format": 2,
        "version": expected.version,
        "environment": expected.environment,
        "wanted": [asdict(wanted) for wanted in expected.wanted],
        "questions": {question: _evidence_to_json(evidence) for question, evidence in expected.questions.items()},
        "pools": {path: len(pool) for path, pool in expected.pools.items()},
        "prompt_outputs": {question: dict(texts) for question, texts in expected.prompt_outputs.items()},
        "overshoots": dict(expected.overshoots),
        "seconds": expected.seconds,
    }
    values: dict[str, Reply] = {f"reply/{key}": reply for key, reply in expected.replies.items()}
    for path, pool in expected.pools.items():
        for draw, inputs in enumerate(pool):
            values[f"inputs/{path}/{draw}"] = _inputs_to_reply(inputs)
    head = json.dumps(header).encode()
    return struct.pack("<I", len(head)) + head + codec.encode(values, cap_bytes=_KEPT_BYTES)


def decode_expected(data: bytes, codec: ReplyCodec) -> Expected:
    """The inverse of encode_expected.

    Raises:
        BadWireBytes: not what encode_expected made.
    """
    try:
        header, values_at = _read_header(data)
        values = codec.decode(data[values_at:])
        pools = {
            path: tuple(_inputs_from_reply(values[f"inputs/{path}/{draw}"]) for draw in range(count))
            for path, count in header["pools"].items()
        }
        return Expected(
            version=VersionHash(header["version"]),
            environment=EnvironmentHash(header["environment"]),
            wanted=tuple(_wanted_from_json(entry) for entry in header["wanted"]),
            questions={QuestionId(q): _evidence_from_json(entry) for q, entry in header["questions"].items()},
            replies={key.removeprefix("reply/"): v for key, v in values.items() if key.startswith("reply/")},
            pools=pools,
            prompt_outputs={QuestionId(q): texts for q, texts in _prompt_outputs(header).items()},
            overshoots={str(path): float(most) for path, most in header["overshoots"].items()},
            seconds=float(header["seconds"]),
        )
    except _BROKEN as error:
        raise BadWireBytes(what="expected values") from error


def read_prompt_outputs(data: bytes) -> Mapping[str, Mapping[str, str]]:
    """Only what the reference prints for each question's prompt, without decoding any value.

    Raises:
        BadWireBytes: not what encode_expected made.
    """
    try:
        header, _ = _read_header(data)
        return _prompt_outputs(header)
    except _BROKEN as error:
        raise BadWireBytes(what="expected values") from error


def _read_header(data: bytes) -> tuple[Any, int]:
    """The header, and where the values begin; one of `_BROKEN` where there is none."""
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length]), 4 + length


def _prompt_outputs(header: Any) -> dict[str, dict[str, str]]:  # noqa: ANN401 - JSON of unknown form
    return {
        question: {expression: str(text) for expression, text in texts.items()}
        for question, texts in header["prompt_outputs"].items()
    }


def _inputs_to_reply(inputs: InputSet) -> NamesReply:
    return NamesReply(
        values={str(number): SequenceValue(type_name="tuple", items=call) for number, call in enumerate(inputs)}
    )


def _inputs_from_reply(reply: Reply) -> InputSet:
    if not isinstance(reply, NamesReply):
        raise TypeError("inputs are kept as names")
    return tuple(_items(reply.values[str(number)]) for number in range(len(reply.values)))


def _items(value: Value) -> tuple[Value, ...]:
    if not isinstance(value, SequenceValue):
        raise TypeError("arguments are kept as a tuple")
    return value.items


def _wanted_from_json(entry: dict[str, object]) -> Wanted:
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Wanted(**lists)  # type: ignore[arg-type]  # asdict of the same class; TypeError is caught by the caller


def _evidence_to_json(evidence: Evidence) -> dict[str, object]:
    return {
        "source": evidence.source,
        "notebook_source": evidence.notebook_source,
        "outputs": [_output_to_json(output) for output in evidence.outputs],
        "cell_runs": [_cell_run_to_json(run) for run in evidence.cell_runs],
        "written": list(evidence.written),
    }


def _cell_run_to_json(run: CellRun) -> dict[str, object]:
    outputs = [_output_to_json(output) for output in run.outputs]
    return {**asdict(replace(run, outputs=())), "outputs": outputs}


def _output_to_json(output: Output) -> dict[str, object]:
    """Without the picture: nothing is compared with the reference's."""
    return {"kind": output.kind, "text": output.text, "has_image": output.has_image}


def _evidence_from_json(entry: dict[str, list[dict[str, object]]]) -> Evidence:
    return Evidence(
        source=str(entry["source"]),
        notebook_source=str(entry["notebook_source"]),
        outputs=tuple(_output(output) for output in entry["outputs"]),
        cell_runs=tuple(_cell_run(run) for run in entry["cell_runs"]),
        replies={},
        written=tuple(str(text) for text in entry["written"]),
    )


def _output(entry: Mapping[str, object]) -> Output:
    return Output(kind=str(entry["kind"]), text=str(entry["text"]), has_image=bool(entry["has_image"]))


def _cell_run(entry: dict[str, object]) -> CellRun:
    error, outputs = entry["error"], entry["outputs"]
    if not isinstance(outputs, list):
        raise TypeError("outputs are a list")
    return CellRun(
        index=int(str(entry["index"])),
        state=CellState(str(entry["state"])),
        outputs=tuple(_output(output) for output in outputs),
        error=CellError(**error) if isinstance(error, dict) else None,
        missing_package=None if entry["missing_package"] is None else str(entry["missing_package"]),
        needs_gpu=bool(entry["needs_gpu"]),
    )
