"""Prints that something of Colab's is missing, in both languages of the product."""

from pathlib import Path

_SENTENCE = (Path(__file__).parent / "unavailable.txt").read_text(encoding="utf-8")


def say_unavailable(name: str) -> None:
    print(_SENTENCE.format(name=name), end="")  # noqa: T201 - output of the student's cell
