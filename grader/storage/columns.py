"""Column types that keep our promises on any database: aware times, exact points, JSON and text that always fit."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware moment, kept and given back in UTC; a naive one is a mistake of ours."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class PointsNumber(sa.Float[float]):
    """Points: whole ones come back as int, so that 10 is never shown as 10.0."""

    # No TypeDecorator: it would call two functions for each of the thousands of numbers of a dashboard.
    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[float | None], float | None]:
        return _whole


def _whole(value: float | None) -> float | None:
    return value if value is None or value % 1 else int(value)


class StudentText(sa.TypeDecorator[str]):
    """Text that a student wrote: what no database takes (lone surrogates, NUL) becomes U+FFFD."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


def storable(text: str) -> str:
    """The text with U+FFFD for everything that UTF-8 or PostgreSQL cannot hold; pairs of surrogates are joined."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")


def dump_json(value: object) -> str:
    """JSON that every reader copes with: no bare NaN, no lone surrogate, no NUL."""
    return _ENCODER.encode(_plain(value))


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
