"""Hostile notebook files: what each tries, how it is made, and whether it is read or refused."""

import base64
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MEGABYTE = 1024**2


@dataclass(frozen=True, kw_only=True)
class HostileFile:
    """A file that a student hands in."""

    name: str
    tries: str
    make: Callable[[], bytes]
    refused: str = ""
    """The reason; '' where it is read, and then run."""


def code(source: object = "x = 1", **fields: Any) -> dict[str, Any]:
    outputs: list[object] = []
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": outputs, "source": source} | fields


def markdown(source: object, **fields: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source} | fields


def notebook(*cells: object, **fields: Any) -> bytes:
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells or [code()]} | fields
    ).encode()


def with_raw(raw: bytes, **fields: Any) -> bytes:
    """A notebook with bytes that json.dumps would not write in the place of '@'."""
    return notebook(**fields).replace(b'"@"', raw)


def laughs(levels: int) -> bytes:
    """Ten of ten of ten: JSON has no entities, so that only what is written can be laughed at."""
    laugh = '"ha"'
    for _ in range(levels):
        laugh = f"[{','.join([laugh] * 10)}]"
    return with_raw(laugh.encode(), metadata={"lol": "@"})


def many_outputs(count: int) -> bytes:
    output = b'{"output_type":"stream","name":"stdout","text":"x"}'
    return notebook(code(outputs=["@"])).replace(b'"@"', b",".join([output] * count))


def deep(levels: int) -> bytes:
    return with_raw(b"[" * levels + b"]" * levels, metadata={"deep": "@"})


PICTURE = base64.b64encode(bytes(12 * MEGABYTE)).decode()
TRAVERSAL = {"../../../../etc/passwd": {"image/png": "iVBORw0K"}, "/root/.ssh/authorized_keys": {"text/plain": "ssh"}}
TRAVERSAL |= {"\0": {}, "C:\\x": {}, "%2e%2e/x": {}, "file:///etc/passwd": {}, "a" * 5000: {}}

FILES = [
    HostileFile(
        name="billion laughs in metadata",
        tries="Grow while it is read: a tree of a hundred thousand leaves, of ten each.",
        make=lambda: laughs(5),
    ),
    HostileFile(
        name="billion laughs beyond the bound",
        tries="The same with a million leaves more than are allowed.",
        make=lambda: laughs(6).replace(b'"ha"', b"1,1"),
        refused="too_many_containers",
    ),
    HostileFile(
        name="10000 outputs",
        tries="Keep whoever reads a cell's outputs busy.",
        make=lambda: many_outputs(10_000),
    ),
    HostileFile(
        name="a million outputs",
        tries="The same with as many as a file can hold.",
        make=lambda: notebook(code(outputs=["@"])).replace(b'"@"', b",".join([b"{}"] * 1_000_001)),
        refused="too_many_containers",
    ),
    HostileFile(
        name="a picture of 16 MB",
        tries="Fill the memory, the disk and the executed notebook with base64.",
        make=lambda: notebook(code(outputs=[{"output_type": "display_data", "data": {"image/png": PICTURE}}])),
    ),
    HostileFile(
        name="an attached picture of 16 MB",
        tries="The same in what the student has written.",
        make=lambda: notebook(code(), markdown("![](attachment:a.png)", attachments={"a.png": {"image/png": PICTURE}})),
    ),
    HostileFile(
        name="attachments with path names",
        tries="Have a file written elsewhere when attachments are unpacked.",
        make=lambda: notebook(code(), markdown("![](attachment:../../x)", attachments=TRAVERSAL)),
    ),
    HostileFile(
        name="cell ids with path names",
        tries="Have a file written elsewhere by the name of a cell.",
        make=lambda: notebook(
            *[code(id=name) for name in ("../../etc/x", "a/b", "\0", "", "a" * 5000, "'; drop table")]
        ),
    ),
    HostileFile(
        name="cell ids that foresee ours",
        tries="Let made-up ids collide with those that are there.",
        make=lambda: notebook(*[code(id=f"cell-{n // 2}" + "-1" * (n % 2)) for n in range(100)], code(), code(id=7)),
    ),
    HostileFile(
        name="a kernel of its own",
        tries="Start another program as the kernel, by the notebook's metadata.",
        make=lambda: notebook(
            metadata={
                "kernelspec": {
                    "name": "../../evil",
                    "display_name": "Python",
                    "argv": ["/bin/sh", "-c", "id"],
                },
                "language_info": {"name": "python", "codemirror_mode": {"name": "x" * 10_000}},
                "widgets": {
                    "application/vnd.jupyter.widget-state+json": {"state": {"a": {"model_name": "OutputModel"}}}
                },
            }
        ),
    ),
    HostileFile(
        name="instructions to the executor",
        tries="Have cells skipped, errors forgiven and time limits lifted by tags and metadata.",
        make=lambda: notebook(
            code("1 / 0", metadata={"tags": ["raises-exception", "skip-execution"], "execution": {"timeout": -1}}),
            code(metadata={"nbgrader": {"points": 100, "grade": True}, "otter": {"tests": ["q1"]}}),
        ),
    ),
    HostileFile(
        name="100000 deep",
        tries="Overrun the parser's stack.",
        make=lambda: deep(100_000),
        refused="too_deep",
    ),
    HostileFile(name="as deep as may be", tries="The same just within the bound.", make=lambda: deep(97)),
    HostileFile(
        name="numbers without end",
        tries="Keep Python busy with digits, or make it refuse to read them.",
        make=lambda: with_raw(b"1" * 5 * MEGABYTE, metadata={"n": "@"}),
    ),
    HostileFile(
        name="numbers that are none",
        tries="Break whoever writes JSON that others can read.",
        make=lambda: with_raw(b"[NaN, Infinity, -Infinity, 1e999999, -0.0]", metadata={"n": "@"}),
    ),
    HostileFile(
        name="lone surrogates everywhere",
        tries="Make storing, running and writing the notebook fail.",
        make=lambda: notebook(code("x = '\ud800'"), markdown("\udfff", id="\ud800"), metadata={"\ud800": "\udc00"}),
    ),
    HostileFile(
        name="null characters",
        tries="Cut texts short in whatever is written in C.",
        make=lambda: notebook(code("x = 1\0\nimport os"), markdown("\0")),
    ),
    HostileFile(
        name="one line of 1 MB",
        tries="Keep those busy who look at a source line by line.",
        make=lambda: notebook(code("x = '" + "a" * MEGABYTE + "'")),
    ),
    HostileFile(
        name="300000 lines",
        tries="The same with many.",
        make=lambda: notebook(code("\n" * 300_000 + "x = 1")),
    ),
    HostileFile(
        name="a heading of 5 MB",
        tries="Keep the search for answers busy with one heading.",
        make=lambda: notebook(markdown("# 問題" + "1" * 5 * MEGABYTE), code()),
    ),
    HostileFile(
        name="headings that never end",
        tries="Keep the expressions busy that look for question numbers.",
        make=lambda: notebook(markdown("\n".join(["## " + "問題 (1) - 1 . [1] " * 40] * 200)), code()),
    ),
    HostileFile(
        name="fences, tags and links that never close",
        tries="Keep the reader of Markdown busy with beginnings.",
        make=lambda: notebook(markdown("```\n~~~\n<h1\n[](\n![\n<!--\n$$\n" * 10_000), markdown("<" * 300_000), code()),
    ),
    HostileFile(
        name="magics that never end",
        tries="Keep those busy who take magics out, and who look for a failed import.",
        make=lambda: notebook(code("%" * 50_000 + "\n" + "!" * 50_000 + "\n" + "a?" * 50_000 + "\n" + "%%" * 50_000)),
    ),
    HostileFile(
        name="brackets that never close",
        tries="Make a syntax tree out of them.",
        make=lambda: notebook(code("(" * 20_000), code("x = " + "-" * 20_000 + "1"), code("[" * 90 + "]" * 90)),
    ),
    HostileFile(
        name="quotes and backslashes",
        tries="Keep those busy who look for strings.",
        make=lambda: notebook(code("'\\" * 30_000), code('"""' * 10_001), code("\\\n" * 30_000)),
    ),
    HostileFile(
        name="names and numbers that never end",
        tries="Keep those busy who look for the student's name.",
        make=lambda: notebook(
            markdown("氏名: " * 50_000), markdown("学籍番号" + " " * 200_000), markdown("name:" * 50_000), code()
        ),
    ),
    HostileFile(
        name="2001 cells",
        tries="More cells than anybody can look at.",
        make=lambda: notebook(*[markdown("")] * 2000, code()),
        refused="too_many_cells",
    ),
    HostileFile(
        name="21 MB",
        tries="A file larger than is taken.",
        make=lambda: notebook(code("x" * 21 * MEGABYTE)),
        refused="too_large",
    ),
    HostileFile(
        name="a bomb",
        tries="A file that grows a thousand times when it is unpacked.",
        make=lambda: b"\x1f\x8b\x08\0" + zlib.compress(bytes(50 * MEGABYTE)),
        refused="zip_file",
    ),
    HostileFile(
        name="another notebook behind the first",
        tries="Be read as one notebook here and as another elsewhere.",
        make=lambda: notebook() + notebook(code("y = 2")),
        refused="not_json",
    ),
    HostileFile(
        name="cells twice",
        tries="The same by writing a key twice.",
        make=lambda: b'{"cells": [], ' + notebook()[1:],
    ),
    HostileFile(
        name="keys without end",
        tries="Fill the memory with names, no two alike.",
        make=lambda: with_raw(b"{" + b",".join(b'"%x":0' % n for n in range(400_000)) + b"}", metadata={"keys": "@"}),
    ),
    HostileFile(
        name="a notebook of an old format with new cells",
        tries="Be read by the rules of two formats at once.",
        make=lambda: notebook(nbformat=3, worksheets=[{"cells": [code("evil = 1")]}], cells=[code("x = 1")]),
    ),
]
