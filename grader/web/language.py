"""Which language a request asks for: by choice, or by the browser."""

from typing import Annotated

from fastapi import Depends, Request

from grader.domain.text import Language

LANGUAGE_COOKIE = "language"


def preferred_language(header: str | None) -> Language:
    """The best of our languages for an Accept-Language header; Japanese where it names none of ours.

    Weights are honoured, regions ignored (`en-GB` is English); broken entries are passed over.
    """
    best, best_weight = Language.JA, 0.0
    for entry in (header or "").split(",")[:20]:
        tag, _, parameter = entry.partition(";")
        language = tag.strip().split("-")[0].lower()
        weight = _weight(parameter)
        if language in tuple(Language) and weight > best_weight:
            best, best_weight = Language(language), weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0


def request_language(request: Request) -> Language:
    """What its reader chose on a page; otherwise what the browser prefers."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in tuple(Language):
        return Language(chosen)
    return preferred_language(request.headers.get("accept-language"))


async def _language(request: Request) -> Language:
    # FastAPI would send a plain function to a thread, which takes longer than what it does.
    return request_language(request)


RequestLanguage = Annotated[Language, Depends(_language)]
