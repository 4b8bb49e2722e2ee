"""Which colours a reader chose."""

from enum import StrEnum

from fastapi import Request

THEME_COOKIE = "theme"


class Theme(StrEnum):
    SYSTEM = "system"
    """What the device says."""
    LIGHT = "light"
    DARK = "dark"


def request_theme(request: Request) -> Theme:
    """The chosen one; the device's where nothing or nonsense was chosen."""
    chosen = request.cookies.get(THEME_COOKIE)
    return Theme(chosen) if chosen in tuple(Theme) else Theme.SYSTEM
