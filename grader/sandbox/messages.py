"""What the host believes of a kernel's frames: a whitelist of messages, each field checked, copied and bounded.

The process at the other end belongs to the student, who can write any bytes into the socket.
"""

import json
from itertools import islice
from typing import Any, Final

FRAME_MAX_BYTES: Final = 8 * 1024**2
CONTAINERS_MAX: Final = 250_000
"""Lists and dicts in one frame: each costs Python tens of times its two bytes on the wire."""
NAME_MAX_CHARACTERS: Final = 200
FORMATS_MAX: Final = 40
"""In which one output is given."""
TRACEBACK_MAX_PIECES: Final = 1000
"""IPython gives one for each frame. Without these bounds outputs that are kept take twelve times their bytes."""

Content = dict[str, Any]


class ProtocolError(Exception):
    """A frame that our own code in the kernel does not write."""


class Message:
    """One frame as the host understands it."""

    __slots__ = ("content", "kind", "parent")

    def __init__(self, *, kind: str, parent: str | None, content: Content) -> None:
        self.kind = kind
        self.parent = parent
        self.content = content

    def as_jupyter(self) -> dict[str, Any]:
        """Give the shape in which nbclient expects a message."""
        return {
            "header": {"msg_type": self.kind},
            "msg_type": self.kind,
            "parent_header": {"msg_id": self.parent},
            "content": self.content,
            "metadata": {},
            "buffers": [],
        }


def parse_message(data: bytes) -> Message | None:
    """Read one frame; None for a message that is harmless and of no interest.

    Raises:
        ProtocolError: it is not what our code writes.
    """
    if data.count(b"[") + data.count(b"{") > CONTAINERS_MAX:
        raise ProtocolError("too many lists and dicts")
    try:
        frame = json.loads(data)
        channel, kind, parent, content = frame["channel"], frame["type"], frame["parent"], frame["content"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ProtocolError(type(error).__name__) from error
    if not isinstance(kind, str) or not isinstance(content, dict) or not isinstance(parent, str | None):
        raise ProtocolError("fields of other types")
    check = _CHECKS.get((channel, kind)) if isinstance(channel, str) else None
    if check is None:
        return None  # comm messages, input requests, debug events: nothing here listens to them
    return Message(kind=kind, parent=parent, content=check(content))


def _nothing(content: Content) -> Content:
    return {}


def _stream(content: Content) -> Content:
    if content.get("name") not in ("stdout", "stderr"):
        raise ProtocolError("stream name")
    return {"name": content["name"], "text": _text(content.get("text"))}


def _display(content: Content) -> Content:
    data = _mime_bundle(content.get("data"))
    checked: Content = {"data": data, "metadata": _shown_how(content.get("metadata"), data)}
    transient = content.get("transient")
    display_id = transient.get("display_id") if isinstance(transient, dict) else None
    if isinstance(display_id, str) and len(display_id) <= NAME_MAX_CHARACTERS:
        checked["transient"] = {"display_id": display_id}
    return checked


def _result(content: Content) -> Content:
    return {**_display(content), "execution_count": _count(content.get("execution_count"))}


def _error(content: Content) -> Content:
    traceback = content.get("traceback")
    if not isinstance(traceback, list):
        raise ProtocolError("traceback")
    return {
        "ename": _text(content.get("ename"))[:NAME_MAX_CHARACTERS],
        "evalue": _text(content.get("evalue")),
        "traceback": [_text(piece) for piece in traceback[-TRACEBACK_MAX_PIECES:]],
    }


def _status(content: Content) -> Content:
    if content.get("execution_state") not in ("busy", "idle"):
        raise ProtocolError("execution state")
    return {"execution_state": content["execution_state"]}


def _clear(content: Content) -> Content:
    return {"wait": content.get("wait") is True}


def _reply(content: Content) -> Content:
    status = content.get("status")
    count = {"execution_count": _count(content.get("execution_count"))}
    if status == "ok":
        return {"status": "ok", **count}
    if status == "error":
        return {"status": "error", **count, **_error(content)}
    raise ProtocolError("reply status")


def _mime_bundle(data: object) -> dict[str, str]:
    """Keep the pieces that are text, as pictures are too; a tree of JSON has no use here."""
    if not isinstance(data, dict):
        raise ProtocolError("data")
    texts = ((kind, value) for kind, value in data.items() if isinstance(value, str))
    return {_text(kind)[:NAME_MAX_CHARACTERS]: _text(value) for kind, value in islice(texts, FORMATS_MAX)}


def _shown_how(metadata: object, data: dict[str, str]) -> dict[str, dict[str, int]]:
    """Keep how large a picture is to be shown: a retina figure has twice the pixels that it should fill."""
    if not isinstance(metadata, dict):
        return {}
    pictures = {kind: metadata.get(kind) for kind in data if kind.startswith("image/")}
    sizes = {kind: _sizes(wanted) for kind, wanted in pictures.items() if isinstance(wanted, dict)}
    return {kind: size for kind, size in sizes.items() if size}


def _sizes(wanted: dict[str, object]) -> dict[str, int]:
    counts = {name: _count(wanted.get(name)) for name in ("width", "height")}
    return {name: count for name, count in counts.items() if count is not None}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1_000_000 else None


def _text(value: object) -> str:
    """A lone surrogate would make writing the notebook fail later."""
    if not isinstance(value, str):
        raise ProtocolError("text")
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


_CHECKS: Final = {
    ("own", "ready"): _nothing,
    ("own", "cell_done"): _nothing,
    ("shell", "execute_reply"): _reply,
    ("iopub", "stream"): _stream,
    ("iopub", "display_data"): _display,
    ("iopub", "update_display_data"): _display,
    ("iopub", "execute_result"): _result,
    ("iopub", "error"): _error,
    ("iopub", "status"): _status,
    ("iopub", "clear_output"): _clear,
}
