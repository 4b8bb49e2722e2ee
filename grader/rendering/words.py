"""Text between tags: what students wrote, escaped, and our own sentences in the reader's language."""

from html import escape

from grader.domain.text import Fact, Language, Note
from grader.feedback.catalogue import sentence


def spell(code: str, language: Language, **facts: Fact) -> str:
    """Our sentence as HTML text, fit for attributes in double quotes, too."""
    return escape(sentence(Note(code=code, facts=facts), language))


def size_kb(text: str) -> int:
    """How large a text is as UTF-8, rounded up."""
    return -(-len(text.encode("utf-8", "replace")) // 1024)
