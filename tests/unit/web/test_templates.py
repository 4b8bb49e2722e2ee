"""Every word of a page stands in the catalogues, and every sentence that a page names is there."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

import grader.web
from grader.domain.text import Language
from grader.feedback.catalogue import known_codes

WEB = Path(grader.web.__file__).parent
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
SPEAKING_ATTRIBUTES = ("alt", "aria-label", "aria-description", "content", "label", "placeholder", "title", "value")
NOT_FOR_PEOPLE = re.compile(r"width=device-width, initial-scale=1|system|light|dark|ja|en|•|–|·|\|")
GAP = "\N{NO-BREAK SPACE}"
EVENT_OR_STYLE = re.compile(r"\s(on\w+|style|hx-on\S*)\s*=|javascript:|<style|<script(?![^>]*\ssrc=)", re.IGNORECASE)


class Words(HTMLParser):
    """Text that stands in a template itself."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found = []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in SPEAKING_ATTRIBUTES and value:
                self._note(value)

    def handle_data(self, data):
        self._note(data)

    def _note(self, text):
        for part in text.split(GAP):
            words = part.strip()
            if words and not NOT_FOR_PEOPLE.fullmatch(words):
                self.found.append(words)


def literal_words(source):
    """What the template says by itself: its markup with every expression and statement cut out."""
    markup = "".join(
        value if kind == "data" else GAP if kind == "variable_begin" else ""
        for _, kind, value in Environment(autoescape=True).lex(source)
    )
    words = Words()
    words.feed(markup)
    words.close()
    return words.found


def codes_of(tree):
    """Codes that a template names, and the beginnings of those that it puts together."""
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in ("say", "say_in"):
            code = call.args[0 if call.node.name == "say" else 1]
            if isinstance(code, nodes.Const):
                yield code.value, None
            else:
                assert isinstance(code, nodes.Concat), f"line {call.lineno}: which sentence is that?"
                first, last = code.nodes[0], code.nodes[-1]
                yield first.value, last.value if isinstance(last, nodes.Const) else ""


def parse(template):
    return Environment(autoescape=True).parse(template.read_text("utf-8"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_words_for_people(template):
    assert literal_words(template.read_text("utf-8")) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_sentence_of_a_template_is_there_in_both_languages(template):
    for language in Language:
        codes = known_codes(language)
        for code, ending in codes_of(parse(template)):
            if ending is None:
                assert code in codes
            else:
                assert [known for known in codes if known.startswith(code) and known.endswith(ending)], code


def test_no_sentence_of_pages_is_left_over():
    named = [pair for template in TEMPLATES for pair in codes_of(parse(template))]
    in_python = {
        node.value
        for source in WEB.rglob("*.py")
        for node in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    begun = [(start, ending) for start, ending in named if ending is not None]
    said = {code for code, ending in named if ending is None} | in_python
    ours = {code for code in known_codes(Language.JA) if code.startswith("page.")}

    left_over = {
        code
        for code in ours - said
        if not any(code.startswith(start) and code.endswith(ending) for start, ending in begun)
    }
    assert left_over == set()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_nothing_is_inline_and_nothing_is_marked_safe(template):
    source = template.read_text("utf-8")

    assert EVENT_OR_STYLE.search(source) is None
    assert not re.search(r"\|\s*safe|autoescape\s+false", source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        pytest.param("<p>Hello</p>", ["Hello"], id="text"),
        pytest.param("<p>{{ name }} さん</p>", ["さん"], id="text beside an expression"),
        pytest.param('<input placeholder="Name">', ["Name"], id="an attribute that is read out"),
        pytest.param('<p class="soft">{{ say("page.x") }}</p>{# Hello #}', [], id="a class and a comment are none"),
        pytest.param('{% if a %}x{% else %}{{ "y" }}{% endif %}', ["x"], id="inside a branch"),
    ],
)
def test_the_search_finds_words(source, words):
    assert literal_words(source) == words


@pytest.mark.parametrize(
    "source",
    [
        '<p onclick="x">',
        '<p style="color: red">',
        "<script>x</script>",
        '<a href="javascript:x">',
        '<b hx-on:click="x">',
    ],
)
def test_the_search_finds_what_is_inline(source):
    assert EVENT_OR_STYLE.search(source)


def test_a_template_is_found_at_all():
    assert {"layout.html", "failure.html"} <= {template.name for template in TEMPLATES}
