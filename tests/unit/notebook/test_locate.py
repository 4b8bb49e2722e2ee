"""Whole notebooks as students hand them in, and the cells found in them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.domain.ids import QuestionId
from grader.domain.location import FoundBy, Wanted
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.notebook.locate import locate

PROMPTS = (
    "次のように表示されるテンソル `t` を作りなさい。{{print(t)}}",
    "`size` メソッドで `t` の大きさを表示しなさい。",
    "`print(t[:,-1,:])` の出力を示し、なぜそうなるか説明しなさい。",
    "`print(t[:-1:])` の出力を示し、なぜそうなるか説明しなさい。",
    "問題4の `t[ ]` に数字を**2つだけ**書き足し、同じ結果を出しなさい。",
    "関数 `f` を定義し、autogradで微分係数を求め、手計算でも確かめなさい。",
)
NAMES = {1: ("t",), 6: ("f",)}
PATTERNS = {2: ("t.size()",), 3: ("t[:,-1,:]",), 4: ("t[:-1:]",)}
WANTED = tuple(
    Wanted(
        question_id=QuestionId(f"q{number}"),
        number=number,
        names=NAMES.get(number, ()),
        patterns=PATTERNS.get(number, ()),
        prompts=(prompt,),
    )
    for number, prompt in enumerate(PROMPTS, start=1)
)
CODE = (
    "t = torch.arange(24).reshape(4, 3, 2)",
    "t.size()",
    "print(t[:, -1, :])",
    "print(t[:-1:])",
    "print(t[0:-1:1])",
    "def f(x):\n    return 2*x**3 - 3*x**2 - 12*x + 1",
)


def markdown(source, **more):
    return {"kind": CellKind.MARKDOWN, "source": source, **more}


def raw(source):
    return {"kind": CellKind.RAW, "source": source}


def code(source, **more):
    return {"kind": CellKind.CODE, "source": source, **more}


def notebook(*cells):
    """Cells in order; a plain string is a code cell, a list is several cells."""
    flat = [one for cell in cells for one in (cell if isinstance(cell, list) else [cell])]
    described = [code(cell) if isinstance(cell, str) else cell for cell in flat]
    return Notebook(cells=tuple(Cell(index=at, cell_id=f"c{at}", **cell) for at, cell in enumerate(described)))


def answers(heading="**問題{n}**", *, questions=range(1, 7), words=""):
    """A heading and a code cell for each question, 12 cells for all six."""
    cells = []
    for n in questions:
        cells += [markdown(heading.format(n=n) + (f"\n\n{words}" if words else "")), CODE[n - 1]]
    return cells


def chapters(count, heading="## {n}. 第{n}章"):
    """A lecture's chapters, two cells each; its code uses the homework's names, too."""
    cells = []
    for n in range(1, count + 1):
        text = heading.format(n=n) + "\n\n要素数はどうであっても問題ない。問題1のような例もある。"
        cells += [markdown(text), f"x = torch.rand(3).cuda()\nt = {n}\nx.size()\nfor x, t in data:\n    f = x"]
    return cells


def find(*cells, wanted=WANTED):
    return locate(notebook(*cells), wanted)


def cells_of(location):
    """Code cells of each question, as places."""
    return [location.answers[one].code_cells for one in location.answers]


def found_by(location):
    return [answer.found_by for answer in location.answers.values()]


def codes(notes):
    return [note.code for note in notes]


def in_order(first, step=2, count=6):
    return [(first + step * number,) for number in range(count)]


class TestHeadings:
    @pytest.mark.parametrize(
        "heading",
        [
            pytest.param("**問題{n}**", id="as in the course"),
            pytest.param("## 問題{n}：タイトル", id="Markdown heading with a title"),
            pytest.param("# Question {n}", id="English"),
            pytest.param("課題8-{n}", id="homework and question"),
            pytest.param("問題8-{n}", id="homework and question with the question's word"),
            pytest.param("Q8.{n}", id="homework and question after Q"),
            pytest.param("({n})", id="number in brackets"),
            pytest.param("{n}.", id="number with a stop"),
            pytest.param("{n}. 解きました", id="number with a title"),
            pytest.param("# 課題{n}", id="the homework's word used for questions"),
            pytest.param("8-{n}", id="two numbers"),
        ],
    )
    def test_each_heading_owns_the_cell_below(self, heading):
        location = find(markdown("# 第8回 提出"), "import torch", answers(heading))

        assert cells_of(location) == in_order(3)
        assert set(found_by(location)) == {FoundBy.HEADING}
        assert location.notes == ()
        assert [answer.notes for answer in location.answers.values()] == [()] * 6

    def test_all_cells_up_to_the_next_heading_belong_to_it(self):
        location = find(
            markdown("問題6"), CODE[5], markdown("確かめます"), "x = 1", "x + 1", markdown("問題2"), CODE[1]
        )

        assert location.answers["q6"].code_cells == (1, 3, 4)
        assert location.answers["q6"].markdown_cells == (0, 2)

    def test_order_of_the_questions_does_not_matter(self):
        location = find(answers(questions=[3, 1, 2, 6, 5, 4]))

        assert cells_of(location) == [(3,), (5,), (1,), (11,), (9,), (7,)]

    @pytest.mark.parametrize(
        "ending",
        ["# 感想", "**感想**", "# Appendix", "# 課題9", "# 別の話", "# 3. 次の章", "問題7", "感想\n===="],
    )
    def test_another_section_ends_the_last_answer(self, ending):
        location = find(markdown("# 課題8"), answers(), markdown(f"{ending}\n\n難しかった"), "t = 0")

        assert location.answers["q6"].code_cells == (12,)
        assert location.answers["q6"].written == ()

    @pytest.mark.parametrize("heading", ["### 手計算", "## 解答", "#### 小さな見出し", "## (2)", "# ② 微分", "---"])
    def test_heading_inside_an_answer_does_not_end_it(self, heading):
        location = find(answers("## 問題{n}"), markdown(f"{heading}\n\nf'(1) = -12"), "f(1)")

        assert location.answers["q6"].code_cells == (11, 13)

    def test_heading_in_a_raw_cell(self):
        location = find(raw("問題1"), CODE[0], raw("問題2"), CODE[1])

        assert cells_of(location)[:2] == [(1,), (3,)]

    def test_heading_inside_a_code_block_is_an_example(self):
        location = find(answers(), markdown("```\n問題1\n```\n~~~\n# 問題2\n~~~\n<!-- 問題3 -->"), "t = 0")

        assert cells_of(location)[:3] == in_order(1)[:3]
        assert location.answers["q6"].code_cells == (11, 13)

    def test_heading_below_the_last_answers_words(self):
        location = find(markdown("問題1"), CODE[0], markdown("作りました。\n\n## 問題2"), CODE[1])

        assert cells_of(location)[:2] == [(1,), (3,)]
        assert location.answers["q1"].written == ("作りました。",)
        assert location.answers["q2"].written == ()

    def test_words_on_the_last_question_above_the_next_heading(self):
        location = find(markdown("## 問題3"), CODE[2], markdown("**問題3の説明**\n\n最後の行\n\n## 問題4"), CODE[3])

        assert cells_of(location)[2:4] == [(1,), (3,)]
        assert location.answers["q3"].written == ("最後の行",)

    def test_prompt_and_answer_headings_are_one_answer(self):
        location = find(
            [
                cell
                for n in (1, 2)
                for cell in (markdown(f"問題{n}"), "# 準備\nx = 1", markdown(f"解答{n}"), CODE[n - 1])
            ]
        )

        assert cells_of(location)[:2] == [(1, 3), (5, 7)]
        assert location.answers["q1"].notes == ()

    def test_parts_of_a_question_are_one_answer(self):
        location = find(markdown("問題5"), CODE[4], markdown("問題6(1)"), CODE[5], markdown("問題6(2)"), "f(1.)")

        assert location.answers["q6"].code_cells == (3, 5)

    def test_one_heading_for_two_questions(self):
        location = find(markdown("問題3・4"), f"{CODE[2]}\n{CODE[3]}", markdown("問題5"), CODE[4])

        assert cells_of(location)[2:5] == [(1,), (1,), (3,)]
        assert codes(location.answers["q3"].notes) == ["locate.shared_cell"]
        assert location.question_of(1) == "q3"

    def test_cells_that_are_blank_are_no_answer(self):
        location = find(markdown("問題1"), "", "  \n# ここに書く", markdown("問題2"), CODE[1], "")

        assert location.answers["q1"].found_by is FoundBy.HEADING
        assert cells_of(location)[:2] == [(), (4,)]

    def test_pass_is_an_attempt(self):
        location = find([cell for n in range(1, 7) for cell in (markdown(f"問題{n}"), "pass")])

        assert cells_of(location) == in_order(1)

    def test_contents_with_links_do_not_own_cells(self):
        links = "\n".join(f"- [問題{n}](#q{n})" for n in range(1, 7))

        location = find(markdown(f"# 目次\n{links}"), "import torch", answers())

        assert cells_of(location) == in_order(3)
        assert location.notes == ()


class TestLectures:
    def test_homework_at_the_end_of_a_whole_lecture(self):
        location = find(chapters(70), markdown("# 課題8 (TorchTensor)\n\n提出しなさい"), answers())

        assert cells_of(location) == in_order(142)
        assert set(found_by(location)) == {FoundBy.HEADING}

    @pytest.mark.parametrize("homework", ["# 課題8 (TorchTensor)", "**Homework 8**", "課題８"])
    def test_exercises_of_the_lecture_are_not_the_homeworks(self, homework):
        location = find(
            answers("### 問題{n}", questions=[1, 2, 3, 4]), markdown(homework), answers(questions=[1, 2, 3])
        )

        assert cells_of(location) == [(10,), (12,), (14,), (), (), ()]
        assert location.answers["q4"].found_by is FoundBy.NOT_FOUND

    def test_without_a_homework_heading_the_fullest_run_counts(self):
        location = find(answers("演習{n}", questions=[1, 2]), chapters(2), answers())

        assert cells_of(location) == in_order(9)
        assert location.answers["q1"].notes == ()

    def test_earlier_homework_in_the_same_notebook(self):
        location = find(markdown("# 課題7"), answers(), markdown("# 課題8"), answers())

        assert cells_of(location) == in_order(15)
        assert location.answers["q1"].notes == ()

    def test_earlier_homework_named_in_each_heading(self):
        location = find(answers("課題7-{n}"), answers("課題8-{n}"))

        assert cells_of(location) == in_order(13)

    def test_homework_named_again_for_a_correction(self):
        location = find(markdown("# 課題8"), answers(), markdown("# 課題8（修正）"), answers(questions=[3]))

        assert cells_of(location) == [*in_order(2)[:2], (15,), *in_order(2)[3:]]

    def test_numbered_chapters_are_no_questions(self):
        location = find(chapters(6, "{n}. 第{n}章"), wanted=[_unlike(one) for one in WANTED])

        assert codes(location.notes) == ["locate.another_notebook"]

    def test_numbered_chapters_before_numbered_questions(self):
        location = find(chapters(6, "# {n}. 第{n}章"), markdown("# 課題8"), answers("({n})"))

        assert cells_of(location) == in_order(14)

    def test_lecture_without_homework_is_another_notebook(self):
        location = find(chapters(70))

        assert set(found_by(location)) == {FoundBy.NOT_FOUND}
        assert codes(location.notes) == ["locate.another_notebook"]

    def test_homework_without_headings_after_a_lecture(self):
        location = find(chapters(70), list(CODE))

        assert cells_of(location) == [(140 + number,) for number in range(6)]
        assert set(found_by(location)) == {FoundBy.DEFINITION}

    def test_all_prompts_in_the_lectures_last_cell(self):
        location = find(chapters(20), markdown("# 課題8\n\n" + _all_prompts()), list(CODE))

        assert cells_of(location) == [(41 + number,) for number in range(6)]
        assert codes(location.notes) == ["locate.headings_together"]


def _unlike(one):
    return Wanted(question_id=one.question_id, number=one.number, names=("nothing_like_it",))


def _all_prompts():
    return "\n\n".join(f"**問題{number}**\n\n{prompt}" for number, prompt in enumerate(PROMPTS, start=1))


class TestSeveralAnswers:
    def test_last_of_two_answers_counts(self):
        location = find(answers(), markdown("問題1"), "t = 0")

        assert location.answers["q1"].code_cells == (13,)
        assert location.answers["q1"].notes[0].code == "locate.last_counts"
        assert location.answers["q1"].notes[0].facts == {"number": 1, "cell": 13, "earlier": "1"}

    def test_two_answers_next_to_each_other(self):
        location = find(markdown("問題1"), "t = 0", markdown("問題1"), CODE[0], markdown("問題2"), CODE[1])

        assert location.answers["q1"].code_cells == (3,)
        assert codes(location.answers["q1"].notes) == ["locate.last_counts"]

    def test_empty_second_heading_does_not_hide_the_answer(self):
        location = find(answers(), markdown("問題1"), markdown("問題2"), "")

        assert cells_of(location)[:2] == [(1,), (3,)]
        assert location.answers["q1"].notes[0].code == "locate.empty_is_passed_over"
        assert location.answers["q1"].notes[0].facts == {"number": 1, "cell": 1, "empty": "13"}

    def test_words_under_a_heading_of_their_own_join_the_answer(self):
        location = find(answers(), markdown("問題3\n\n最後の行だけが残る"))

        assert location.answers["q3"].code_cells == (5,)
        assert location.answers["q3"].written == ("最後の行だけが残る",)

    def test_prompts_above_and_answers_below(self):
        prompts = [markdown(f"問題{n}\n\n{PROMPTS[n - 1]}") for n in range(1, 7)]

        location = find(prompts, answers("## 解答{n}"))

        assert cells_of(location) == in_order(7)
        assert [answer.notes for answer in location.answers.values()] == [()] * 6
        assert [answer.written for answer in location.answers.values()] == [()] * 6


class TestPastedPrompts:
    def test_code_below_prompts_in_one_cell_is_told_by_what_it_shows(self):
        location = find(markdown(_all_prompts()), "import torch", list(CODE))

        assert cells_of(location) == [(2 + number,) for number in range(6)]
        assert set(found_by(location)) == {FoundBy.DEFINITION}
        assert location.notes[0].code == "locate.headings_together"
        assert location.notes[0].facts == {"cell": 1}
        assert codes(location.answers["q5"].notes) == ["locate.by_order"]

    def test_code_below_prompts_in_one_cell_is_told_by_markers(self):
        marked = [f"# 問題{n}\n{source}" for n, source in enumerate(CODE, start=1)]

        location = find(markdown(_all_prompts()), marked)

        assert cells_of(location) == [(1 + number,) for number in range(6)]
        assert set(found_by(location)) == {FoundBy.MARKER}

    def test_prompts_in_cells_of_their_own_above_all_code(self):
        location = find([markdown(f"問題{n}\n\n{PROMPTS[n - 1]}") for n in range(1, 7)], list(CODE))

        assert cells_of(location) == [(6 + number,) for number in range(6)]

    def test_prompts_in_cells_of_their_own_above_marked_code(self):
        marked = [f"# 問題{n}\n{source}" for n, source in enumerate(CODE, start=1)]

        location = find([markdown(f"問題{n}") for n in range(1, 7)], marked)

        assert cells_of(location) == [(6 + number,) for number in range(6)]

    def test_last_prompt_of_a_crowd_does_not_get_all_the_code(self):
        location = find(markdown(_all_prompts()), "a = 1", "b = 2", "c = 3")

        assert cells_of(location) == [()] * 6

    def test_answers_in_words_in_one_cell(self):
        location = find(answers(questions=[1, 2]), markdown("## 問題3\n\n最後の行\n\n## 問題4\n\n最後以外"))

        assert [location.answers[one].written for one in ("q3", "q4")] == [("最後の行",), ("最後以外",)]
        assert found_by(location)[2:4] == [FoundBy.HEADING] * 2


class TestMarkers:
    @pytest.mark.parametrize(
        "marker",
        [
            pytest.param("# 問題{n}", id="Japanese"),
            pytest.param("# Q{n}. タイトル", id="English with a title"),
            pytest.param("#{n}.", id="number"),
            pytest.param("# ({n})", id="number in brackets"),
            pytest.param("print('問題{n}')", id="printed"),
            pytest.param('"""問題{n}"""', id="bare string"),
            pytest.param('"""\n問題{n}\n"""', id="bare string on lines of its own"),
            pytest.param("#@title 問題{n}", id="Colab title"),
            pytest.param("%%time\n# 問題{n}", id="below a cell magic"),
        ],
    )
    def test_comment_that_opens_a_cell_names_its_question(self, marker):
        cells = [f"{marker.format(n=n)}\n{source}" for n, source in enumerate(CODE, start=1)]

        location = find("import torch", cells)

        assert cells_of(location) == [(1 + number,) for number in range(6)]
        assert set(found_by(location)) == {FoundBy.MARKER}

    def test_cells_without_marker_belong_to_the_marker_before(self):
        location = find("# 問題1\nt = []", CODE[0], f"# 問題2\n{CODE[1]}")

        assert cells_of(location)[:2] == [(0, 1), (2,)]

    def test_all_answers_in_one_cell(self):
        location = find("\n".join(f"# 問題{n}\n{source}  # 説明{n}" for n, source in enumerate(CODE, start=1)))

        assert cells_of(location) == [(0,)] * 6
        assert location.answers["q3"].notes[0].facts == {"cell": 1, "numbers": "1, 2, 3, 4, 5, 6"}
        assert location.question_of(0) == "q1"

    def test_imports_above_the_first_marker_are_nobodys(self):
        location = find(markdown("問題1"), CODE[0], f"import numpy\n# 問題2\n{CODE[1]}", f"t + 1\n# 問題3\n{CODE[2]}")

        assert cells_of(location)[:3] == [(1,), (2, 3), (3,)]

    def test_imports_above_the_marker_of_a_broken_cell_are_nobodys(self):
        location = find(markdown("問題1"), CODE[0], "import numpy\n# 問題2\nprint(t.size()")

        assert cells_of(location)[:2] == [(1,), (2,)]

    def test_marker_twice_in_a_cell_is_one_answer(self):
        location = find("# 問題1\nx = 1\n# 問題1\nt = x", CODE[1])

        assert location.answers["q1"].code_cells == (0,)
        assert location.answers["q1"].notes == ()

    def test_heading_outweighs_marker(self):
        location = find(answers(), f"# 問題1\n{CODE[0]}")

        assert location.answers["q1"].code_cells == (1,)
        assert location.answers["q6"].code_cells == (11, 12)

    def test_marker_stands_in_for_a_missing_heading(self):
        location = find(answers(questions=[1]), f"# 問題2\n{CODE[1]}", answers(questions=[3]))

        assert cells_of(location)[:3] == [(1,), (2,), (4,)]
        assert found_by(location)[:3] == [FoundBy.HEADING, FoundBy.MARKER, FoundBy.HEADING]


class TestTags:
    @pytest.mark.parametrize("tag", ["q{n}", "question-{n}", "Question_{n}", "answer-q{n}", "問題{n}"])
    def test_tagged_cells_are_the_answers(self, tag):
        tagged = [code(source, tags=(tag.format(n=n),)) for n, source in enumerate(CODE, start=1)]

        location = find("t = 0", tagged)

        assert cells_of(location) == [(1 + number,) for number in range(6)]
        assert set(found_by(location)) == {FoundBy.TAG}

    def test_tag_outweighs_heading_and_marker(self):
        location = find(markdown("問題2"), code("# 問題3\nt = 1", tags=("q1",)), markdown("問題3"), CODE[2])

        assert cells_of(location)[:3] == [(1,), (), (3,)]
        assert location.answers["q1"].found_by is FoundBy.TAG

    def test_cell_that_a_student_adds_below_a_tagged_one_counts(self):
        location = find(code("pass", tags=("q1",)), CODE[0], code(CODE[1], tags=("q2",)))

        assert cells_of(location)[:2] == [(0, 1), (2,)]

    def test_tagged_markdown_owns_the_code_below(self):
        location = find(markdown("作りなさい", tags=("q1",)), CODE[0], markdown("大きさは", tags=("q2",)), CODE[1])

        assert cells_of(location)[:2] == [(1,), (3,)]

    def test_question_may_have_an_id_of_its_own(self):
        wanted = [Wanted(question_id=QuestionId("derivative"), number=1)]

        location = find(code("x = 1", tags=("derivative",)), wanted=wanted)

        assert location.answers["derivative"].code_cells == (0,)

    def test_tag_of_an_unknown_question_means_nothing(self):
        location = find(answers(), code("t = 0", tags=("q7", "x" * 10_000)))

        assert location.answers["q6"].code_cells == (11, 12)


class TestDefinitions:
    def test_bare_code_cells_in_order(self):
        location = find("import torch", list(CODE))

        assert cells_of(location) == [(1 + number,) for number in range(6)]
        assert set(found_by(location)) == {FoundBy.DEFINITION}
        assert [codes(answer.notes) for answer in location.answers.values()] == [
            ["locate.by_order" if number == 5 else "locate.by_definition"] for number in range(1, 7)
        ]
        assert location.answers["q2"].notes[0].facts == {"number": 2, "cells": "3"}

    def test_other_variable_name_is_weaker_evidence(self):
        renamed = [source.replace("t[", "a[").replace("t.size", "a.size") for source in CODE]

        location = find("t = 0", renamed)

        assert cells_of(location) == [(1 + number,) for number in range(6)]

    def test_cells_behind_the_definition_belong_to_it(self):
        location = find(
            list(CODE), "x = torch.tensor(1., requires_grad=True)", "f(x).backward()", markdown("# 感想"), "1"
        )

        assert location.answers["q6"].code_cells == (5, 6, 7)

    def test_last_cell_that_defines_the_name_counts(self):
        location = find("t = 0", "t = 1", CODE[0], list(CODE[1:]))

        assert location.answers["q1"].code_cells == (2,)

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param("for t in range(3):\n    pass", id="loop variable"),
            pytest.param("def g():\n    t = 1", id="inside a function"),
            pytest.param("t", id="only read"),
            pytest.param("import numpy as t", id="module"),
        ],
    )
    def test_name_bound_otherwise_is_no_answer(self, source):
        location = find(source, list(CODE[1:]))

        assert (
            location.answers["q1"].found_by is not FoundBy.DEFINITION
            or location.answers["q1"].notes[0].code == "locate.by_order"
        )

    @pytest.mark.parametrize(
        "source", ["f = lambda x: x", "f: object = 1", "if True:\n    def f(x): return x", "a = f = 1"]
    )
    def test_name_may_be_bound_in_any_way(self, source):
        location = find(list(CODE[:5]), source)

        assert location.answers["q6"].code_cells == (5,)

    def test_pattern_is_compared_by_syntax(self):
        location = find(
            CODE[0], "t . size( )", "print ( t[ : ,-1, : ] )", "print((t[:-1]))", "print(t[:-1:1])", CODE[5]
        )

        assert cells_of(location)[:3] == [(0,), (1,), (2,)]

    def test_answer_between_two_others_is_told_by_its_place(self):
        location = find(CODE[0], CODE[1], "t.select(1, 2)", CODE[3], CODE[4], CODE[5])

        assert cells_of(location)[2:5] == [(2,), (3,), (4,)]
        assert codes(location.answers["q3"].notes) == ["locate.by_order"]

    def test_too_many_cells_between_tell_nothing(self):
        location = find(CODE[0], CODE[1], "a = 1", "b = 2", "c = 3", CODE[3], CODE[4], CODE[5])

        assert location.answers["q3"].found_by is FoundBy.NOT_FOUND
        assert codes(location.answers["q3"].notes) == ["locate.not_found"]

    def test_missing_heading_between_two_others(self):
        location = find(answers(questions=[1]), CODE[1], answers(questions=[3, 4, 5, 6]))

        assert cells_of(location)[:3] == [(1,), (2,), (4,)]
        assert location.answers["q2"].found_by is FoundBy.DEFINITION

    def test_all_answers_under_the_first_heading(self):
        location = find(markdown("問題1"), "\n".join(CODE))

        assert cells_of(location) == [(1,)] * 6
        assert "locate.shared_cell" in codes(location.answers["q4"].notes)

    def test_unanswered_question_does_not_get_a_cell_of_the_lecture(self):
        location = find(chapters(20), markdown("# 課題8"), answers(questions=[1, 2, 3, 4, 5]))

        assert location.answers["q6"].found_by is FoundBy.NOT_FOUND

    def test_name_in_common_is_not_enough(self):
        location = find("t = 1", "print(t)", "x = 2")

        assert codes(location.notes) == ["locate.another_notebook"]

    def test_cell_that_does_not_parse_is_recognised_by_its_spelling(self):
        location = find(CODE[0], CODE[1], "print(t[:, -1, :]", CODE[3], CODE[4], "def f(x)\n    return x")

        assert cells_of(location) == [(number,) for number in range(6)]

    def test_question_without_any_clue_is_found_by_heading_only(self):
        wanted = [Wanted(question_id=QuestionId("q1"), number=1)]

        assert cells_of(find("x = 1", wanted=wanted)) == [()]
        assert cells_of(find(markdown("問題1"), "x = 1", wanted=wanted)) == [(1,)]

    @pytest.mark.parametrize(
        ("pattern", "source"),
        [
            ("$T.size()", "x.size()"),
            ("$T[$START:-1:$STEP]", "x[0:-1:1]"),
            ("$Y.backward($$$)", "y.backward(v, retain_graph=True)"),
            ("torch.sum(t)", "torch.sum(x)"),
        ],
    )
    def test_pattern_may_leave_parts_open(self, pattern, source):
        wanted = [
            Wanted(question_id=QuestionId("q1"), number=1, names=("t",)),
            Wanted(question_id=QuestionId("q2"), number=2, patterns=(pattern, "not python (")),
        ]

        assert cells_of(find("t = 1", "x = 2", source, wanted=wanted)) == [(0, 1), (2,)]


class TestWords:
    def test_words_are_those_of_markdown_comments_and_bare_strings(self):
        location = find(
            markdown(f"**問題3**\n\n{PROMPTS[2]}"),
            "# 問題3\n# -1 は最後\nprint(t[:,-1,:])  # 出力\n# print(t)",
            markdown("最後の行が残る。"),
            '"""だから (4, 2)"""',
        )

        assert location.answers["q3"].written == ("-1 は最後", "出力", "最後の行が残る。", "だから (4, 2)")

    def test_answer_in_words_only(self):
        location = find(answers(questions=[1, 2]), markdown("問題3\n\n最後の行"), answers(questions=[4]))

        assert location.answers["q3"].found_by is FoundBy.HEADING
        assert location.answers["q3"].code_cells == ()
        assert location.answers["q3"].markdown_cells == (4,)
        assert location.answers["q3"].written == ("最後の行",)
        assert location.answers["q3"].notes[0].facts == {"number": 3, "cell": "5"}

    def test_answer_on_the_headings_own_line(self):
        location = find(markdown("問題2：大きさは torch.Size([4, 3, 2]) です"), answers(questions=[3]))

        assert location.answers["q2"].written == ("大きさは torch.Size([4, 3, 2]) です",)

    def test_heading_with_nothing_below_has_no_words(self):
        location = find(markdown("問題1：テンソル"), markdown("問題2"), CODE[1])

        assert location.answers["q1"].found_by is FoundBy.HEADING
        assert location.answers["q1"].written == ()
        assert location.answers["q1"].notes == ()

    @pytest.mark.parametrize(
        "cell",
        [
            markdown("手で計算しました", has_attachments=True),
            markdown("![memo](data:image/png;base64,AAAA)"),
            markdown('<img src="memo.jpg">'),
        ],
    )
    def test_picture_is_an_answer(self, cell):
        location = find(markdown("問題5"), CODE[4], markdown("問題6"), cell)

        assert location.answers["q6"].has_attachments
        assert not location.answers["q5"].has_attachments

    def test_words_without_headings_go_to_the_code_before(self):
        location = find(
            CODE[0], CODE[1], CODE[2], markdown("最後の行"), CODE[3], markdown("最後以外"), CODE[4], CODE[5]
        )

        assert location.answers["q3"].written == ("最後の行",)
        assert location.answers["q4"].written == ("最後以外",)


class TestNothing:
    def test_empty_notebook(self):
        location = find()

        assert cells_of(location) == [()] * 6
        assert codes(location.notes) == ["locate.another_notebook"]

    def test_no_question_is_wanted(self):
        assert find(answers(), wanted=[]).answers == {}

    def test_another_homework(self):
        location = find(markdown("# 数値計算"), "import numpy as np", "a = np.zeros(3)", "print(a)")

        assert set(found_by(location)) == {FoundBy.NOT_FOUND}
        assert codes(location.notes) == ["locate.another_notebook"]
        assert all(answer.notes == () for answer in location.answers.values())


HEADING_LINES = ("# 課題8", "# 課題7", "**問題1**", "問題2", "## 問題3", "問題4・5", "(1)", "(2)", "1. 章", "2. 章")
MORE_HEADING_LINES = (
    "# 問題6",
    "#1",
    "#2",
    "# 感想",
    "## 節",
    "解答1",
    "問題8-1",
    "問題8-2",
    "print('問題1')",
    "```",
    "<!--",
)
CODE_LINES = (
    "t = 1",
    "t.size()",
    "print(t[:,-1,:])",
    "t[:-1:]",
    "def f(x): return x",
    "x = (",
    "%%time",
    "!ls",
    "pass",
)
OTHER_LINES = ("", "文", "# コメント", "-->", "'''")
LINES = st.sampled_from(HEADING_LINES + MORE_HEADING_LINES + CODE_LINES + OTHER_LINES)
CELLS = st.lists(
    st.builds(
        lambda kind, lines, tags: {"kind": kind, "source": "\n".join(lines), "tags": tuple(tags)},
        st.sampled_from(CellKind),
        st.lists(LINES, max_size=5),
        st.lists(st.sampled_from(["q1", "q2", "question-3", "other"]), max_size=2),
    ),
    max_size=14,
)


def check_promises(location, cells, wanted=WANTED):
    assert list(location.answers) == [one.question_id for one in wanted]
    for answer in location.answers.values():
        for places in (answer.code_cells, answer.markdown_cells):
            assert list(places) == sorted(set(places))
            assert all(0 <= place < len(cells) for place in places)
        assert all(cells[place]["kind"] is CellKind.CODE for place in answer.code_cells)
        assert all(cells[place]["kind"] is not CellKind.CODE for place in answer.markdown_cells)
        assert all(piece and piece == piece.strip() for piece in answer.written)
        if answer.found_by is FoundBy.NOT_FOUND:
            assert not answer.code_cells
            assert not answer.written
        owners = [one for one in location.answers.values() if set(one.code_cells) & set(answer.code_cells)]
        assert (len(owners) > 1) == ("locate.shared_cell" in codes(answer.notes))


class TestAnything:
    @settings(max_examples=150, deadline=None)
    @given(cells=CELLS)
    def test_every_answer_is_well_formed(self, cells):
        check_promises(find(cells), cells)

    @settings(deadline=None)
    @given(cells=st.lists(st.text(max_size=80).map(code) | st.text(max_size=80).map(markdown), max_size=8))
    def test_nothing_raises(self, cells):
        check_promises(find(cells), cells)

    @settings(max_examples=50, deadline=None)
    @given(cells=CELLS)
    def test_the_same_notebook_gives_the_same_answers(self, cells):
        assert find(cells) == find(cells)

    @pytest.mark.parametrize(
        "cell",
        [
            pytest.param(markdown("問題1 " * 1_000_000), id="one endless line"),
            pytest.param(markdown("問題1\n" * 200_000), id="endless headings"),
            pytest.param(markdown("**" * 1_000_000), id="endless emphasis"),
            pytest.param(markdown("\n" * 2_000_000), id="endless blank lines"),
            pytest.param(markdown("<" * 1_000_000), id="endless brackets"),
            pytest.param(code("# 問題1\n" * 200_000), id="endless markers"),
            pytest.param(code("t = " + "(" * 50_000), id="deep brackets"),
            pytest.param(code("t = " + "-" * 90_000 + "1"), id="deep signs"),
            pytest.param(code("t = 1" + "+1" * 45_000), id="deep sum"),
            pytest.param(code("t" + "[0]" * 30_000), id="deep subscripts"),
            pytest.param(code("t = 1\0"), id="null byte"),
            pytest.param(code("x = '\\d'"), id="source that makes Python warn"),
            pytest.param(code("t = 1\n" * 1_000_000), id="endless code"),
        ],
    )
    def test_hostile_cell_neither_raises_nor_hides_the_others(self, cell):
        location = find(cell, markdown("# 課題8"), answers())

        assert cells_of(location)[1:] == in_order(3)[1:]

    def test_as_many_cells_as_can_be_handed_in(self):
        cells = [
            one for at in range(1_000) for one in (markdown(f"# 問題{at % 6 + 1}\n文"), f"t = {at}\n# Q{at % 6 + 1}")
        ]

        location = find(cells)

        assert cells_of(location)[3] == (1999,)
