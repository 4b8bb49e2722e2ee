"""A data folder made ready to serve; what only its first start gives."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.catalog import bundled, parse, read_bundle
from grader.errors import Conflict, InvalidSettings
from grader.flow.accounts import invite
from grader.flow.people import add_course, ensure_admin
from grader.flow.ports import Stores
from grader.flow.publish import offer, publish
from grader.flow.standing import settle_missing
from grader.settings import Settings
from grader.wiring.data_folder import draw_key, open_stores

DEMO_COURSE = "demo"
DEMO_ASSIGNMENT = "torch-tensor"
_ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class FirstStart:
    """What only the first start on a data folder gives, shown once: the admin's token, and the secret of a link."""

    admin_token: str | None
    admin_invitation: str | None


def prepare(settings: Settings) -> FirstStart:
    """Make the data folder ready to serve: secrets, database, bundled assignments, the demo course, an admin."""
    draw_key(settings)
    with open_stores(settings) as stores:
        settle_missing(stores=stores)
        chosen = _choose_bundled(settings.bundled)
        for folder in chosen.values():
            bundle = read_bundle(folder)
            publish(parse(bundle), files=bundle.files, stores=stores)
        with stores.storage.reading() as tx:
            is_first = not tx.people.has_admin()
        if is_first and settings.demo:
            _create_demo_course(chosen, stores=stores)
        # Last, so that a start which was cut off before is a first start again and shows its token.
        issued = ensure_admin(login=_ADMIN, stores=stores) if is_first else None
        invited = None if issued is None else invite(_ADMIN, stores=stores)
    return FirstStart(
        admin_token=None if issued is None else issued.secret,
        admin_invitation=None if invited is None else invited.secret,
    )


def _choose_bundled(wanted: str) -> Mapping[str, Path]:
    """The bundled assignments that the setting names, homework 8 first: workers prove them in this order.

    Raises:
        InvalidSettings: one of them is not bundled.
    """
    known = bundled()
    names = list(known) if wanted.strip() == "all" else [name.strip() for name in wanted.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InvalidSettings(what=f"GRADER_BUNDLED: {', '.join(unknown)}")
    return {name: known[name] for name in sorted(names, key=lambda name: (name != DEMO_ASSIGNMENT, name))}


def _create_demo_course(slugs: Iterable[str], *, stores: Stores) -> None:
    with suppress(Conflict):
        add_course(DEMO_COURSE, title="デモ / Demo", stores=stores)
    for slug in slugs:
        with suppress(Conflict):
            offer(slug, course=DEMO_COURSE, stores=stores)
