"""A rendered notebook in a real browser: accessible, readable on a phone, in the light and in the dark."""

from importlib import resources

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import AXE_OPTIONS, DESK, PATIENCE_MS, PHONE
from playwright.sync_api import Browser
from xss_corpus import code, notebook, prose, shown, stream

from grader.domain.text import Language
from grader.rendering.notebook import render_notebook

SHEETS = ("grader.css", "notebook.css")
STYLE = "\n".join((resources.files("grader.web") / "static" / name).read_text("utf-8") for name in SHEETS)
TONES = (*range(30, 38), *range(40, 48), *range(90, 98))
COLOURS = "".join(f"\x1b[{n}m colour {n} \x1b[0m\n" for n in TONES)
CELLS = (
    prose(
        "# 課題8\n\n行列 $A$ と [資料](https://a.example)、`code`\n\n|列|値|\n|-|-:|\n|a|1|\n\n"
        "```python\nx = 1  # comment\n```"
    ),
    prose("![x](https://elsewhere.example/a.png)\n\n$$\n\\frac{1}{2}\n$$"),
    code(
        "def f(x):\n    '''text'''\n    return x ** 2  # " + "長い行" * 60,
        outputs=[stream(COLOURS), stream("w", name="stderr")],
    ),
    code(
        "import torch",
        outputs=[
            {"output_type": "error", "ename": "NameError", "evalue": "x", "traceback": ["\x1b[31mNameError\x1b[0m: x"]},
            shown(text_html="<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"),
            shown(text_html="<b>bold</b>"),
            stream("line\n" * 100),
        ],
    ),
)


@pytest.mark.parametrize(
    ("language", "size", "scheme"),
    [("ja", PHONE, "light"), ("en", PHONE, "dark"), ("ja", DESK, "dark"), ("en", DESK, "light")],
    ids=["ja, a phone, light", "en, a phone, dark", "ja, a desk, dark", "en, a desk, light"],
)
def test_rendered_notebook_is_accessible_and_no_wider_than_the_screen(chromium: Browser, language, size, scheme):
    body = render_notebook(notebook(*CELLS), language=Language(language)).html
    head = f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>notebook</title>'
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.set_content(f"{head}<style>{STYLE}</style><main><h1>1</h1><h2>2</h2>{body}</main>")
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found = Axe().run(page, options=AXE_OPTIONS)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"
    context.close()
