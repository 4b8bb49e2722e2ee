"""Formulas are shown by KaTeX under the policy of pages; what a formula must not do, it cannot."""

import pytest

from grader.web.assets import load_assets

PAGE = """<!doctype html><html lang="en"><head><title>Formulas</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="{css}"><link rel="stylesheet" href="{katex_css}">
<script src="{katex}" defer></script><script src="{math}" defer></script></head>
<body><main><h1>Formulas</h1>{formulas}</main></body></html>"""


@pytest.fixture
def show(open_reader, site):
    """A page with these formulas, made by hand until there are pages with formulas of their own."""

    def show(*formulas):
        assets = load_assets()
        html = PAGE.format(
            css=assets.address_of("grader.css"),
            katex_css=assets.address_of("vendor/katex/katex.min.css"),
            katex=assets.address_of("vendor/katex/katex.min.js"),
            math=assets.address_of("math.js"),
            formulas="".join(f'<p><span class="math">{formula}</span></p>' for formula in formulas),
        )
        reader = open_reader("en")
        reader.page.goto(site.serve(html))
        reader.page.locator(".math[data-shown]").last.wait_for(state="attached")
        return reader

    return show


def test_formulas_are_shown_in_vendored_fonts(show):
    reader = show(r"\sum_{i=1}^n x_i^2", r"\begin{pmatrix} 1 &amp; 2 \\ 3 &amp; 4 \end{pmatrix}")

    assert reader.page.locator(".katex").count() == 2
    loaded = reader.page.evaluate(
        "document.fonts.ready.then(all => [...all].filter(one => one.status == 'loaded').map(one => one.family))"
    )
    assert "KaTeX_Main" in loaded
    reader.check_page()
    reader.check_size()


@pytest.mark.parametrize(
    "formula",
    [
        pytest.param(r"\href{javascript:alert(1)}{x}", id="a link that is a script"),
        pytest.param(r"\url{https://evil.example/}", id="a link elsewhere"),
        pytest.param(r"\includegraphics{https://evil.example/x.png}", id="an image from elsewhere"),
        pytest.param(r"\htmlStyle{background: url(https://evil.example/)}{x}", id="a style"),
        pytest.param(r"\htmlId{main}{x}", id="an attribute"),
    ],
)
def test_a_formula_makes_no_links_images_or_attributes(show, formula):
    reader = show(formula)

    assert reader.page.locator(".math a, .math img, .math [id]").count() == 0
    assert not any("evil" in line for line in reader.trouble)


@pytest.mark.parametrize(
    "formula",
    [
        pytest.param(r"\frac{1}{", id="half a formula"),
        pytest.param(r"\def\x{\x\x}\x", id="one that never ends"),
        pytest.param(r"a &lt; b \unknown", id="an unknown command"),
    ],
)
def test_a_formula_that_cannot_be_shown_stays_as_it_was_typed(show, formula):
    reader = show(formula)

    assert reader.page.locator(".math").text_content() == formula.replace("&lt;", "<")
    assert reader.trouble == []
