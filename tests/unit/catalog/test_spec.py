"""What an author's YAML means, and that every mistake in it is found with its line and field."""

import pytest

from grader.domain.assignment import Visibility
from grader.domain.execution import Limits
from grader.domain.text import Language, Text
from grader.feedback.catalogue import sentence


def question(*lines, head=""):
    """A file whose only question has these lines; its first line is line 4."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"title: T{head}\nquestions:\n  q1:\n{body}"


def test_the_small_assignment_means_what_it_says(load):
    assignment = load().assignment
    assert (assignment.slug, assignment.title) == ("small", Text("課題", "Homework"))
    assert assignment.limits == Limits()
    assert assignment.device == "cpu"
    first, second = assignment.questions
    assert (first.question_id, first.number, first.title) == ("q1", 1, Text("問題1", "Question 1"))
    assert first.prompt == Text("`t` を作る。{{print(t)}}", "Make `t`. {{print(t)}}")
    assert first.visibility is Visibility.HINT
    (value,) = first.checks
    assert (value.check_id, value.kind, value.points, value.partial) == ("value", "value", 20, {"dtype": 14})
    assert not value.shares_points
    assert second.prompt == Text("Show it.", "Show it.")
    output, written = second.checks
    assert (output.kind, output.points, written.kind, written.points) == ("output", 10, "written", 5)
    assert [(item.points, item.text) for item in written.rubric] == [
        (3, Text("理由がある", "Gives a reason")),
        (2, Text("1 + 1", "1 + 1")),
    ]
    assert assignment.points == 35


def test_rubric_items_have_an_id_or_their_place_for_a_key(load):
    spec = question(
        "prompt: P", "written:", "- {points: 1, text: A}", "- {points: 1, text: B, id: b-2}", "- {points: 1, text: C}"
    )
    (only,) = load(spec).assignment.questions
    assert [item.key for item in only.checks[0].rubric] == ["1", "b-2", "3"]


def test_checks_without_points_share_those_of_the_question(load):
    spec = question(
        "prompt: P", "points: 10", "value: t", "output:", "source: t[$A]", "written: [{points: 2.5, text: W}]"
    )
    (only,) = load(spec).assignment.questions
    assert [(check.kind, check.points, check.shares_points) for check in only.checks] == [
        ("value", 10, True),
        ("output", 0, True),
        ("source", 0, True),
        ("written", 2.5, False),
    ]
    assert only.points == 12.5


def test_a_check_with_points_counts_by_itself(load):
    spec = question("prompt: P", "points: 6", "output: {points: 4}", "value: t", "partial: {dtype: 3}").replace(
        "    partial: {dtype: 3}\n", ""
    )
    (only,) = load(spec).assignment.questions
    assert [(check.kind, check.points, check.shares_points) for check in only.checks] == [
        ("output", 4, False),
        ("value", 6, False),
    ]


def test_partial_may_stand_in_the_check(load):
    spec = question("prompt: P", "value: {name: t, points: 20, partial: {dtype: 14.5}}")
    assert load(spec).assignment.questions[0].checks[0].partial == {"dtype": 14.5}


def test_limits_device_and_visibility_are_taken(load, spec):
    limits = "limits: {question_s: 2.5, memory_bytes: 1000000000, gpu_s: 60, gpu_memory_bytes: 1024}"
    text = f"{spec}{limits}\ndevice: any\nvisibility: verdict\n"
    text = text.replace("    value: t\n", "    value: t\n    visibility: full\n    title: {ja: 一, en: One}\n")
    assignment = load(text).assignment
    assert assignment.limits == Limits(question_s=2.5, memory_bytes=10**9, gpu_s=60.0, gpu_memory_bytes=1024)
    assert assignment.device == "any"
    assert [one.visibility for one in assignment.questions] == [Visibility.FULL, Visibility.VERDICT]
    assert assignment.questions[0].title == Text("一", "One")


def test_a_rubric_may_be_shared_by_an_alias(load):
    spec = question(
        "prompt: P",
        "value: {name: t, points: 1}",
        "written: *why",
        head="\nrubrics: {why: &why [{points: 1, text: A}]}",
    )
    assert load(spec).assignment.points == 2


WHY = "\nrubrics: {why: [{points: 1, text: A}]}"

ONE_MISTAKE = [
    # (id, file, line, field, code, facts that must be among the mistake's)
    ("no title", "questions:\n  q1: {prompt: P, value: t, points: 1}\n", 1, "", "field_missing", {"name": "title"}),
    ("no questions", "title: T\n", 1, "", "field_missing", {"name": "questions"}),
    ("questions as a list", "title: T\nquestions:\n- q1\n", 2, "questions", "not_a_mapping", {}),
    ("no question at all", "title: T\nquestions: {}\n", 2, "questions", "empty", {}),
    ("a question as a word", "title: T\nquestions:\n  q1: t\n", 3, "questions.q1", "not_a_mapping", {}),
    (
        "a mistyped field at the top",
        question("prompt: P", "value: t", "points: 1", head="\nrubrisc: {}"),
        2,
        "rubrisc",
        "field_unknown_near",
        {"name": "rubrisc", "nearest": "rubrics"},
    ),
    (
        "an unknown field at the top",
        question("prompt: P", "value: t", "points: 1", head="\nxyz: 1"),
        2,
        "xyz",
        "field_unknown",
        {"name": "xyz"},
    ),
    (
        "a mistyped field of a question",
        question("prompt: P", "value: t", "point: 1", "points: 1"),
        6,
        "questions.q1.point",
        "field_unknown_near",
        {"nearest": "points"},
    ),
    (
        "a mistyped kind",
        question("prompt: P", "value: t", "points: 1", "gradiant: x"),
        7,
        "questions.q1.gradiant",
        "field_unknown_near",
        {"nearest": "gradient"},
    ),
    ("no check", question("prompt: P", "points: 1"), 3, "questions.q1", "question_without_check", {}),
    ("no points", question("prompt: P", "value: t"), 3, "questions.q1", "field_missing", {"name": "points"}),
    (
        "points of nothing",
        question("prompt: P", "value: {name: t, points: 3}", "points: 3"),
        6,
        "questions.q1.points",
        "points_unused",
        {},
    ),
    (
        "zero points",
        question("prompt: P", "value: t", "points: 0"),
        6,
        "questions.q1.points",
        "question_worth_nothing",
        {},
    ),
    (
        "zero points in the check",
        question("prompt: P", "value: {name: t, points: 0}"),
        3,
        "questions.q1",
        "question_worth_nothing",
        {},
    ),
    (
        "negative points",
        question("prompt: P", "value: t", "points: -1"),
        6,
        "questions.q1.points",
        "points_out_of_range",
        {},
    ),
    (
        "infinite points",
        question("prompt: P", "value: t", "points: .inf"),
        6,
        "questions.q1.points",
        "points_out_of_range",
        {},
    ),
    (
        "NaN points",
        question("prompt: P", "value: t", "points: .nan"),
        6,
        "questions.q1.points",
        "points_out_of_range",
        {},
    ),
    (
        "points as a word",
        question("prompt: P", "value: t", "points: ten"),
        6,
        "questions.q1.points",
        "not_a_number",
        {},
    ),
    ("points as true", question("prompt: P", "value: t", "points: true"), 6, "questions.q1.points", "not_a_number", {}),
    (
        "points too fine",
        question("prompt: P", "value: t", "points: 1.005"),
        6,
        "questions.q1.points",
        "points_too_fine",
        {},
    ),
    (
        "points of a check as a word",
        question("prompt: P", "value:", "  name: t", "  points: x"),
        7,
        "questions.q1.value.points",
        "not_a_number",
        {},
    ),
    (
        "a total that is not the sum",
        question("prompt: P", "value: t", "points: 9", head="\npoints: 10"),
        2,
        "points",
        "points_sum",
        {"declared": 10, "total": 9},
    ),
    (
        "written points that are not the rubric's",
        question("prompt: P", "written: {rubric: why, points: 2}", head=WHY),
        6,
        "questions.q1.written.points",
        "points_sum",
        {"declared": 2, "total": 1},
    ),
    (
        "no text in any language",
        question("prompt: {}", "value: t", "points: 1"),
        4,
        "questions.q1.prompt",
        "language_missing",
        {},
    ),
    (
        "an empty text",
        question("prompt: {ja: 作る, en: ''}", "value: t", "points: 1"),
        4,
        "questions.q1.prompt.en",
        "empty",
        {},
    ),
    (
        "a text that is a list",
        question("prompt: [a]", "value: t", "points: 1"),
        4,
        "questions.q1.prompt",
        "not_text",
        {},
    ),
    (
        "an unknown language",
        question("prompt: {ja: 作る, en: Make, fr: Faire}", "value: t", "points: 1"),
        4,
        "questions.q1.prompt.fr",
        "field_unknown",
        {"name": "fr"},
    ),
    (
        "an expression that is no Python",
        question("prompt: 'see {{print(}}'", "value: t", "points: 1"),
        4,
        "questions.q1.prompt",
        "prompt_expression",
        {"expression": "print("},
    ),
    (
        "an unknown rung",
        question("prompt: P", "value: t", "points: 5", "partial: {dtyp: 3}"),
        7,
        "questions.q1.partial.dtyp",
        "rung_unknown_near",
        {"nearest": "dtype"},
    ),
    (
        "partial above the points",
        question("prompt: P", "value: t", "points: 5", "partial:", "  dtype: 6"),
        8,
        "questions.q1.partial.dtype",
        "partial_above_points",
        {"partial": 6, "points": 5},
    ),
    (
        "partial as a number",
        question("prompt: P", "value: t", "points: 5", "partial: 3"),
        7,
        "questions.q1.partial",
        "not_a_mapping",
        {},
    ),
    (
        "partial of two checks",
        question("prompt: P", "value: t", "output:", "points: 5", "partial: {dtype: 3}"),
        8,
        "questions.q1.partial",
        "partial_of_which_check",
        {"kinds": "value, output"},
    ),
    (
        "partial twice",
        question("prompt: P", "value: {name: t, partial: {dtype: 1}}", "points: 5", "partial: {dtype: 3}"),
        7,
        "questions.q1.partial",
        "partial_twice",
        {},
    ),
    (
        "an unknown rubric",
        question("prompt: P", "written: wy", head=WHY),
        5 + 1,
        "questions.q1.written",
        "rubric_unknown_near",
        {"nearest": "why"},
    ),
    (
        "a rubric where there are none",
        question("prompt: P", "written: why"),
        5,
        "questions.q1.written",
        "rubric_undefined",
        {"name": "why"},
    ),
    ("written as a number", question("prompt: P", "written: 10"), 5, "questions.q1.written", "rubric_expected", {}),
    (
        "written without a rubric",
        question("prompt: P", "written: {points: 3}"),
        5,
        "questions.q1.written",
        "field_missing",
        {"name": "rubric"},
    ),
    ("an empty rubric", question("prompt: P", "written: []"), 5, "questions.q1.written", "empty", {}),
    (
        "a rubric item without points",
        question("prompt: P", "written:", "- text: A"),
        6,
        "questions.q1.written[0]",
        "field_missing",
        {"name": "points"},
    ),
    (
        "a rubric item without words",
        question("prompt: P", "written:", "- {points: 1, text: A}", "- points: 1"),
        7,
        "questions.q1.written[1]",
        "language_missing",
        {},
    ),
    (
        "a rubric item with two texts",
        question("prompt: P", "written:", "- {points: 1, text: A, ja: B}"),
        6,
        "questions.q1.written[0].ja",
        "text_twice",
        {},
    ),
    (
        "a rubric item with a number for its id",
        question("prompt: P", "written:", "- {points: 1, text: A, id: 2}"),
        6,
        "questions.q1.written[0].id",
        "rubric_id",
        {},
    ),
    (
        "a rubric item with an id of other letters",
        question("prompt: P", "written:", "- {points: 1, text: A, id: 'Reason 1'}"),
        6,
        "questions.q1.written[0].id",
        "rubric_id",
        {},
    ),
    (
        "two rubric items with one id",
        question("prompt: P", "written:", "- {points: 1, text: A, id: a}", "- {points: 2, text: B, id: a}"),
        7,
        "questions.q1.written[1].id",
        "rubric_id_twice",
        {"id": "a"},
    ),
    (
        "a rubric item as a word",
        question("prompt: P", "written: [{points: 1, text: B}, A]"),
        5,
        "questions.q1.written[1]",
        "not_a_mapping",
        {},
    ),
    (
        "a list of rubrics of which one is not there",
        question("prompt: P", "written: [why, how]", head=WHY),
        6,
        "questions.q1.written[1]",
        "rubric_unknown",
        {"name": "how", "known": "why"},
    ),
    ("no settings in a list", question("prompt: P", "value: []", "points: 1"), 5, "questions.q1.value", "empty", {}),
    (
        "one of several settings at fault",
        question("prompt: P", "points: 1", "value:", "- t", "- {name: u, rtoll: 1}"),
        8,
        "questions.q1.value[1].rtoll",
        "field_unknown_near",
        {"nearest": "rtol"},
    ),
    (
        "a list in a list of settings",
        question("prompt: P", "points: 1", "value: [[t]]"),
        6,
        "questions.q1.value[0]",
        "not_a_mapping",
        {},
    ),
    (
        "more checks than anybody writes",
        question("prompt: P", "points: 1", f"value: [{', '.join(['t'] * 51)}]"),
        6,
        "questions.q1.value",
        "too_long",
        {"limit": 50},
    ),
    (
        "a share where nothing is counted",
        question("prompt: P", "points: 1", "value: t", "partial: {dtype: share}"),
        7,
        "questions.q1.partial.dtype",
        "not_a_number",
        {},
    ),
    (
        "a merge key",
        question("prompt: P", "points: 1", "value: t", "<<: {visibility: full}"),
        7,
        "questions.q1.<<",
        "merge_key",
        {},
    ),
    (
        "one input at fault of one",
        question("prompt: P", "points: 1", "function: {name: f, inputs: [{uniform: [0, 1], times: -1}]}"),
        6,
        "questions.q1.function.inputs[0].times",
        "out_of_range",
        {},
    ),
    (
        "more time for a question than for all",
        question("prompt: P", "points: 1", "training: {losses: l, seconds: 600}"),
        3,
        "questions.q1",
        "limit_above_total",
        {"question_s": 600.0},
    ),
    (
        "an array of a file that is not listed",
        question("prompt: P", "points: 1", "training:", "  predict: {name: m, inputs: 'h.npz:x', like: reference}"),
        7,
        "questions.q1.training.predict.inputs",
        "array_unknown",
        {"name": "h.npz:x", "known": "-"},
    ),
    (
        "an optimizer in small letters",
        question("prompt: P", "points: 1", "training:", "  optimizer: sgd"),
        7,
        "questions.q1.training.optimizer",
        "word_unknown",
        {},
    ),
    (
        "follow-through as a word",
        question("prompt: P", "points: 1", "value: t", "follow_through: no"),
        7,
        "questions.q1.follow_through",
        "not_true_or_false",
        {},
    ),
    (
        "an unknown language of the assignment",
        question("prompt: P", "value: t", "points: 1", head="\nlanguages: [ja, fr]"),
        2,
        "languages[1]",
        "word_unknown",
        {"known": "ja, en"},
    ),
    (
        "a language as a word",
        question("prompt: P", "value: t", "points: 1", head="\nlanguages: ja"),
        2,
        "languages",
        "not_a_list",
        {},
    ),
    (
        "no language",
        question("prompt: P", "value: t", "points: 1", head="\nlanguages: []"),
        2,
        "languages",
        "empty",
        {},
    ),
    (
        "notes as a list",
        question("prompt: P", "value: t", "points: 1", head="\nnotes: [a]"),
        2,
        "notes",
        "not_text",
        {},
    ),
    (
        "accepted survivors without reasons",
        question("prompt: P", "value: t", "points: 1", head="\naccepted: [q1-3]"),
        2,
        "accepted",
        "not_a_mapping",
        {},
    ),
    (
        "a survivor with an empty reason",
        question("prompt: P", "value: t", "points: 1", head="\naccepted:\n  q1-3: ''"),
        3,
        "accepted.q1-3",
        "empty",
        {},
    ),
    (
        "a model answer that is a list",
        question("prompt: P", "written: {rubric: why, model_answer: [a]}", head=WHY),
        6,
        "questions.q1.written.model_answer",
        "not_text",
        {},
    ),
    (
        "rubrics as a list",
        question("prompt: P", "value: t", "points: 1", head="\nrubrics: [a]"),
        2,
        "rubrics",
        "not_a_mapping",
        {},
    ),
    (
        "a mistyped limit",
        question("prompt: P", "value: t", "points: 1", head="\nlimits:\n  questions_s: 5"),
        3,
        "limits.questions_s",
        "limit_unknown_near",
        {"nearest": "question_s"},
    ),
    (
        "a limit as a word",
        question("prompt: P", "value: t", "points: 1", head="\nlimits: {total_s: 5m}"),
        2,
        "limits.total_s",
        "not_a_number",
        {},
    ),
    (
        "half a process",
        question("prompt: P", "value: t", "points: 1", head="\nlimits: {processes: 1.5}"),
        2,
        "limits.processes",
        "not_a_whole_number",
        {},
    ),
    (
        "a limit of zero",
        question("prompt: P", "value: t", "points: 1", head="\nlimits: {total_s: 0}"),
        2,
        "limits.total_s",
        "limit_not_positive",
        {},
    ),
    (
        "a limit of thirty years",
        question("prompt: P", "value: t", "points: 1", head="\nlimits:\n  processes: 8\n  total_s: 1.0e+9"),
        4,
        "limits.total_s",
        "limit_too_large",
        {"most": 7200.0},
    ),
    (
        "more memory than machines have",
        question("prompt: P", "value: t", "points: 1", head="\nlimits: {memory_bytes: 10995116277760}"),
        2,
        "limits.memory_bytes",
        "limit_too_large",
        {"most": 64 * 1024**3},
    ),
    (
        "a question longer than all",
        question("prompt: P", "value: t", "points: 1", head="\nlimits: {total_s: 10, question_s: 20}"),
        2,
        "limits.question_s",
        "limit_above_total",
        {},
    ),
    (
        "limits as a number",
        question("prompt: P", "value: t", "points: 1", head="\nlimits: 30"),
        2,
        "limits",
        "not_a_mapping",
        {},
    ),
    (
        "an unknown device",
        question("prompt: P", "value: t", "points: 1", head="\ndevice: gpu"),
        2,
        "device",
        "word_unknown",
        {"known": "cpu, cuda, any"},
    ),
    (
        "an unknown visibility",
        question("prompt: P", "value: t", "points: 1", "visibility: all"),
        7,
        "questions.q1.visibility",
        "word_unknown",
        {"known": "full, hint, verdict"},
    ),
    # settings of the kinds
    (
        "a mistyped setting",
        question("prompt: P", "points: 1", "value:", "  name: t", "  rtoll: 1e-5"),
        8,
        "questions.q1.value.rtoll",
        "field_unknown_near",
        {"nearest": "rtol"},
    ),
    (
        "an unknown setting lists points too",
        question("prompt: P", "points: 1", "value: {name: t, xyz: 1}"),
        6,
        "questions.q1.value.xyz",
        "field_unknown",
        {},
    ),
    (
        "a tolerance that is a word",
        question("prompt: P", "points: 1", "value:", "  name: t", "  rtol: small", "  atol: 0"),
        8,
        "questions.q1.value.rtol",
        "not_a_number",
        {},
    ),
    (
        "a tolerance alone",
        question("prompt: P", "points: 1", "value:", "  name: t", "  rtol: 1e-5"),
        6,
        "questions.q1.value",
        "one_tolerance",
        {},
    ),
    (
        "a negative tolerance",
        question("prompt: P", "points: 1", "value:", "  name: t", "  rtol: 0", "  atol: -1"),
        9,
        "questions.q1.value.atol",
        "out_of_range",
        {"relation": "≥", "bound": 0},
    ),
    (
        "an infinite tolerance",
        question("prompt: P", "points: 1", "value: {name: t, rtol: .inf, atol: 0}"),
        6,
        "questions.q1.value.rtol",
        "not_a_number",
        {},
    ),
    ("a name that is none", question("prompt: P", "points: 1", "value: 2t"), 6, "questions.q1.value", "not_a_name", {}),
    (
        "a kind without its settings",
        question("prompt: P", "points: 1", "source:"),
        6,
        "questions.q1.source",
        "field_missing",
        {"name": "pattern"},
    ),
    (
        "a pattern that is no Python",
        question("prompt: P", "points: 1", "source: {pattern: 't[', where: {}}"),
        6,
        "questions.q1.source.pattern",
        "bad_pattern",
        {"pattern": "t["},
    ),
    (
        "a short pattern that is no Python",
        question("prompt: P", "points: 1", "source: 't['"),
        6,
        "questions.q1.source",
        "bad_pattern",
        {},
    ),
    (
        "a variable that the pattern lacks",
        question(
            "prompt: P", "points: 1", "source:", "  pattern: t[$A]", "  where:", "    A: integer", "    B: integer"
        ),
        10,
        "questions.q1.source.where.B",
        "where_unknown",
        {"name": "B"},
    ),
    (
        "a variable that may be nothing known",
        question("prompt: P", "points: 1", "source:", "  pattern: t[$A]", "  where:", "    A: whole"),
        9,
        "questions.q1.source.where.A",
        "word_unknown",
        {},
    ),
    (
        "an output that is not the reference's",
        question("prompt: P", "points: 1", "output: 5 rows"),
        6,
        "questions.q1.output",
        "word_unknown",
        {},
    ),
    (
        "a range from large to small",
        question("prompt: P", "points: 1", "function:", "  name: f", "  inputs:", "  - 1.", "  - uniform: [1, 0]"),
        10,
        "questions.q1.function.inputs[1].uniform",
        "empty_range",
        {},
    ),
    (
        "no inputs",
        question("prompt: P", "points: 1", "function: {name: f, inputs: []}"),
        6,
        "questions.q1.function.inputs",
        "empty",
        {},
    ),
    (
        "an input that is a word",
        question("prompt: P", "points: 1", "function: {name: f, inputs: [1., two]}"),
        6,
        "questions.q1.function.inputs[1]",
        "form_unknown",
        {},
    ),
    (
        "partial credit where there is none",
        question("prompt: P", "points: 2", "source: t[$A]", "partial: {dtype: 1}"),
        7,
        "questions.q1.partial.dtype",
        "partial_unsupported",
        {"kind": "source"},
    ),
]


@pytest.mark.parametrize(
    ("text", "line", "field", "code", "facts"), [pytest.param(*row[1:], id=row[0]) for row in ONE_MISTAKE]
)
def test_a_mistake_is_told_with_its_line_and_field(mistakes_of, text, line, field, code, facts):
    told = mistakes_of(text)
    assert [(m.where, m.code) for m in told] == [(("assignment.yaml", line, field), code)]
    assert facts.items() <= told[0].facts.items()
    assert sentence(told[0].note, Language.JA) != sentence(told[0].note, Language.EN)


def test_question_ids_count_from_the_top(mistakes_of, spec, notebook):
    told = mistakes_of(spec.replace("  q1:", "  first:").replace("  q2:", "  q3:"))
    assert [(m.where[1:], m.code, m.facts["expected"]) for m in told] == [
        ((7, "questions.first"), "question_id", "q1"),
        ((12, "questions.q3"), "question_order", "q2"),
    ]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(mistakes_of):
    told = mistakes_of(
        "title: {}\n"
        "device: gpu\n"
        "questions:\n"
        "  q1:\n"
        "    prompt: P\n"
        "    value: t\n"
        "    points: many\n"
        "    points: 3\n"
        "  q2:\n"
        "    prompt: P\n"
        "    written: nothing\n"
        "    colour: red\n"
        "  q4:\n"
        "    prompt: P\n"
        "    value: t\n",
        reference=None,
    )
    assert [(m.where[0], m.where[1], m.code) for m in told] == [
        ("assignment.yaml", 1, "language_missing"),
        ("assignment.yaml", 2, "word_unknown"),
        ("assignment.yaml", 7, "not_a_number"),
        ("assignment.yaml", 8, "field_twice"),
        ("assignment.yaml", 11, "rubric_undefined"),
        ("assignment.yaml", 12, "field_unknown"),
        ("assignment.yaml", 13, "question_order"),
        ("assignment.yaml", 13, "field_missing"),
        ("reference.ipynb", 1, "file_missing"),
    ]


def test_an_unknown_rubric_in_an_empty_list_of_rubrics_is_not_nearest_to_anything(mistakes_of):
    (told,) = mistakes_of(question("prompt: P", "written: why", head="\nrubrics: {}"))
    assert told.code == "rubric_undefined"


def test_a_mistyped_setting_may_also_be_missed(mistakes_of):
    text = question("prompt: P", "points: 1", "function:", "  inputs: [1.]", "  naem: f")
    place = "questions.q1.function"
    assert [(m.where[1:], m.code) for m in mistakes_of(text)] == [
        ((6, place), "field_missing"),
        ((8, f"{place}.naem"), "field_unknown_near"),
    ]
