"""The language a person at a terminal reads."""

import os

from grader.domain.text import Language


def default_language() -> Language:
    """Japanese where the locale says so, else English."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable)
        if value:
            return Language.JA if value.lower().startswith("ja") else Language.EN
    return Language.EN
