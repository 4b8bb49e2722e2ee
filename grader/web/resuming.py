"""What somebody typed into a form whose session had ended: kept in the page that asks them to sign in again."""

import json
from dataclasses import dataclass

from fastapi import Request
from starlette.exceptions import HTTPException

from grader.web.addresses import path_of, path_within
from grader.web.security import own_path

_SECRET = frozenset({"password", "again", "current_password"})
_MOST_CHARACTERS = 4 * 1024**2


@dataclass(frozen=True, kw_only=True)
class KeptForm:
    """A form as it was sent; nothing of it is stored on the server."""

    action: str
    """Where it was sent to, with what the address asks for: some forms do not say it again."""
    page: str
    """Where it stood, likewise."""
    fields: tuple[tuple[str, str], ...]
    has_files: bool
    """Files cannot be put back into a form: they must be chosen again."""

    @property
    def words(self) -> tuple[str, ...]:
        """What a person typed; names of things and what stood behind buttons say nothing to them."""
        return tuple(value for _, value in self.fields if len(value.split()) > 1 or not value.isascii())

    def dump(self) -> str:
        return json.dumps([self.action, self.page, self.fields, self.has_files], ensure_ascii=False)


async def keep_form(request: Request) -> KeptForm:
    """The text fields of a request that was refused, without passwords."""
    try:
        sent = (await request.form()).multi_items()
    except HTTPException:
        sent = []  # no form that anybody typed
    fields = tuple((name, value) for name, value in sent if isinstance(value, str))
    return KeptForm(
        action=path_of(request),
        page=path_within(request.headers.get("referer", "")),
        fields=tuple(field for field in fields if field[0] not in _SECRET),
        has_files=len(fields) < len(sent),
    )


def read_kept(text: str) -> KeptForm | None:
    """The form that `dump` wrote; None for anything else."""
    if not text or len(text) > _MOST_CHARACTERS:
        return None
    try:
        action, page, fields, has_files = json.loads(text)
        pairs = tuple((str(name), str(value)) for name, value in fields)
        to, back = own_path(str(action)), own_path(str(page))
    except (ValueError, TypeError, RecursionError):
        return None
    return KeptForm(action=to, page=back, fields=pairs, has_files=bool(has_files))
