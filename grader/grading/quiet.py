"""What cells show that is no answer and differs from run to run: timings, addresses, progress bars, downloads."""

import re
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from grader.domain.execution import Evidence, Output


class Noise(StrEnum):
    """Kinds of noise that an author may name."""

    TIMINGS = "timings"
    """Every duration, such as `12.3 ms`, wherever it stands."""
    ADDRESSES = "addresses"
    """Memory addresses, also without the `<... object at ...>` around them."""
    PROGRESS = "progress"
    """Lines that count steps, such as `Epoch 3/10`, `45/100` or `50%`."""
    WARNINGS = "warnings"
    """Lines of Python's warnings that were printed."""


_TIME = r"[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?[ ]?"
_UNIT = r"(?:ns|[µμu]s|ms|sec(?:onds?)?|s|min(?:utes?)?|h(?:ours?)?|秒|ミリ秒|マイクロ秒|分)"
_ALWAYS = re.compile(
    r"""
    ^[ \t]*(?:CPU[ ]times|Wall[ ]time|CPU[ ]time|Compiler[ ]*):.*$        # %time
  | ^.*\b(?:per[ ]loop|loops?[ ]each|slowest[ ]run[ ]took)\b.*$           # %timeit
  | ^[^\n]{0,200}?[0-9]{1,3}%\|[^|\n]{0,400}\|[^\n]{0,200}$       # a bar of tqdm
  | ^[^\n]{0,200}?[0-9]+it[ ]\[[0-9:]+,[^\]\n]{0,60}\]?$              # tqdm without a total
  | ^[^\n]{0,200}?\[[=>.\-#]{10,}\][^\n]{0,200}$                    # a bar of Keras
  | ^[ \t]*(?:Downloading[ ]\S*://|Extracting[ ]\S+[ ]to[ ]
        |Using[ ]downloaded[ ]and[ ]verified|Files[ ]already[ ]downloaded).*$
    """,
    re.VERBOSE | re.MULTILINE,
)
_NAMED = {
    Noise.TIMINGS: re.compile(rf"(?<![\w.]){_TIME}{_UNIT}(?![\w])(?:[ ]?(?:±|\+-|\+/-)[ ]?{_TIME}{_UNIT}(?![\w]))?"),
    Noise.ADDRESSES: re.compile(r"\b0x[0-9a-fA-F]{4,16}\b"),
    Noise.PROGRESS: re.compile(
        r"^[ \t]*(?:(?:epoch|step|iter(?:ation)?|batch|エポック|ステップ)[ \t:=#]*\[?[0-9]+(?:[ ]?/[ ]?[0-9]+)?\]?"
        r"|[0-9]+[ ]?/[ ]?[0-9]+|[0-9]+(?:\.[0-9]+)?[ ]?%).*$",
        re.MULTILINE | re.IGNORECASE,
    ),
    Noise.WARNINGS: re.compile(r"^.*\b\w*Warning:.*(?:\n[ \t]+\S.*)?$", re.MULTILINE),
}


_MAX_LINE = 200
_MAX_UNBOUNDED = 2
_QUANTIFIED_GROUP = re.compile(r"(?<!\\)\)(?:[*+{]|\?[*+])")
_UNBOUNDED = re.compile(r"(?<!\\)(?:[*+]|\{\d*,\})")


def check_expression(text: str) -> str | None:
    """Why a regular expression of an author's is not taken; None where it is.

    Students decide what it runs on, so it must not be one that takes long on any text: no repeated groups, no
    references, at most two `*` or `+`; and longer lines are left as they are.
    """
    try:
        compiled = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    if compiled.match("") is not None:
        return "it matches everything"
    if _QUANTIFIED_GROUP.search(text) or "(?P=" in text or re.search(r"\\[1-9]", text):
        return "repeated groups and references take too long"
    return "more than two of * and + take too long" if len(_UNBOUNDED.findall(text)) > _MAX_UNBOUNDED else None


def without_any_noise(text: str) -> str:
    """A text without everything that may differ from run to run."""
    return _clean(text, named=[_ALWAYS, *_NAMED.values()], own=())


def without_noise(evidence: Evidence, *, ignored: Sequence[str] = ()) -> Evidence:
    """The evidence with quiet outputs.

    Left out always: what `%time` and `%timeit` say, progress bars, lines that were written over, and downloads.

    Args:
        evidence: a question's.
        ignored: kinds of noise, or regular expressions that check_expression took, that are left out as well.
    """
    named = [_ALWAYS, *(_NAMED[noise] for noise in Noise if noise in ignored)]
    own = [re.compile(one) for one in ignored if one not in set(Noise)]

    def quiet(outputs: Sequence[Output]) -> tuple[Output, ...]:
        return tuple(replace(output, text=_clean(output.text, named=named, own=own)) for output in outputs)

    runs = tuple(replace(run, outputs=quiet(run.outputs)) for run in evidence.cell_runs)
    return replace(evidence, outputs=quiet(evidence.outputs), cell_runs=runs)


def _clean(text: str, *, named: Sequence[re.Pattern[str]], own: Sequence[re.Pattern[str]]) -> str:
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    for pattern in named:
        text = pattern.sub("", text)
    if own:
        lines = text.split("\n")
        for pattern in own:
            lines = [pattern.sub("", line) if len(line) <= _MAX_LINE else line for line in lines]
        text = "\n".join(lines)
    return text
