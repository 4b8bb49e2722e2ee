"""New texts, visibility and rubrics on a real service: nothing before `course update`, all of it after."""

from functools import partial

import pytest
from command_line import call
from documentation import notebook_of

from grader.domain.people import Role

SPEC = """\
title: {ja: 花, en: Flowers}
questions:
  q1: {prompt: {ja: "花", en: "Count."}, value: x, points: 10}
  q2:
    prompt: {ja: "理由", en: "Say why."}
    written:
    - {points: 3, text: Names the petals}
    - {points: 2, text: Names the leaves, id: leaves}
"""
MENDED = """\
title: {ja: 花と葉, en: Flowers and leaves}
questions:
  q1: {prompt: {ja: "花と葉", en: "Count them."}, value: x, points: 10, visibility: verdict}
  q2:
    prompt: {ja: "理由", en: "Give a reason."}
    written:
    - {points: 1, text: Names the flowers}
    - {points: 1, text: Spells right}
    - {points: 6, text: Names all leaves, id: leaves}
"""
REFERENCE = (
    "# %% [markdown]\n# ## 問題1\n# %%\nx = 3\n# %% [markdown]\n# ## 問題2\n# %% [markdown]\n# They have three.\n"
)


@pytest.fixture
def operate(capsys, monkeypatch, service):
    """Commands for the operator, on the data folder of the service that runs."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    command = partial(call, capsys=capsys, monkeypatch=monkeypatch)
    return lambda *words: command(*words, GRADER_DATA_FOLDER=str(service.data_folder))


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "flowers"
    folder.mkdir()
    (folder / "assignment.yaml").write_text(SPEC)
    (folder / "reference.ipynb").write_bytes(notebook_of(REFERENCE))
    return folder


def test_old_results_follow_new_texts_and_rubrics_once_the_course_is_updated(operate, service, folder):
    assert operate("assignment", "publish", folder, "--lang", "en").status == 0
    operate("course", "offer", "demo", "flowers")
    student, ta = service.add_member("rubric-ann"), service.add_member("rubric-tom", role=Role.TA)
    for client in (student, ta):
        client.headers["Accept-Language"] = "en"
    answer = student.hand_in(notebook_of(REFERENCE.replace("x = 3", "x = 'three'")), slug="flowers").json()
    path = f"/submissions/{answer['id']}"
    waiting = student.wait_for_result(answer["id"])
    assert (waiting["score"], waiting["pending"], waiting["points"]) == (0, 5, 15)
    assert [item["key"] for item in ta.get(f"{path}/rubrics").json()[0]["items"]] == ["1", "leaves"]

    overtaken = ta.post(f"{path}/decisions", json={"question": "q2", "items": [], "seen": 1})
    assert (overtaken.status_code, ta.get(f"{path}/decisions").json()) == (409, [])
    given = ta.post(
        f"{path}/decisions", json={"question": "q2", "items": ["leaves"], "comment": "Well seen.", "seen": 0}
    )
    assert (given.status_code, given.json()["points"], given.json()["login"]) == (201, 2, "rubric-tom")
    asked = student.get("/courses/demo/assignments/flowers").json()
    before = student.get(f"{path}/result").json()
    assert (before["score"], before["decided"], before["points"]) == (2, 15, 15)

    (folder / "assignment.yaml").write_text(MENDED)
    assert operate("assignment", "publish", folder, "--lang", "en").status == 0
    assert student.get(f"{path}/result").json() == before
    assert student.get("/courses/demo/assignments/flowers").json() == asked
    assert ta.get(f"{path}/rubrics").json()[0]["points"] == 5

    said = operate("course", "update", "demo", "flowers")

    assert said.status == 0
    assert len(said.out.splitlines()) == 2
    after = student.get(f"{path}/result").json()
    assert after["version"] == before["version"]
    assert (after["score"], after["decided"], after["points"]) == (6, 18, 18)
    assert (after["questions"][1]["score"], after["questions"][1]["points"]) == (6, 8)
    assert "Well seen." in after["questions"][1]["checks"][0]["message"]
    hinted, verdict = (report["questions"][0]["checks"][0]["message"] for report in (before, after))
    assert hinted != verdict
    asked = student.get("/courses/demo/assignments/flowers").json()
    assert (asked["title"], asked["points"]) == ("Flowers and leaves", 18)
    assert [question["prompt"] for question in asked["questions"]] == ["Count them.", "Give a reason."]
    (rubric,) = ta.get(f"{path}/rubrics").json()
    assert [item["text"] for item in rubric["items"]] == ["Names the flowers", "Spells right", "Names all leaves"]
    told = ta.get(f"{path}/decisions").json()
    assert [(each["kind"], each["items"], each["points"]) for each in told] == [
        ("points", ["leaves"], 2),
        ("recomputed", ["leaves"], 6),
    ]
    totals = student.get(path).json()["totals"]
    assert (totals["score"], totals["decided"], totals["points"]) == (6, 18, 18)

    assert ta.post(f"{path}/decisions", json={"question": "q2", "points": 8}).status_code == 201
    (folder / "assignment.yaml").write_text(SPEC)
    operate("assignment", "publish", folder, "--lang", "en")
    listed = operate("course", "update", "demo", "flowers").out.splitlines()
    assert len(listed) == 2
    assert "rubric-ann" in listed[1]
    assert "8" in listed[1]
    assert student.get(f"{path}/result").json()["score"] == 5

    assert student.get(f"{path}/rubrics").status_code == 403
    assert student.get(f"{path}/decisions").status_code == 403
    assert student.post(f"{path}/decisions", json={"question": "q2", "points": 5}).status_code == 403
    stranger = service.add_member("rubric-bob")
    assert stranger.get(f"{path}/decisions").status_code == 404
    for wrong in ({"items": ["none"]}, {"items": ["1"], "points": 1}, {}, {"points": 6}, {"points": "NaN"}):
        assert ta.post(f"{path}/decisions", json={"question": "q2", **wrong}).status_code == 422, wrong
    assert len(ta.get(f"{path}/decisions").json()) == 3
