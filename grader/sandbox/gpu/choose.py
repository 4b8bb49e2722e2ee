"""Which of this machine's GPUs are to be used."""

from collections.abc import Sequence

from grader.errors import GpuUnavailable
from grader.sandbox.gpu.nvml import Card

ALL, NONE = "all", "none"


def choose_cards(cards: Sequence[Card], *, wanted: str) -> tuple[Card, ...]:
    """Those that a setting names: 'all', 'none', or UUIDs and numbers with commas between them.

    Raises:
        GpuUnavailable: one of them is not here.
    """
    if wanted.strip() in (ALL, NONE):
        return tuple(cards) if wanted.strip() == ALL else ()
    by_name = {name: card for card in cards for name in (card.uuid, str(card.minor))}
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise GpuUnavailable("not_found", gpu=", ".join(unknown))
    return tuple(dict.fromkeys(by_name[name] for name in names))
