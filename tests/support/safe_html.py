"""What HTML made from a notebook may hold, whatever is in the notebook: read by an HTML parser, not by its writer."""

import re
from html.parser import HTMLParser

VOID = {"br", "hr", "img", "col"}
_TEXT = """
a b blockquote code dd del details div dl dt em h3 h4 h5 h6 i ins kbd li mark ol p pre q s samp small span strong sub
summary sup u ul var
"""
_TABLE = "caption colgroup table tbody td tfoot th thead tr"
_OURS = """
nb-cell nb-cell-code nb-cell-markdown nb-cell-raw nb-number nb-code nb-text nb-stdout nb-stderr nb-outputs nb-output
nb-error nb-long nb-note nb-active nb-image nb-table nb-markdown nb-right nb-center math math-block
"""
TAGS = {*_TEXT.split(), *_TABLE.split(), *VOID}
OURS = set(_OURS.split())
CLASS = re.compile(r"hl-[a-z0-9]+|ansi-(bold|dim|italic|underline|inverse|[fb]g-(1[0-5]|[0-9]))")
VALUES = {
    "id": r"cell-\d+(-line-\d+|-output-\d+)?",
    "data-frame": r"cell-\d+-output-\d+",
    "href": r"#cell-\d+|https?://[^\s]+|mailto:[^\s]+",
    "rel": r"nofollow noopener noreferrer",
    "src": r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/]+=*",
    "role": r"group",
    "loading": r"lazy",
    "tabindex": r"0",
    "start|width|height|colspan|rowspan": r"\d{1,9}",
    "alt": r"(?s:.*)",
    "aria-label": r"[^<>]*",
}
PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for names, pattern in VALUES.items() for name in names.split("|")}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag not in TAGS:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            self._look_at(name, value or "")

    def _look_at(self, name: str, value: str) -> None:
        if name == "class":
            self.wrong += [word for word in value.split() if word not in OURS and not CLASS.fullmatch(word)]
        elif name not in PATTERNS or not PATTERNS[name].fullmatch(value):
            self.wrong.append(f"{name}={value[:80]}")
        if name == "id":
            self.ids.append(value)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes another")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"<!--{data[:40]}")

    def handle_decl(self, decl: str) -> None:
        self.wrong.append(f"<!{decl[:40]}")

    def handle_pi(self, data: str) -> None:
        self.wrong.append(f"<?{data[:40]}")

    def unknown_decl(self, data: str) -> None:
        self.wrong.append(f"<![{data[:40]}")


def read_page(html: str) -> _Reader:
    """The tags, ids and text of a piece of a page."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


def find_unsafe(html: str) -> list[str]:
    """What is in the HTML that must not be there: empty where all is well."""
    html.encode()
    reader = read_page(html)
    twice = [name for name in set(reader.ids) if reader.ids.count(name) > 1] if len(reader.ids) < 2_000 else []
    return (
        reader.wrong + [f"<{tag}> is left open" for tag in reader.open] + [f"id {name} stands twice" for name in twice]
    )
