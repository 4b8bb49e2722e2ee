"""Notebooks that try to run, load or leak something from the page on which they are shown.

Each is nbformat 4 as `sandbox.outputs.write_notebook` gives it, which a student's code and text may fill at will. What
runs calls `alert`, sets the title to MARK or asks for an address on MARK's host: a browser can tell.
"""

import base64
import json
from collections.abc import Mapping, Sequence

MARK = "xss-was-here"
RUN = f"document.title='{MARK}';alert('{MARK}')"
HOST = f"{MARK}.example"
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

Cell = dict[str, object]


def code(source: str = "", *, outputs: Sequence[Mapping[str, object]] = ()) -> Cell:
    return {"cell_type": "code", "id": "a", "metadata": {}, "source": source, "outputs": list(outputs)}


def prose(source: str, **more: object) -> Cell:
    return {"cell_type": "markdown", "id": "b", "metadata": {}, "source": source, **more}


def shown(**data: object) -> Mapping[str, object]:
    return {"output_type": "display_data", "metadata": {}, "data": {k.replace("_", "/"): v for k, v in data.items()}}


def stream(text: object, name: str = "stdout") -> Mapping[str, object]:
    return {"output_type": "stream", "name": name, "text": text}


def notebook(*cells: Mapping[str, object], **more: object) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more}).encode()


HTML: Mapping[str, str] = {
    "a script": f"<script>{RUN}</script>",
    "a script from elsewhere": f'<script src="//{HOST}/x.js"></script>',
    "a script in odd case with a slash": f"<ScRiPt/x>{RUN}</sCrIpT >",
    "a script that is cut off": f"<script>{RUN}//",
    "an image that fails": f'<img src=x onerror="{RUN}">',
    "an image with a slash for a space": f'<img/src=x/onerror="{RUN}">',
    "an image with a tag in an attribute": f"<img alt='>' src=x onerror=\"{RUN}\">",
    "an image that tells who reads": f'<img src="https://{HOST}/pixel.gif">',
    "an image with a set of sources": f'<img srcset="https://{HOST}/2x.gif 2x" src=x>',
    "a passive tag with a handler": f'<b onmouseover="{RUN}" style="position:fixed;inset:0">here</b>',
    "details that open themselves": f'<details open ontoggle="{RUN}"><summary>x</summary></details>',
    "an SVG with a handler": f'<svg onload="{RUN}"><circle r=1 /></svg>',
    "an SVG with a script": f"<svg><script>{RUN}</script></svg>",
    "an SVG that animates an address": "<svg><a><animate attributeName=href values=javascript:a() /></a></svg>",
    "an SVG with foreign content": f'<svg><foreignObject><img src=x onerror="{RUN}"></foreignObject></svg>',
    "an SVG that uses another": f'<svg><use href="https://{HOST}/x.svg#a"/></svg>',
    "MathML with an address": f'<math href="javascript:{RUN}">x</math>',
    "MathML that hides an image": (
        f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror={RUN}&gt;">'
    ),
    "a style that hides an image": f'<style><a title="</style><img src=x onerror={RUN}>">',
    "a style that loads": f'<style>@import "https://{HOST}/x.css"; body{{background:url(https://{HOST}/y)}}</style>',
    "a link to a style": f'<link rel=stylesheet href="https://{HOST}/x.css">',
    "a style attribute": f'<div style="background:url(https://{HOST}/z);position:fixed">x</div>',
    "a frame": f'<iframe srcdoc="<script>{RUN}</script>"></iframe>',
    "an object": f'<object data="data:text/html,<script>{RUN}</script>"></object>',
    "an embedded file": f'<embed src="https://{HOST}/x.svg">',
    "a base for all links": f'<base href="https://{HOST}/">',
    "a redirection": f'<meta http-equiv="refresh" content="0;url=https://{HOST}/">',
    "a form": f'<form action="https://{HOST}/"><input name=q autofocus onfocus="{RUN}"><button>ok</button></form>',
    "a password field": '<input type="password" name="password">',
    "a link that runs": f'<a href="javascript:{RUN}">x</a>',
    "a link that runs, in entities": '<a href="&#x6A;&#x61;vascript&colon;alert(1)">x</a>',
    "a link that runs, with a tab": '<a href="java\tscript:alert(1)">x</a>',
    "a link with a control character": '<a href="\x01javascript:alert(1)">x</a>',
    "a link to a document in data": f'<a href="data:text/html,<script>{RUN}</script>">x</a>',
    "a link that reports clicks": f'<a href="https://ok.example/" ping="https://{HOST}/">x</a>',
    "ids that shadow the page's": '<img id="cookie" name="getElementById" src=x><form id=cell-1></form>',
    "ends of elements that are the page's": f"</div></details></section></main></body></html><script>{RUN}</script>",
    "a comment that ends early": f"<!--><script>{RUN}</script>-->",
    "a comment of the old kind": f"<!--[if IE]><script>{RUN}</script><![endif]-->",
    "a processing instruction": f"<?xml-stylesheet href='javascript:{RUN}'?>",
    "character data": f"<![CDATA[<script>{RUN}</script>]]>",
    "a template": f"<template><script>{RUN}</script></template>",
    "noscript": f'<noscript><p title="</noscript><img src=x onerror={RUN}>">',
    "a text area that hides": f'<textarea><img title="</textarea><img src=x onerror={RUN}>">',
    "a title that hides": f'<title><img title="</title><img src=x onerror={RUN}>">',
    "plain text to the end": f"<plaintext><script>{RUN}</script>",
    "htmx": f'<div hx-get="https://{HOST}/" hx-trigger="load" data-hx-get="/sign-out">x</div>',
    "a tag cut by a null": f"<scr\0ipt>{RUN}</scr\0ipt>",
    "a table with handlers": f'<table onclick="{RUN}"><tr><td onclick="x()"><script>{RUN}</script></td></tr></table>',
    "a table around an image": f'<table><tr><td><img src=x onerror="{RUN}"></td></tr></table>',
    "a table as the page itself": '<table class="nb-cell" id="cell-1" style="position:fixed"><tr><td>1</table>',
    "a table with a style": f"<style>@import 'https://{HOST}/x.css'</style><table><td colspan=99999>1</table>",
}
"""HTML, by what it tries: in Markdown, as an output, and as what a page must show as text."""

MARKDOWN: Mapping[str, str] = {
    "a link that runs": f"[x](javascript:{RUN})",
    "a link that runs in odd case": "[x](JaVaScRiPt:alert(1))",
    "a link with an entity": "[x](javascript&colon;alert(1)) [y](&#106;avascript:alert(1))",
    "a link with a tab in its scheme": "[x](java&Tab;script:alert(1)) [y](java%09script:alert(1))",
    "a link with a null in its scheme": "[x](java\0script:alert(1))",
    "a link in angle brackets": "[x](<javascript:alert(1)>) [y](< javascript:alert(1)>)",
    "a link with a title that breaks out": f"[x](https://ok.example '\" onmouseover=\"{RUN}')",
    "an address that breaks out": f'[x](https://ok.example/"onmouseover="{RUN})',
    "a reference that runs": "[x]\n\n[x]: javascript:alert(1)",
    "vbscript, data and file": "[x](vbscript:a) [y](data:text/html;base64,PHNjcmlwdD4=) [z](file:///etc/passwd)",
    "an address of no scheme": f"[x](//{HOST}/) [y](/sign-out) [z](\\\\{HOST}\\a) [w](#cell-1)",
    "links in links": f"[[x](https://a.example)](javascript:{RUN}) [a [b](javascript:x) c](https://b.example)",
    "an image in a link": f"[![x](https://{HOST}/a.gif)](javascript:{RUN})",
    "an autolink that runs": f"<javascript:{RUN}> <data:text/html,x>",
    "an autolink that breaks out": f'<https://ok.example/"onclick="{RUN}">',
    "an image from elsewhere": f"![x](https://{HOST}/a.gif)",
    "an image that runs": f"![x](javascript:{RUN}) ![y](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "an alternative text that breaks out": f'![" onerror="{RUN}](attachment:a.png)',
    "an alternative text with tags": f"![<img src=x onerror={RUN}>](attachment:a.png)",
    "a language that breaks out": f'```python"><script>{RUN}</script>\nx\n```',
    "a fence that is no fence": f"```\n<script>{RUN}</script>\n",
    "code in a line": f"`<script>{RUN}</script>` ``<img src=x onerror={RUN}>``",
    "a heading": f"# <script>{RUN}</script>\n<h1 id=cell-1>x</h1>",
    "a table": f"|<script>{RUN}</script>|b|\n|-|:-:|\n|<img src=x onerror={RUN}>|[x](javascript:x)|",
    "a formula with a link": f"$\\href{{javascript:{RUN}}}{{x}}$ $$\\url{{javascript:{RUN}}}$$",
    "a formula with HTML": f"$\\htmlId{{cell-1}}{{x}}$ $<img src=x onerror={RUN}>$ $$</span><script>{RUN}</script>$$",
    "a formula that loads": f"$\\includegraphics{{https://{HOST}/a.png}}$",
    "an environment with HTML": f"\\begin{{align}}\n</div><script>{RUN}</script>\n\\end{{align}}",
    "a formula with a label": f'$$a$$ ("><script>{RUN}</script>)',
    "entities": "&lt;script&gt;alert(1)&lt;/script&gt; &#60;img src=x onerror=alert(1)&#62;",
    "HTML between blocks": f"<div>\n\n**a**\n\n<script>\n\n{RUN}\n\n</script>\n\n</div></div></div>",
    "HTML in pieces": f"<im<b>g src=x onerror={RUN}>\n<scr<script>ipt>{RUN}</script>",
    "a definition list of attributes": f'x {{: onclick="{RUN}" }}\n\n[y](https://ok.example){{onclick={RUN}}}',
}
"""Markdown, by what it tries."""

TERMINAL: Mapping[str, str] = {
    "a colour around a tag": f"\x1b[31m<script>{RUN}</script>\x1b[0m",
    "a colour that breaks out": f'\x1b[31"onclick="{RUN}m x \x1b[38;5;"m',
    "a link of a terminal": f"\x1b]8;;javascript:{RUN}\x07x\x1b]8;;\x07",
    "a tag in pieces": f"<scr\x1b[0mipt>{RUN}</scr\x1b[0mipt>",
    "a tag over a carriage return": f"<scri\rpt>\r<script>{RUN}</script>",
    "numbers without end": "\x1b[" + "9" * 50_000 + "m" + "\x1b[38;5;" + "1;" * 5_000 + "mx",
    "a title and the clipboard": "\x1b]0;x\x07\x1b]52;c;YWxlcnQoMSk=\x07",
}
"""What a program may print, by what it tries."""


def _in_outputs(text: str) -> list[Mapping[str, object]]:
    kinds = ("text_html", "image_svg+xml", "text_markdown", "text_latex", "application_javascript", "text_plain")
    return [
        *(shown(**{kind: text}) for kind in (*kinds, "image_png", "application_vnd.jupyter.widget-view+json")),
        stream(text),
        stream([text, "x"], name="stderr"),
        stream("x", name=text),
        {"output_type": "error", "ename": text, "evalue": text, "traceback": [text]},
        {"output_type": text, "data": {text: text}, "metadata": {text: text}},
    ]


def _names(text: str) -> bytes:
    picture = base64.b64encode(PIXEL).decode()
    attachments = {text: {"image/png": picture}, "a.png": {text: picture, "image/svg+xml": text}}
    described = {"tags": [text], "name": text, text: text, "collapsed": text}
    return notebook(
        prose(f"![{text}](attachment:a.png) ![x](<attachment:{text}>)", attachments=attachments, metadata=described),
        {"cell_type": text, "id": text, "metadata": described, "source": [text], "outputs": _in_outputs(text)},
        {**code(text, outputs=_in_outputs(text)), "id": text, "metadata": described, "execution_count": text},
        metadata={"kernelspec": {"name": text, "display_name": text}, "language_info": {"name": text}, "title": text},
    )


CORPUS: Mapping[str, bytes] = {
    **{f"HTML in Markdown: {name}": notebook(prose(text), prose(f"a {text} b")) for name, text in HTML.items()},
    **{f"HTML in an output: {name}": notebook(code(text, outputs=_in_outputs(text))) for name, text in HTML.items()},
    **{f"names and metadata: {name}": _names(text) for name, text in HTML.items()},
    **{
        f"Markdown: {name}": notebook(prose(text), code(outputs=[shown(text_markdown=text, text_latex=text)]))
        for name, text in MARKDOWN.items()
    },
    **{f"a terminal: {name}": notebook(code(text, outputs=_in_outputs(text))) for name, text in TERMINAL.items()},
}
"""All notebooks, by what they try."""
