"""Reports of self-tests as JSON and back."""

from typing import Any

from grader.domain.ids import EnvironmentHash, QuestionId, VersionHash
from grader.domain.selftest import Fate, MutantReport, SelfTestReport
from grader.storage.notes import notes_from_json, notes_to_json


def report_to_json(report: SelfTestReport) -> dict[str, Any]:
    """All but version and environment, which have columns of their own."""
    return {
        "faults": notes_to_json(report.faults),
        "remarks": notes_to_json(report.remarks),
        "mutants": [_mutant_to_json(mutant) for mutant in report.mutants],
        "tried": list(report.tried),
    }


def report_from_json(entry: dict[str, Any], *, version: VersionHash, environment: EnvironmentHash) -> SelfTestReport:
    return SelfTestReport(
        version=version,
        environment=environment,
        faults=notes_from_json(entry["faults"]),
        remarks=notes_from_json(entry["remarks"]),
        mutants=tuple(map(_mutant_from_json, entry["mutants"])),
        tried=tuple(entry["tried"]),
    )


def _mutant_to_json(mutant: MutantReport) -> dict[str, Any]:
    return {
        "id": mutant.mutant_id,
        "question": mutant.question_id,
        "operator": mutant.operator,
        "facts": dict(mutant.facts),
        "diff": mutant.diff,
        "fate": mutant.fate.value,
        "reason": mutant.reason,
        "spilled": list(mutant.spilled),
    }


def _mutant_from_json(entry: dict[str, Any]) -> MutantReport:
    return MutantReport(
        mutant_id=entry["id"],
        question_id=QuestionId(entry["question"]),
        operator=entry["operator"],
        facts=entry["facts"],
        diff=entry["diff"],
        fate=Fate(entry["fate"]),
        reason=entry["reason"],
        spilled=tuple(map(QuestionId, entry["spilled"])),
    )
