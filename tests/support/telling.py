"""The tiny assignment with findings that have sentences, for pages that show them."""

from dataclasses import dataclass, replace

from school import NameLogic, TinyLoaded

from grader.domain.result import Verdict


@dataclass(frozen=True, kw_only=True)
class TellingLogic(NameLogic):
    """Says of any other value that it is None, in words that students really read."""

    def evaluate(self, *, actual, expected):
        finding = super().evaluate(actual=actual, expected=expected)
        if finding.verdict is Verdict.PASSED:
            return finding
        return replace(finding, verdict=Verdict.FAILED, code="value.none", facts={"name": self.name})


def telling():
    return TinyLoaded(first=TellingLogic(name="x"))
