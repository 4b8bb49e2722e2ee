"""The text of the outputs that a file was saved with: what its student saw last, whether or not it still holds."""

from collections.abc import Iterator, Mapping

from grader.domain.notebook import SAVED_CHARACTERS


def read_saved(raw: Mapping[str, object]) -> str:
    """Give what a code cell of a file shows as plain text, cut to 20,000 characters; errors and stderr are left out.

    Whatever stands in place of outputs gives a text: nothing of it is trusted, and only as much is read as is kept.
    """
    outputs = raw.get("outputs")
    pieces: list[str] = []
    left = SAVED_CHARACTERS
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, dict) or left <= 0:
            continue
        is_stream = output.get("output_type") == "stream"
        if pieces and not (is_stream and pieces[-1].endswith("\n")):
            pieces.append("\n")
        for piece in _pieces_of(output):
            pieces.append(piece[:left])
            left -= len(pieces[-1])
            if left <= 0:
                break
    text = "".join(pieces)[:SAVED_CHARACTERS]
    return text.encode("utf-8", "replace").decode()


def _pieces_of(output: Mapping[str, object]) -> Iterator[str]:
    """Its text, a string or a list of lines."""
    kind, data = output.get("output_type"), output.get("data")
    if kind == "stream":
        text = output.get("text") if output.get("name", output.get("stream")) != "stderr" else None
    elif kind in ("execute_result", "display_data", "pyout"):
        # nbformat 3 has no bundle of types: `text` stands in the output itself.
        text = data.get("text/plain") if isinstance(data, dict) else output.get("text")
    else:
        return
    if isinstance(text, str):
        yield text
    elif isinstance(text, list):
        yield from (line for line in text if isinstance(line, str))
