"""One line of a notebook: a question's heading, a homework's heading, another section's heading, or plain text."""

import html
import re
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum

LONGEST_LINE = 400
"""Characters of a line that are looked at; a label stands at its beginning."""
NO_LEVEL = 7
"""Level of a line that is no Markdown heading, such as **問題1**: below all six levels of Markdown."""


class LabelKind(StrEnum):
    QUESTION = "question"
    """A line that names a question: 問題1, Q1."""
    NUMBERED = "numbered"
    """A bare number: 1., (1), ①. Names a question only in a consistent run of its like."""
    HOMEWORK = "homework"
    """The homework's own heading: 課題8."""
    SECTION = "section"
    """Any other Markdown heading."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """What a heading line says."""

    kind: LabelKind
    numbers: tuple[int, ...] = ()
    """Of the questions it names; 問題3・4 names two. Of a homework's heading: its own number, if it has one."""
    part: int | None = None
    """The 2 of 問題1-2: a part of question 1, or question 2 of homework 1; the notebook's other headings decide."""
    homework: int | None = None
    """The 8 of 課題8-1."""
    level: int = NO_LEVEL
    is_answer: bool = False
    """解答1, 問題1の説明: goes on with a question rather than starting it anew."""
    ends_all: bool = False
    """A section such as 感想 that ends every question whatever its level."""
    shape: str = ""
    """How a bare number is spelt; only numbers of one shape make a run."""
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Around:
    """What stands around a line, as far as it decides whether the line can be a heading."""

    starts_cell: bool = False
    starts_block: bool = True
    """The line cannot be the middle of a wrapped sentence."""
    underline: int | None = None
    """Level given by a line of === or --- below."""
    in_code: bool = False
    """The line is a comment of a code cell, its # taken off."""


_KANJI_DIGITS = {character: value for value, character in enumerate("一二三四五六七八九", start=1)}
_ROMANS = {name: n for n, name in enumerate(("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"), start=1)}
_ENGLISH = {
    name: n
    for n, name in enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), start=1)
}
_KEYCAP = "\N{COMBINING ENCLOSING KEYCAP}"
_VARIATION = "\N{VARIATION SELECTOR-16}"
_CIRCLES = {
    ord(circled): f"({n})"
    for circles in ("①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳", "❶❷❸❹❺❻❼❽❾❿", "➀➁➂➃➄➅➆➇➈➉", "⓵⓶⓷⓸⓹⓺⓻⓼⓽⓾")
    for n, circled in enumerate(circles, start=1)
}

_NUMBER = r"(?:\d{1,3}(?!\d)|[一二三四五六七八九十]{1,3})"
_NUMBER_IN_WORDS = (
    rf"(?:{_NUMBER}|(?:viii|vii|iii|iv|vi|ix|ii|i|v|x)(?![a-z])"
    r"|(?:one|two|three|four|five|six|seven|eight|nine|ten)(?![a-z]))"
)
_OPEN = r"[(\[<{【〔《〈「『≪]"
_CLOSE = r"[)\]>}】〕》〉」』≫]"
_ASKS = (
    r"演習問題|練習問題|確認問題|問題|設問|小問|問い|問|演習|練習|質問"
    r"|(?:questions?|problems?|prob|exercises?|ex|tasks?|quiz)(?![a-z])"
)
_ANSWERS = r"解答|回答|答え|解|答|(?:answers?|ans|solutions?|sol)(?![a-z])"
_BETWEEN = r"\s?[.:#\-_]?\s?(?:no\.?\s?)?[#(\[]?\s?"
_LABEL = re.compile(
    rf"(?:第\s?(?P<ordinal>{_NUMBER})\s?(?:問題|設問|問|題)(?:目)?"
    rf"|(?P<q>q){_BETWEEN}(?P<q_number>{_NUMBER})"
    rf"|(?P<asks>{_ASKS}){_BETWEEN}(?P<number>{_NUMBER_IN_WORDS})"
    rf"|(?P<answers>{_ANSWERS}){_BETWEEN}(?P<answer_number>{_NUMBER_IN_WORDS}))",
    re.IGNORECASE,
)
_PART = re.compile(r"(?:\s?[\-‐‑–ー−_]\s?(\d{1,2})|\.(\d{1,2})|\s?[(\[](\d{1,2})[)\]])(?!\d)")
_MORE_NUMBERS = re.compile(
    rf"(?:\s?(?P<to>[~〜]|から)|\s?(?:,|、|・|&|/|\+|と|および|及び|and\b))"
    rf"\s?(?:{_ASKS}|q)?\s?(?P<number>{_NUMBER})",
    re.IGNORECASE,
)
_HOMEWORK = re.compile(
    r"(?:第\s?(?P<before>\d{1,3})\s?回\s?の?)?"
    r"(?:演習|レポート|確認)?(?:課題|宿題|レポート|(?:homework|hw|assignment|report)(?![a-z]))"
    r"\s?[#.:\-_]?\s?(?:no\.?\s?)?(?:第?\s?(?P<after>\d{1,3})(?!\d)\s?回?)?",
    re.IGNORECASE,
)
_HOMEWORK_PART = re.compile(
    r"(?:\s?[\-‐‑–ー−_]\s?(\d{1,2})|\.(\d{1,2})|\s?[(\[](\d{1,2})[)\]]|\s?の\s?(\d{1,2}))(?![\d.]|\s?(?:点|問|回|points?|pts?))",
    re.IGNORECASE,
)
_TO_QUESTION = re.compile(rf"{_CLOSE}?\s?(?:[:,、・\-–_/の|]\s?)?(?={_OPEN}?\s?(?:第|q|{_ASKS}))", re.IGNORECASE)
_NUMBERED = re.compile(
    rf"(?:[(\[]\s?(?P<both>{_NUMBER})\s?[)\]]|(?P<paren>\d{{1,3}})\)|(?P<dot>\d{{1,3}})\.(?!\d)"
    r"|(?P<colon>\d{1,3})[:、]|no\.?\s?(?P<no>\d{1,3})(?!\d)|(?P<of>\d{1,3})-(?P<sub>\d{1,2})(?![\d\-/])"
    r"|(?P<bare>\d{1,3})(?![\d.])(?=\s|$))",
    re.IGNORECASE,
)
_AFTER = re.compile(
    rf"(?P<close>{_CLOSE}{{0,3}})"
    rf"(?P<separator>\s?[:.。、,;\-‐–—―~〜|/=→]{{1,10}}\s?|\s|(?={_OPEN}))?(?P<title>.{{1,{LONGEST_LINE}}})$",
    re.DOTALL,
)
_CONTINUED = (
    r"解答例?|回答|答え|解説|解法|説明|考察|結果|コード|プログラム|実装|出力|理由|手計算|計算|検算|確認|別解|補足|解"
    r"|answers?|solutions?|code|explanation|output|result|reason|hand calculation|by hand|check|verification|notes?"
)
_CONTINUES = re.compile(rf"\s?の?\s?[\-:]?\s?{_OPEN}?(?:{_CONTINUED})(?:part|編|欄)?(?![a-z])", re.IGNORECASE)
_INNER_SECTION = re.compile(rf"{_OPEN}?(?:{_CONTINUED}|ヒント|方針|考え方|hint)(?![a-z])", re.IGNORECASE)
_OUTER_SECTION = re.compile(
    r"(?:感想|付録|おまけ|参考文献|参考サイト|参考資料|参考url|おわりに|終わりに|謝辞|まとめ|あとがき|appendix|references?"
    r"|acknowledge?ments?|conclusions?|summary|impressions?|feedback)(?![a-z])",
    re.IGNORECASE,
)
_PARTICLE = re.compile(r"(?:は|が|を|に|で|の|と|も|から|まで|より|へ|や|など|について|では|みたい|ですが|だ)")
_GOES_ON_IN_ENGLISH = re.compile(
    r"(?:is|was|are|has|had|asks?|asked|and|or|of|in|to|from|shows?|gives?|says?|can|could|should|would|will|for|with"
    r"|above|below|we|i|it|uses?|used|requires?|as|at|on|by|that|which|where|does|did|also|needs?|was|were|because)"
    r"(?![a-z])"
)
_YEAR = re.compile(r"(?:fy|'|’|/)?\s?(?:19|20)?\d\d(?:年|年度)?(?![\d.])", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:b|strong|i|em|u|s|font|span|div|p|center|h[1-6]|a|big|small|mark|details|summary|code|sup|sub|li|ul|ol|hr)"
    r"\b[^<>]{0,200}>",
    re.IGNORECASE,
)
_BREAK_TAG = re.compile(r"<br\s{0,3}/?>", re.IGNORECASE)
_HEADING_TAG = re.compile(r"<h([1-6])\b", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\[\]]{1,100})\]\([^()]{0,300}\)")
_LIST_ITEM = re.compile(r"(?:[-*+•‣–—]\s|・)\s{0,10}")
_ORDERED_ITEM = re.compile(r"\d{1,2}[.)]\s{1,10}")
_HASHES = re.compile(r"(#{1,6})\s{0,10}")
_COLAB_FORM = re.compile(r"@(?:title|markdown)\b\s{0,10}", re.IGNORECASE)
_COLAB_OPTIONS = re.compile(r"\{[^{}]{0,200}\}\s{0,10}$")
_ORNAMENTS = frozenset({"So", "Sk", "Sm", "Po", "Pd", "Pc", "Mn", "Cf", "Co", "Cn"})
_TABLE_BAR = re.compile(r"\s\|\s|\|$")
_MAY_LABEL = re.compile(
    r"[\d#一二三四五六七八九十①-⑳❶-❿➀-➉⓵-⓾Ⅰ-ⅻ⑴-⒛＃]|<h[1-6]|感想|付録|課題|宿題|レポート|まとめ|参考|おまけ|わりに|謝辞|あとがき"
    r"|問題\s?[ivx]|question|problem|exercise|task|answer|solution|homework|append|referen|acknow|conclu|summary"
    r"|impress|feedback",
    re.IGNORECASE,
)
"""Every label has one of these: lines without are passed over fast."""


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A line without its dress."""

    text: str
    level: int
    is_bold: bool

    @property
    def is_dressed(self) -> bool:
        return self.level < NO_LEVEL or self.is_bold


def read_line(line: str, around: Around) -> Label | None:
    """Tell what a line of a Markdown or raw cell, or a comment's text, is the heading of; None for plain text."""
    if not line or line.isspace():
        return None
    clipped = line[:LONGEST_LINE]
    if around.underline is None and not _MAY_LABEL.search(clipped):
        return None
    bare = _undress(clipped, around)
    if bare is None or not bare.text:
        return None
    return _question(bare, around) or _homework(bare, around) or _numbered(bare, around) or _section(bare)


def read_number(text: str) -> int:
    """The number that a label spells: digits, kanji (十二), Roman or English."""
    lowered = text.casefold()
    if lowered in _ROMANS:
        return _ROMANS[lowered]
    if lowered in _ENGLISH:
        return _ENGLISH[lowered]
    if text.isdecimal():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    if not ten:
        return _KANJI_DIGITS.get(text, 0)
    return 10 * _KANJI_DIGITS.get(tens, 1) + _KANJI_DIGITS.get(ones, 0)


def _undress(line: str, around: Around) -> _Line | None:
    """Take off what only decorates; None for a line that Markdown shows as code or as a table's row."""
    if not around.in_code and line.startswith(("    ", "\t")):
        return None
    text = line.strip() if line.isascii() else _in_one_form(line)
    text = text.lstrip("> ")
    if text.startswith("|"):
        return None
    text = _LIST_ITEM.sub("", text, count=1) if _LIST_ITEM.match(text) else text
    level = around.underline or NO_LEVEL
    if around.in_code:
        text = _COLAB_OPTIONS.sub("", _COLAB_FORM.sub("", text.lstrip("#%- ").rstrip("#"), count=1))
    else:
        hashes = _HASHES.match(text)
        if hashes:
            level, text = len(hashes[1]), text[hashes.end() :].rstrip("# ")
        heading_tag = _HEADING_TAG.match(text)
        level = int(heading_tag[1]) if heading_tag else level
    is_bold = text.startswith(("**", "__", "<b>", "<B>", "<strong", "<u>", "<font", "<big"))
    if "<" in text:
        text = _TAG.sub("", _BREAK_TAG.sub(": ", text))
    text = html.unescape(text) if "&" in text else text
    text = _LINK.sub(r"\1", text) if "](" in text else text
    text = text.replace("*", "").replace("`", "").replace("~~", "").strip().strip("_").strip()
    return _Line(text=_without_ornament(" ".join(text.split())), level=level, is_bold=is_bold)


def _in_one_form(line: str) -> str:
    """Full-width characters as ordinary ones, circled and keycap numbers in brackets."""
    if _KEYCAP in line:
        line = re.sub(rf"(\d){_VARIATION}?{_KEYCAP}", r"(\1)", line)
    return unicodedata.normalize("NFKC", line.translate(_CIRCLES).replace(_VARIATION, ""))[: 2 * LONGEST_LINE].strip()


def _without_ornament(text: str) -> str:
    """Drop symbols in front: ■, ★, an emoji, ===."""
    start = 0
    while start < len(text):
        character = text[start]
        if character in "<" or unicodedata.category(character) not in _ORNAMENTS:
            if character != " ":
                break
        elif character in "-+.±" and text[start + 1 : start + 2].isdecimal():
            return ""
        start += 1
    return text[start:]


def _question(line: _Line, around: Around) -> Label | None:
    label = _question_at(line.text, line, around)
    if label is None and _ORDERED_ITEM.match(line.text):
        label = _question_at(_ORDERED_ITEM.sub("", line.text, count=1), line, around)
    if label is None:
        label = _homework_question(line, around)
    return label


def _question_at(text: str, line: _Line, around: Around) -> Label | None:
    """A question's label at the beginning of `text`: 問題1, Q1, 第1問, 解答1, 問題3・4, 問題1-2."""
    opened = re.match(_OPEN, text) is not None
    start = 1 if opened else 0
    match = _LABEL.match(text[start:].lstrip())
    if match is None:
        return None
    body = text[start:].lstrip()
    number = read_number(
        next(match[name] for name in ("ordinal", "q_number", "number", "answer_number") if match[name])
    )
    is_short = match["q"] is not None
    found = Label(kind=LabelKind.QUESTION, numbers=(number,), level=line.level, is_answer=match["answers"] is not None)
    rest = body[match.end() :]
    several, end = _read_more_numbers(number, rest)
    if len(several) > 1 and _is_finished(rest[end:]):
        return replace(found, numbers=several)
    part = _PART.match(rest)
    if part:
        title = _title_after(rest[part.end() :], line, around, is_short=is_short)
        if title is not None:
            of = int(next(group for group in part.groups() if group))
            return replace(found, part=of, title=title)
    continued = _CONTINUES.match(rest.lstrip(")]】』」"))
    if continued:
        after = rest.lstrip(")]】』」")[continued.end() :]
        if _is_finished(after):
            return replace(found, is_answer=True, title=after.lstrip(" :.)）】]-"))
    title = _title_after(rest, line, around, is_short=is_short)
    return None if title is None else replace(found, title=title)


def _read_more_numbers(first: int, rest: str) -> tuple[tuple[int, ...], int]:
    """The numbers of 3・4 or 1〜3 after the first one, and where they end."""
    numbers, end = [first], 0
    while len(numbers) < 20 and (match := _MORE_NUMBERS.match(rest, end)):
        number = read_number(match["number"])
        if match["to"]:
            numbers.extend(range(numbers[-1] + 1, min(number, numbers[-1] + 20) + 1))
        else:
            numbers.append(number)
        end = match.end()
    return tuple(dict.fromkeys(numbers)), end


def _is_finished(rest: str) -> bool:
    """Nothing follows, or a colon and a title, or a bracket."""
    stripped = rest.strip()
    if not any(character.isalnum() for character in stripped):
        return True
    return re.match(rf"{_CLOSE}?\s?[:(（]|{_CLOSE}\s", stripped) is not None


def _title_after(rest: str, line: _Line, around: Around, *, is_short: bool) -> str | None:
    """The title that follows a label; '' for none; None where the line is a sentence that begins like a label."""
    if not any(character.isalnum() for character in rest):
        return ""
    match = _AFTER.match(rest)
    if match is None or not (match["close"] or match["separator"] is not None):
        return None
    title, separator = match["title"].strip(), (match["separator"] or "").strip()
    if _TABLE_BAR.search(rest) and "$" not in rest:
        return None
    if is_short and _YEAR.match(title):
        return None
    if line.level < NO_LEVEL:
        return title
    if _PARTICLE.match(title) and separator not in (":", ".", "。"):
        return None
    if not line.is_dressed:
        if title[0].isdecimal() or separator in (",", "、", ";"):
            return None
        if separator == "" and not match["close"]:
            if _GOES_ON_IN_ENGLISH.match(title):
                return None
            if not (around.starts_block or around.in_code):
                return None
    return title


def _homework_question(line: _Line, around: Around) -> Label | None:
    """課題8-1, 課題8(1), HW8 Q1: a question named together with its homework."""
    text = line.text[1:].lstrip() if re.match(_OPEN, line.text) else line.text
    match = _HOMEWORK.match(text)
    if match is None:
        return None
    spelt = match["after"] or match["before"]
    homework = int(spelt) if spelt else None
    rest = text[match.end() :]
    part = _HOMEWORK_PART.match(rest) if spelt else None
    if part:
        title = _title_after(rest[part.end() :], line, around, is_short=False)
        if title is None:
            return None
        number = int(next(group for group in part.groups() if group))
        return Label(kind=LabelKind.QUESTION, numbers=(number,), homework=homework, level=line.level, title=title)
    leads = _TO_QUESTION.match(rest)
    if leads is None:
        return None
    label = _question_at(rest[leads.end() :], line, around)
    return None if label is None else replace(label, homework=homework)


def _homework(line: _Line, around: Around) -> Label | None:
    """課題8 or Homework 8, with or without a title; without a number only as a Markdown heading."""
    text = line.text[1:].lstrip() if re.match(_OPEN, line.text) else line.text
    match = _HOMEWORK.match(text)
    if match is None:
        return None
    spelt = match["after"] or match["before"]
    if not spelt and line.level == NO_LEVEL:
        return None
    title = _title_after(text[match.end() :], line, around, is_short=False)
    if title is None:
        return None
    numbers = (int(spelt),) if spelt else ()
    return Label(kind=LabelKind.HOMEWORK, numbers=numbers, level=line.level, title=title, shape="課題")


def _numbered(line: _Line, around: Around) -> Label | None:
    """1., (1), ①, 8-1: weak, so a plain one with a title has to open its cell."""
    match = _NUMBERED.match(line.text)
    if match is None:
        return None
    form = next(name for name in ("both", "paren", "dot", "colon", "no", "of", "bare") if match[name])
    rest = line.text[match.end() :].strip()
    has_title = any(character.isalnum() for character in rest)
    if has_title and (rest[0].isdecimal() or (_TABLE_BAR.search(rest) and "$" not in rest)):
        return None
    if form == "bare" and (has_title or not (line.is_dressed or around.in_code)):
        return None
    if not line.is_dressed and not (around.starts_cell or (around.starts_block and not has_title)):
        return None
    place = (
        "code" if around.in_code else str(line.level) if line.level < NO_LEVEL else "bold" if line.is_bold else "plain"
    )
    return Label(
        kind=LabelKind.NUMBERED,
        numbers=(read_number(match["sub"] or match[form]),),
        homework=int(match["of"]) if match["of"] else None,
        level=line.level,
        shape=f"{form}/{place}",
        title=rest,
    )


def _section(line: _Line) -> Label | None:
    is_outer = _OUTER_SECTION.match(line.text) is not None
    if is_outer and (line.is_dressed or len(line.text) <= len("acknowledgements")):
        tail = _OUTER_SECTION.sub("", line.text, count=1)
        if line.is_dressed or not any(character.isalnum() for character in tail):
            return Label(kind=LabelKind.SECTION, level=line.level, ends_all=True, title=line.text)
    if line.level == NO_LEVEL or _INNER_SECTION.match(line.text):
        return None
    return Label(kind=LabelKind.SECTION, level=line.level, title=line.text)
