"""Words for people: language tags, texts in several languages, and notes that become sentences when shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Fact: TypeAlias = "bool | int | float | str | list[Fact] | dict[str, Fact] | None"
"""A JSON value. Non-finite floats are spelled as strings ('nan', 'inf', '-inf') so that every JSON reader copes."""


class Language(StrEnum):
    JA = "ja"
    EN = "en"


@dataclass(frozen=True)
class Text:
    """One text in the languages of the product; an author's plain string stands for both."""

    ja: str
    en: str

    def in_language(self, language: Language) -> str:
        return self.ja if language is Language.JA else self.en


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something a person is told: a stable code and the facts of its sentence (feedback.catalogue writes it)."""

    code: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
