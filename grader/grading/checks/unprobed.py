"""What all kinds have in common that ask nothing of the kernel: no probe, no hidden input, no name to look for."""

from typing import ClassVar

from grader.domain.assignment import InputSet
from grader.domain.probe import Probe
from grader.grading.checks.settings import Settings


class UnprobedCheck(Settings):
    """A kind that looks at outputs, source or words only; its class says `kind` and `evaluate`."""

    RUNGS: ClassVar[tuple[str, ...]] = ()
    has_hidden_inputs: ClassVar[bool] = False
    answer_names: ClassVar[tuple[str, ...]] = ()

    @property
    def answer_patterns(self) -> tuple[str, ...]:
        """None: any cell may show something."""
        return ()

    def draw_inputs(self, seed: int) -> InputSet:
        """No hidden inputs."""
        return ()

    def probes(self, *, source: str, notebook_source: str, inputs: InputSet) -> tuple[Probe, ...]:
        """Nothing is asked of the kernel."""
        return ()
