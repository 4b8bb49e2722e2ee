"""A list of settings makes several checks of one kind, each with an id, points and partial credit of its own."""

import pytest

from grader.domain.text import Text


def only_question(load, *lines, head=""):
    body = "".join(f"    {line}\n" for line in lines)
    return load(f"title: T{head}\nquestions:\n  q1:\n    prompt: P\n{body}").assignment.questions[0]


def test_settings_in_a_list_share_the_points_of_the_question(load):
    question = only_question(load, "points: 6", "value: [t, {name: u}]", "output:")
    assert [(check.check_id, check.logic.answer_names, check.points) for check in question.checks] == [
        ("value", ("t",), 6),
        ("value-2", ("u",), 0),
        ("output", (), 0),
    ]
    assert all(check.shares_points for check in question.checks)


def test_settings_in_a_list_may_have_points_of_their_own(load):
    question = only_question(
        load,
        "value:",
        "- {name: t, points: 3, partial: {dtype: 2}}",
        "- {name: u, points: 4}",
        "- {name: v, points: 5, partial: {values: share, dtype: 1}}",
    )
    assert [(check.check_id, check.points, check.partial) for check in question.checks] == [
        ("value", 3, {"dtype": 2}),
        ("value-2", 4, {}),
        ("value-3", 5, {"values": "share", "dtype": 1}),
    ]


def test_a_list_of_one_is_the_setting_alone(load):
    lines = ["points: 5", "partial: {values: share}"]
    alone, listed = only_question(load, *lines, "value: t"), only_question(load, *lines, "value: [t]")
    assert alone == listed
    assert alone.checks[0].partial == {"values": "share"}


WHY = "\nrubrics: {why: [{points: 1, text: A}], how: [{points: 2, text: B}]}"


@pytest.mark.parametrize(
    ("written", "points"),
    [
        pytest.param("written: [why, how]", [1, 2], id="names"),
        pytest.param("written: [{rubric: why}, how, [{points: 4, text: C}]]", [1, 2, 4], id="every form"),
        pytest.param("written: [{points: 4, text: C}, {points: 5, text: D}]", [9], id="a rubric's items are one check"),
    ],
)
def test_several_written_answers(load, written, points):
    question = only_question(load, written, head=WHY)
    assert [check.points for check in question.checks] == points
    assert len({check.check_id for check in question.checks}) == len(points)


def test_a_question_may_be_kept_from_follow_through(load):
    assert only_question(load, "points: 1", "value: t").follow_through
    assert not only_question(load, "points: 1", "value: t", "follow_through: false").follow_through


def test_a_model_answer_is_taken_for_each_written_check(load):
    question = only_question(
        load,
        "written:",
        "- {rubric: why, model_answer: {ja: 理由, en: Reason}}",
        "- {rubric: how, model_answer: So}",
        head=WHY,
    )
    assert [check.model_answer for check in question.checks] == [Text("理由", "Reason"), Text("So", "So")]


def test_a_model_answer_falls_back_to_what_the_reference_says_below_its_code(load, spec):
    value, output, written = (check for one in load(spec).assignment.questions for check in one.checks)
    assert written.model_answer == Text("Because.", "Because.")
    assert value.model_answer is output.model_answer is None
