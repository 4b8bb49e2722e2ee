"""A notebook without its author's name: what people are called becomes black squares, wherever it stands as text."""

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

HIDDEN = "■■■"
_SHORTEST_PART = 2
_LETTER = re.compile(r"[a-z0-9]", re.IGNORECASE)
_NO_TEXT = ("image/", "application/pdf", "video/", "audio/")
"""Media types whose data is no text that a name could stand in."""


@dataclass(frozen=True)
class Anonymizer:
    """Hides these names: as they are written, in full width, with or without blanks, in any case."""

    names: frozenset[str]

    @classmethod
    def of(cls, names: Iterable[str | None]) -> "Anonymizer":
        """Of everything that a person is called; nothing is hidden for None and for what is too short to be a name."""
        return cls(frozenset(part for name in names if name for part in _parts(name)))

    def hide(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)

    def hide_in_notebook(self, data: bytes) -> bytes:
        """The notebook (JSON) with the names hidden in every text but in the data of pictures."""
        if self._pattern is None:
            return data
        return json.dumps(self._hide_in(json.loads(data)), ensure_ascii=False).encode("utf-8", "surrogatepass")

    def _hide_in(self, value: object) -> object:
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, list):
            return [self._hide_in(item) for item in value]
        if isinstance(value, dict):
            return {
                self.hide(key): item if key.startswith(_NO_TEXT) else self._hide_in(item) for key, item in value.items()
            }
        return value

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        if not self.names:
            return None
        # The longest first, so that a whole name is hidden as one.
        ordered = sorted(self.names, key=lambda name: (-len(name), name))
        return re.compile("|".join(_spellings(name) for name in ordered), re.IGNORECASE)


def _parts(name: str) -> set[str]:
    """The name without its blanks, each of its words, and what stands before the @ of an address."""
    words = unicodedata.normalize("NFKC", name).split()
    parts = {"".join(words), *words, *(word.partition("@")[0] for word in words)}
    return {part for part in parts if len(part) >= _SHORTEST_PART and not _is_too_common(part)}


def _is_too_common(part: str) -> bool:
    """Two Latin letters or digits stand everywhere."""
    return len(part) == _SHORTEST_PART and part.isascii()


def _spellings(name: str) -> str:
    spelled = r"[ \t　]*".join(_character(character) for character in name)
    before = r"(?<![A-Za-z0-9])" if _LETTER.match(name[0]) else ""
    after = r"(?![A-Za-z0-9])" if _LETTER.match(name[-1]) else ""
    plain = f"{before}{spelled}{after}"
    # So it stands in the address of a picture that was pasted in.
    return plain if name.isascii() else f"{plain}|{re.escape(quote(name))}"


def _character(character: str) -> str:
    """One character, in full width too."""
    code = ord(character)
    if 0x21 <= code <= 0x7E:
        return f"[{re.escape(character)}{chr(code + 0xFEE0)}]"
    return re.escape(character)
