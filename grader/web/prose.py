"""Our sentences on a page: what stands between backticks is shown as code, everything else as the text it is."""

from markupsafe import Markup, escape


def mark_code(text: str) -> Markup:
    """The text as HTML; backticks without a partner stay what they are."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return escape(text)
    # The format of a Markup escapes whatever it is given.
    marked = (Markup("<code>{}</code>").format(piece) if at % 2 else escape(piece) for at, piece in enumerate(pieces))
    return Markup("").join(marked)
