"""The hash that names a published version: it covers all that decides scores and none of the words around it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import cast

from pydantic import BaseModel

from grader.catalog.checks import WRITTEN
from grader.catalog.data import DataFiles
from grader.domain.assignment import Check, Question
from grader.domain.device import Device
from grader.domain.execution import Limits
from grader.domain.ids import VersionHash
from grader.domain.location import Location
from grader.domain.notebook import Notebook

_FORMAT = 1
_LATER_LIMITS = ("gpu_memory_bytes", "gpu_s")
"""Those that the first release did not have: left out where an assignment does not set them."""


def version_of(
    questions: Sequence[Question],
    *,
    slug: str,
    reference: Notebook,
    location: Location,
    limits: Limits,
    device: Device,
    data: DataFiles,
) -> VersionHash:
    """Hash the reference's code, which question each of its cells answers, the checks with points, limits and data.

    What has its default is left out, so that a release which adds a setting makes no new versions. So are settings that
    are words for people.
    A rubric's points are not automatic: TAs may weigh them anew without a new run. The slug is part of it, so that a
    copy of an assignment under a name of its own is a version of its own.
    """
    code = [cell.source for cell in reference.code_cells]
    place = {cell.index: number for number, cell in enumerate(reference.code_cells)}
    content = {
        "format": _FORMAT,
        "slug": slug,
        "code": code,
        "questions": [
            {
                "id": question.question_id,
                "cells": [place[index] for index in location.answers[question.question_id].code_cells],
                "checks": [_check(check) for check in question.checks],
                **({} if question.follow_through else {"follow_through": False}),
            }
            for question in questions
        ],
        "limits": _limits(limits),
        "device": device,
        **{name: _digests(files) for name, files in (("data", data.files), ("hidden", data.hidden)) if files},
    }
    canonical = json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return VersionHash(hashlib.sha256(canonical.encode("ascii")).hexdigest())


def _limits(limits: Limits) -> dict[str, object]:
    usual = asdict(Limits())
    return {name: value for name, value in asdict(limits).items() if name not in _LATER_LIMITS or value != usual[name]}


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}


def _check(check: Check) -> dict[str, object]:
    settings = cast(BaseModel, check.logic).model_dump(mode="json", exclude_defaults=True)
    if check.kind == WRITTEN:
        return {"id": check.check_id, "kind": check.kind, "settings": settings}
    return {
        "id": check.check_id,
        "kind": check.kind,
        "settings": settings,
        "points": check.points,
        "shares_points": check.shares_points,
        "partial": dict(check.partial),
    }
