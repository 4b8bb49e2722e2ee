"""The `written` kind: words, formulas or a photo, which a TA reads with the check's rubric. It decides nothing."""

from typing import ClassVar

from grader.domain.execution import Evidence
from grader.domain.result import Finding, Verdict
from grader.grading.checks.unprobed import UnprobedCheck


class WrittenCheck(UnprobedCheck):
    """A written answer. The rubric lies on domain.Check; there is nothing else to set."""

    kind: ClassVar[str] = "written"

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Say what a TA will find. An empty answer is confirmed by a TA too: it may stand where nobody looked."""
        characters = sum(len("".join(text.split())) for text in actual.written)
        if actual.has_attachments:
            code = "written.attachment"
        elif characters:
            code = "written.waiting"
        elif any(output.has_image for output in actual.outputs):
            code = "written.picture"
        else:
            code = "written.empty"
        return Finding(verdict=Verdict.NEEDS_REVIEW, code=code, facts={"characters": characters})
