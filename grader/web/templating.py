"""Templates -> HTML pages, in the reader's language and colours, under the policy that pages are held to."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from grader.domain.text import Fact, Language, Note
from grader.feedback.catalogue import sentence
from grader.flow.people import Caller
from grader.web.addresses import path_back
from grader.web.assets import accepts_gzip, load_assets
from grader.web.language import request_language
from grader.web.prose import mark_code
from grader.web.security import PAGE_POLICY
from grader.web.theme import Theme, request_theme
from grader.web.times import write_moment

_WORTH_COMPRESSING_BYTES = 1024
_OTHER: Mapping[Language, Language] = {Language.JA: Language.EN, Language.EN: Language.JA}


@dataclass(frozen=True, kw_only=True)
class Reader:
    """For whom a page is made."""

    language: Language
    theme: Theme
    caller: Caller | None
    """None for one who is not signed in, and where that was not asked."""
    path: str
    """Where to come back to from a form that every page has."""

    @property
    def other_language(self) -> Language:
        return _OTHER[self.language]


def render_page(
    template: str,
    request: Request,
    *,
    caller: Caller | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    facts: Mapping[str, object] | None = None,
) -> Response:
    """A page.

    Args:
        template: its file under grader/web/templates.
        facts: what the template names, beside `reader` and the functions below.
    """
    reader = _reader_of(request, caller)
    body = _render(template, reader, facts).encode()
    headers = {"Content-Language": reader.language.value, "Content-Security-Policy": PAGE_POLICY}
    if len(body) >= _WORTH_COMPRESSING_BYTES and accepts_gzip(request):
        body = gzip.compress(body, compresslevel=5, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return HTMLResponse(body, status_code=status, headers=headers)


def render_part(template: str, request: Request, *, facts: Mapping[str, object] | None = None) -> str:
    """Part of a page, for what is already open in a browser."""
    return _render(template, _reader_of(request, None), facts)


def _reader_of(request: Request, caller: Caller | None) -> Reader:
    return Reader(
        language=request_language(request),
        theme=request_theme(request),
        caller=caller,
        path=path_back(request),
    )


def _render(template: str, reader: Reader, facts: Mapping[str, object] | None) -> str:
    return _environment().get_template(template).render({**(facts or {}), "reader": reader})


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("grader.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = mark_code
    environment.globals.update(say=_say, say_in=_say_in, tell=_tell, moment=_moment, asset=load_assets().address_of)
    return environment


@pass_context
def _say(context: Context, code: str, **facts: Fact) -> str:
    """The sentence of a code; the value of every fact is text, never markup."""
    return _say_in(_reader(context).language, code, **facts)


def _say_in(language: Language, code: str, **facts: Fact) -> str:
    return sentence(Note(code=code, facts=facts), language)


@pass_context
def _tell(context: Context, note: Note) -> Markup:
    """The sentence of a note, with code as code."""
    return mark_code(sentence(note, _reader(context).language))


@pass_context
def _moment(context: Context, at: datetime, *, zone: str) -> Markup:
    """A time as people of the course read it, and as programs do; the page's facts hold `now`."""
    now = context["now"]
    assert isinstance(now, datetime)  # noqa: S101  # our own template's mistake
    words = write_moment(at, zone=zone, language=_reader(context).language, now=now)
    # The format of a Markup escapes whatever it is given.
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), words)


def _reader(context: Context) -> Reader:
    reader = context["reader"]
    assert isinstance(reader, Reader)  # noqa: S101  # set by render_page
    return reader
