"""How much of one notebook is shown: what hostile students could make endless is counted down."""

from dataclasses import dataclass, field

MAX_IMAGES = 200


@dataclass(kw_only=True)
class Budget:
    """A number that only gets smaller."""

    left: int

    def take(self, count: int) -> bool:
        """Whether there was enough; nothing is taken if not."""
        is_enough = count <= self.left
        self.left -= count if is_enough else 0
        return is_enough


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What is left for the rest of a notebook."""

    text: Budget = field(default_factory=lambda: Budget(left=1_000_000))
    """Characters of outputs, before they are escaped."""
    formatted: Budget = field(default_factory=lambda: Budget(left=100_000))
    """Characters of Markdown, which is dear to read."""
    coloured: Budget = field(default_factory=lambda: Budget(left=200_000))
    """Characters of code."""
    outputs: Budget = field(default_factory=lambda: Budget(left=2_000))
    images: Budget = field(default_factory=lambda: Budget(left=MAX_IMAGES))
    """Pictures, each of which a browser may ask for by itself; the same one within a text counts once."""
