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
SCRIPTS = sorted((WEB / "static").glob("*.js"))
# What a provider did wrong goes into the log; how a date is written in a language is a pattern.
NOT_PAGES = ("identity_provider.py", "times.py")
# The API's own description is for programmers, in English.
FOR_PROGRAMMERS = ("description", "summary")
MODULES = [path for path in sorted(WEB.rglob("*.py")) if path.parent.name != "api" and path.name not in NOT_PAGES]
SPEAKING_ATTRIBUTES = ("alt", "aria-label", "aria-description", "content", "label", "placeholder", "title", "value")
NOT_FOR_PEOPLE = re.compile(r"width=device-width, initial-scale=1|system|light|dark|ja|en|•|–|·|▲|▼|\|")
GAP = "\N{NO-BREAK SPACE}"
HTMX = re.compile(r'hx-[\w:-]+="[^"]*"')
"""Attributes that a macro makes stand outside of any tag there."""
OF_PAGES = (
    *("authoring_page.", "course.", "page.", "regrade_page.", "release."),
    *("result.", "review_page.", "staff.", "student.", "table."),
)
"""Beginnings of codes that only pages say."""
LIKE_WORDS = re.compile(r"[ぁ-んァ-ヶ一-龠]|[^\W\d_]{2,}[.,!?]? +[^\W\d_]{2,}")
SHOWN_BY_SCRIPT = re.compile(r"""(textContent|innerText|title|alt|placeholder|ariaLabel) = $|"aria-label", $""")
SELECTS = re.compile(r"(closest|matches|querySelector|querySelectorAll)\($")
SCRIPT_STRING = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"((?:\\.|[^"\\\n])*)"|'((?:\\.|[^'\\\n])*)'|`((?:\\.|[^`\\])*)`""", re.DOTALL
)
IS_DIRECTIVE = re.compile(r"use strict|(public|private), max-age=\d+, immutable")
EVENT_OR_STYLE = re.compile(r"\s(on\w+|style|hx-on\S*)\s*=|javascript:|<style|<script(?![^>]*\ssrc=)", re.IGNORECASE)


class Words(HTMLParser):
    """Text that stands in a template itself."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found = []

    def handle_starttag(self, tag, attrs):
        is_silent = tag != "input" or dict(attrs).get("type") in ("hidden", "radio", "checkbox")
        for name, value in attrs:
            if name in SPEAKING_ATTRIBUTES and value and not (name == "value" and is_silent):
                self._note(value)

    def handle_data(self, data):
        self._note(HTMX.sub(GAP, data))

    def _note(self, text):
        for part in text.split(GAP):
            words = part.strip()
            if words and not NOT_FOR_PEOPLE.fullmatch(words):
                self.found.append(words)


def literal_words(source):
    """What the template says by itself: its markup without statements, of expressions the strings that they show."""
    markup, expression = "", None
    for _, kind, value in Environment(autoescape=True).lex(source):
        if kind == "variable_begin":
            expression = ""
        elif kind == "variable_end":
            markup += f"{GAP}{GAP.join(shown_strings(expression))}{GAP}"
            expression = None
        elif expression is not None:
            expression += value
        elif kind == "data":
            markup += value
    words = Words()
    words.feed(markup)
    words.close()
    return words.found


def shown_strings(expression):
    """Strings of an expression that stand in the page as they are; not those that it compares or asks with."""
    (output,) = Environment(autoescape=True).parse(f"{{{{{expression}}}}}").body
    waiting = list(output.nodes)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, nodes.Const) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, nodes.CondExpr):
            waiting += [each for each in (node.expr1, node.expr2) if each is not None]
        elif isinstance(node, nodes.BinExpr):
            waiting += [node.left, node.right]
        elif isinstance(node, nodes.Concat):
            waiting += node.nodes
        elif isinstance(node, nodes.Filter):
            shown = node.args if node.name in ("d", "default") else ()
            waiting += [each for each in (node.node, *shown) if each is not None]


def strings_of(source):
    """Strings in our Python that could be words for people, less markup: none of docstrings and of the API's own."""
    tree = ast.parse(source)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg in FOR_PROGRAMMERS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone | told:
            yield re.sub("<[^>]*>", "", node.value)


def words_of_script(source):
    """Words that a script says by itself."""
    for found in SCRIPT_STRING.finditer(source):
        text, before = "".join(filter(None, found.groups())), source[: found.start()]
        is_shown = SHOWN_BY_SCRIPT.search(before) and re.search(r"[^\W\d_]", text)
        if is_shown or (LIKE_WORDS.search(text) and not SELECTS.search(before) and not IS_DIRECTIVE.fullmatch(text)):
            yield text


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


def codes_in_python():
    """As `codes_of`, of all modules that name a sentence of pages."""
    for path in Path(grader.__file__).parent.rglob("*.py"):
        source = path.read_text("utf-8")
        for node in ast.walk(ast.parse(source)) if any(f'"{start}' in source for start in OF_PAGES) else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value, None
            elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                last = node.values[-1]
                yield node.values[0].value, last.value if isinstance(last, ast.Constant) else ""


def test_no_sentence_of_pages_is_left_over():
    named = {pair for template in TEMPLATES for pair in codes_of(parse(template))} | set(codes_in_python())
    said = {code for code, ending in named if ending is None}
    begun = [(start, ending) for start, ending in named if ending is not None and start not in OF_PAGES]

    left_over = {
        code
        for code in known_codes(Language.JA) - said
        if code.startswith(OF_PAGES)
        if not any(code.startswith(start) and code.endswith(ending) for start, ending in begun)
    }
    assert left_over == set()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_no_module_of_pages_holds_words_for_people(module):
    found = {text for text in strings_of(module.read_text("utf-8")) if LIKE_WORDS.search(text)}

    assert {text for text in found if not IS_DIRECTIVE.fullmatch(text)} == set()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_holds_words_for_people(script):
    assert list(words_of_script(script.read_text("utf-8"))) == []


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
        pytest.param('{% if a %}x{% else %}{{ "y" }}{% endif %}', ["x", "y"], id="inside a branch"),
        pytest.param('<p>{{ "Late" if a == "b" else "" }}</p>', ["Late"], id="a choice, not what it is made by"),
        pytest.param('<b>{{ a | default("None") ~ "er" }}</b>', ["er", "None"], id="where nothing is there"),
        pytest.param('<b class="{{ "soft" if a }}">{{ say("page.x") }}</b>', [], id="a class by choice"),
        pytest.param('<input type="submit" value="Send"><button value="send">', ["Send"], id="values that are read"),
    ],
)
def test_the_search_finds_words(source, words):
    assert literal_words(source) == words


def test_the_search_finds_words_in_python():
    source = '"""Docs of it."""\nnote = "Not kept yet."\ntold = f"{count} 件"\npath = "/courses"'

    assert [text for text in strings_of(source) if LIKE_WORDS.search(text)] == ["Not kept yet.", " 件"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        pytest.param('// It "was saved"\nstatus.textContent = "Saved";', ["Saved"], id="one word, and a comment"),
        pytest.param("alert('Try it again')", ["Try it again"], id="a sentence"),
        pytest.param("show(`保存しました ${at}`)", ["保存しました ${at}"], id="a template"),
        pytest.param('"use strict"; box.closest("p span, b i"); box.className = "soft";', [], id="none for people"),
    ],
)
def test_the_search_finds_words_of_scripts(source, words):
    assert list(words_of_script(source)) == words


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
