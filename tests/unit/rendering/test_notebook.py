"""An executed notebook on a page: cells one can point at, outputs in their best safe form, and bounds on all of it."""

import base64
import json

import numpy as np
import pytest
from png_file import write_png
from safe_html import find_unsafe, read_page
from xss_corpus import code, notebook, prose, shown, stream

from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.text import Language
from grader.rendering.attachments import read_attachments
from grader.rendering.code import MAX_COLOURED
from grader.rendering.frames import FRAME_HEADERS
from grader.rendering.images import Image
from grader.rendering.notebook import render_notebook
from grader.rendering.pictures import list_images, list_images_of_upload
from grader.sandbox.outputs import write_notebook

PNG = base64.b64encode(write_png(np.zeros((2, 3, 3), dtype=np.uint8))).decode()
TABLE = (
    '<div><style scoped>td {color: red}</style><table border="1" class="dataframe"><tr><td>1</td></tr></table></div>'
)


def render(*cells, language=Language.EN, **more):
    return render_notebook(notebook(*cells), language=language, **more)


def output(*outputs, **more):
    """The HTML of one cell's outputs."""
    rendered = render(code("", outputs=outputs), **more)
    assert find_unsafe(rendered.html) == []
    return rendered.html


def words(html):
    return " ".join("".join(read_page(html).text).split())


# --- cells ------------------------------------------------------------------------------------------------------------


def test_each_cell_and_line_can_be_pointed_at():
    rendered = render(prose("a"), code("x = 1\n\nprint(x)", outputs=[stream("1")]))
    ids = read_page(rendered.html).ids
    assert ids == ["cell-1", "cell-2", "cell-2-line-1", "cell-2-line-2", "cell-2-line-3", "cell-2-output-1"]
    assert [(cell.number, cell.anchor) for cell in rendered.cells] == [(1, "cell-1"), (2, "cell-2")]


@pytest.mark.parametrize(("language", "label"), [(Language.JA, "セル1"), (Language.EN, "Cell 1")])
def test_cell_has_its_number_in_the_readers_language(language, label):
    rendered = render(code("x"), language=language)
    assert rendered.html.startswith(
        f'<div class="nb-cell nb-cell-code" id="cell-1" role="group" aria-label="{label}">'
        f'<a class="nb-number" href="#cell-1">{label}</a>'
    )


def test_what_the_sandbox_writes_is_read():
    cells = (
        Cell(index=0, kind=CellKind.MARKDOWN, source="# 課題", cell_id="a"),
        Cell(index=1, kind=CellKind.CODE, source="print('x')", cell_id="b"),
        Cell(index=2, kind=CellKind.RAW, source="<raw>", cell_id="c"),
    )
    printed = {"output_type": "stream", "name": "stdout", "text": ["x\n"]}
    data = write_notebook(Notebook(cells=cells), outputs={1: [printed]}, counts={1: 1})
    rendered = render_notebook(data, language=Language.EN)
    assert [cell.kind for cell in rendered.cells] == [CellKind.MARKDOWN, CellKind.CODE, CellKind.RAW]
    assert words(rendered.html) == "Cell 1課題 Cell 2print('x') x Cell 3<raw>"


def test_lines_of_a_long_source_can_be_pointed_at_without_colours():
    source = "x = 1\n" * (MAX_COLOURED // 6 + 1)
    rendered = render(code(source))
    assert f"cell-1-line-{source.count(chr(10))}" in read_page(rendered.html).ids
    assert "hl-" not in rendered.html


# --- outputs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown_output", "html"),
    [
        pytest.param(stream(["a\n", "b"]), '<pre class="nb-stdout" tabindex="0">a\nb</pre>', id="a stream in pieces"),
        pytest.param(stream("a", name="stderr"), '<pre class="nb-stderr" tabindex="0">a</pre>', id="stderr"),
        pytest.param(shown(text_plain="<a>"), '<pre class="nb-text" tabindex="0">&lt;a&gt;</pre>', id="a result"),
        pytest.param(shown(text_html=TABLE, text_plain="x"), "<table><tbody><tr><td>1</td></tr>", id="a table"),
        pytest.param(shown(text_markdown="**a**", text_plain="x"), "<strong>a</strong>", id="Markdown"),
        pytest.param(shown(text_latex="$x$", text_plain="x"), '<span class="math">x</span>', id="LaTeX"),
        pytest.param(shown(image_png=PNG, text_html="<b>x</b>"), f'src="data:image/png;base64,{PNG}"', id="a picture"),
        pytest.param(shown(image_png="AAAA"), "This image cannot be shown", id="a broken picture"),
        pytest.param(shown(application_json="{}"), "{}", id="a form that only the kernel knows"),
    ],
)
def test_output_is_shown_in_its_best_safe_form(shown_output, html):
    assert html in output(shown_output)


def test_picture_says_whose_it_is():
    assert 'alt="Image shown by cell 1"' in output(shown(image_png=PNG))


def test_page_may_keep_pictures_elsewhere():
    kept: list[Image] = []

    def keep(image):
        kept.append(image)
        return f"/pictures/{len(kept)}"

    rendered = render(code("", outputs=[shown(image_png=PNG)]), image_address=keep)
    assert 'src="/pictures/1"' in rendered.html
    assert base64.b64encode(kept[0].data).decode() == PNG


def test_error_is_folded_under_its_last_line():
    raised = {"output_type": "error", "ename": "NameError", "evalue": "x", "traceback": ["\x1b[31m-----", "line 1"]}
    html = output(raised)
    assert '<details class="nb-error"><summary>NameError: x</summary>' in html
    assert '<span class="ansi-fg-1">-----\nline 1</span>' in html


def test_long_output_is_folded_with_its_size_told():
    assert "<summary>Open the long output (1000 lines, 2 kB)</summary>" in output(stream("a\n" * 1_000))
    assert "<details" not in output(stream("a\n" * 20))


@pytest.mark.parametrize(
    "html",
    [
        "<svg><circle/></svg>",
        "<b>x</b>",
        TABLE + "<script>x</script>",
        '<a href="https://a.example">x</a>',
        "<div>" * 100 + "<table>",
        "<table>" + "<tr><td>1" * 20_000,
    ],
    ids=["SVG", "no table", "a table and a script", "a link", "deep nesting", "an endless table"],
)
def test_html_that_may_be_active_waits_in_a_frame(html):
    rendered = render(code("", outputs=[stream("a"), shown(text_html=html, text_plain="x")]))
    page = read_page(rendered.html)
    assert find_unsafe(rendered.html) == []
    assert [attributes["data-frame"] for _, attributes in page.tags if "data-frame" in attributes] == [
        "cell-1-output-2"
    ]
    assert html[:50] in "".join(page.text)
    assert html in rendered.find_frame("cell-1-output-2").document
    assert rendered.find_frame("cell-1-output-1") is None


def test_page_that_answers_for_frames_shows_them_without_any_right():
    outputs = [shown(text_html="<b>x</b>"), {**shown(), "data": {"application/javascript": "x"}}]
    rendered = render(code("", outputs=outputs), frame_address=lambda name: f'/frames/{name}"')
    frames = [attributes for tag, attributes in read_page(rendered.html).tags if tag == "iframe"]
    assert [(one["sandbox"], one["src"], one["title"]) for one in frames] == [
        ("", '/frames/cell-1-output-1"', "Output of cell 1")
    ]


def test_frame_states_its_policy_before_anything_of_the_students():
    document = render(code("", outputs=[shown(text_html="<head><meta>x")])).find_frame("cell-1-output-1").document
    assert document.index("Content-Security-Policy") < document.index("<head><meta>x")
    assert "default-src 'none'" in document


def test_frame_has_no_origin_wherever_it_is_opened():
    policy = {part.strip() for part in FRAME_HEADERS["Content-Security-Policy"].split(";")}
    assert {"default-src 'none'", "sandbox", "frame-ancestors 'self'", "form-action 'none'"} <= policy
    assert not any("script" in part or "allow-" in part for part in policy)


def test_script_is_shown_as_its_source_and_has_no_frame():
    rendered = render(code("", outputs=[{**shown(), "data": {"application/javascript": "alert(1)"}}]))
    assert "alert(1)" in words(rendered.html)
    assert rendered.cells[0].frames == ()


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_five_megabytes_of_output_give_a_bounded_page_that_says_what_is_left_out():
    html = output(stream("<" * 5_000_000))
    assert len(html) < 600_000
    assert "4900000 characters are left out here" in html


def test_many_large_outputs_share_one_allowance():
    html = output(*[shown(text_plain="<" * 90_000)] * 50)
    assert len(html) < 5_500_000
    assert "so much output that 88 kB are left out" in html


def test_outputs_without_end_are_cut():
    html = output(*[shown(text_plain="a")] * 10_000)
    assert html.count('class="nb-output"') == 2_000
    assert "There are so many outputs that 8000 are left out here." in html


def test_colours_without_end_are_bounded():
    assert output(stream("\x1b[31ma\x1b[32mb" * 50_000)).count("<span") < 10_100


def test_many_dear_texts_share_one_allowance():
    html = render(*[prose("**a** " * 1_500)] * 20).html
    assert html.count('<div class="nb-markdown">') == 11
    assert html.count('id="cell-') == 20


def test_half_a_surrogate_pair_does_not_stop_the_response():
    data = json.dumps({"cells": [code("\ud800"), prose("\udfff", attachments={"\ud800": {"image/png": PNG}})]}).encode()
    render_notebook(data, language=Language.EN).html.encode()


# --- pictures of the upload -------------------------------------------------------------------------------------------


def test_pasted_pictures_come_from_the_uploaded_file():
    upload = notebook(code("x"), prose("![a](attachment:a.png)", attachments={"a.png": {"image/png": PNG}}))
    executed = notebook(code("x"), prose("![a](attachment:a.png)"))
    attachments = read_attachments(upload)
    assert list(attachments) == [1]
    html = render_notebook(executed, language=Language.EN, attachments=attachments).html
    assert f'src="data:image/png;base64,{PNG}"' in html


@pytest.mark.parametrize(
    "attachments", [None, [], {"a": 1}, {"a": {"image/png": [1]}}, {"a": {"image/svg+xml": "<svg>"}}]
)
def test_attachments_that_are_no_pictures_are_left(attachments):
    assert read_attachments(notebook(code("x"), prose("a", attachments=attachments))) == {}


# --- pictures without end ---------------------------------------------------------------------------------------------


def picture(number):
    """One that no other number has."""
    return base64.b64encode(base64.b64decode(PNG) + number.to_bytes(4)).decode()


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param([code("", outputs=[shown(image_png=picture(n)) for n in range(300)])], id="outputs"),
        pytest.param(
            [prose(f"![a](data:image/png;base64,{picture(n)})") for n in range(300)], id="pasted into Markdown"
        ),
        pytest.param(
            [code("", outputs=[shown(text_markdown=f"![a](data:image/png;base64,{picture(n)})") for n in range(300)])],
            id="Markdown that was put out",
        ),
    ],
)
@pytest.mark.parametrize(
    ("language", "said"), [(Language.EN, "There are so many images"), (Language.JA, "画像が多いため")], ids=["en", "ja"]
)
def test_pictures_without_end_are_told_of(cells, language, said):
    html = render(*cells, language=language).html

    assert html.count("<img") == html.count('loading="lazy"') == 200
    assert html.count(said) == 100


def test_every_picture_of_a_page_is_found_without_rendering_it():
    cells = [
        prose("![a](attachment:a)", attachments={"a": {"image/png": picture(1)}}),
        prose(f'<img src="data:image/png;base64,{picture(2)}">'),
        code("", outputs=[shown(image_png=picture(3)), stream("x"), "no output"]),
        code("", outputs=[shown(text_markdown=f"![a](data:image/png;base64,{picture(4)})")]),
    ]
    placed = []
    render(*cells, image_address=lambda image: placed.append(image) or "https://own.example/1")

    assert len(placed) == 4
    assert list(list_images(notebook(*cells))) == list(list_images_of_upload(notebook(*cells))) == placed


def test_pictures_are_sought_only_in_cells():
    assert list(list_images(json.dumps({"cells": [1, {}, {"outputs": 1}, {"outputs": [{"data": 1}]}]}).encode())) == []
