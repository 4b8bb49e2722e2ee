"""Notebooks that attack their readers, opened in a real browser: nothing runs, nothing loads, nothing leaks.

The page has no policy of its own here, so that rendering alone has to hold; frames have the headers they are made for.
"""

from dataclasses import dataclass, field

import pytest
from browsing import PATIENCE_MS
from playwright.sync_api import Browser, Dialog, Route
from xss_corpus import CORPUS, HTML

from grader.domain.text import Language
from grader.rendering.frames import FRAME_HEADERS, make_frame
from grader.rendering.notebook import render_notebook

ORIGIN = "https://page.example"
TITLE = "as it was"
FRAMES = 40
"""On one page: each is a document of its own."""
OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true })"


@dataclass
class Seen:
    """What a browser did while it showed a page."""

    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    title: str = ""
    ended_at: str = ""
    frames: int = 0


@pytest.fixture
def show(chromium: Browser):
    """Opens a page in a browser of its own, with all that is folded opened, and tells what happened."""
    contexts = []

    def show(body, *, documents=()):
        seen = Seen()
        context = chromium.new_context()
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)

        def answer(route: Route) -> None:
            path = route.request.url.removeprefix(ORIGIN)
            if path == "/":
                html = f"<!doctype html><title>{TITLE}</title><main>{body}</main>"
                policy = "frame-src 'self'"
                route.fulfill(body=html, content_type="text/html", headers={"Content-Security-Policy": policy})
            elif path.startswith("/frames/") and path.removeprefix("/frames/").isdecimal():
                document = documents[int(path.removeprefix("/frames/"))]
                route.fulfill(body=document, headers=dict(FRAME_HEADERS))
                seen.frames += 1
            else:
                seen.asked.append(route.request.url)
                route.abort()

        def dismiss(dialog: Dialog) -> None:
            seen.said.append(dialog.message)
            dialog.dismiss()

        context.route("**/*", answer)
        page = context.new_page()
        page.on("dialog", dismiss)
        page.goto(f"{ORIGIN}/")
        page.evaluate(OPEN_ALL)
        page.wait_for_load_state("networkidle")
        seen.title, seen.ended_at = page.title(), page.url
        return seen

    yield show
    for context in contexts:
        context.close()


def test_nothing_of_the_corpus_does_anything_on_a_page(show):
    bodies = [render_notebook(data, language=Language.JA).html for data in CORPUS.values()]
    assert show("".join(bodies)) == Seen(title=TITLE, ended_at=f"{ORIGIN}/")


@pytest.mark.parametrize("first", range(0, len(HTML), FRAMES))
def test_nothing_of_the_corpus_gets_out_of_its_frame(show, first):
    documents = [make_frame("one", html=html).document for html in [*HTML.values()][first : first + FRAMES]]
    body = "".join(f'<iframe sandbox="" src="/frames/{number}"></iframe>' for number in range(len(documents)))
    seen = show(body, documents=documents)
    assert seen == Seen(title=TITLE, ended_at=f"{ORIGIN}/", frames=len(documents))


@pytest.mark.parametrize("name", ["a script", "an image that fails", "an SVG with a handler"])
def test_these_tests_see_what_runs(show, name):
    seen = show(HTML[name])
    assert seen.said
    assert seen.title != TITLE


@pytest.mark.parametrize("name", ["an image that tells who reads", "a style that loads", "a script from elsewhere"])
def test_these_tests_see_what_loads(show, name):
    assert show(HTML[name]).asked
