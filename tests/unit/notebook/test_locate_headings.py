"""The table of heading forms: what names a question, and what only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.notebook.headings import LONGEST_LINE, Around, LabelKind, read_line, read_number


def case(line, number, why):
    return pytest.param(line, number, id=why)


QUESTION_FORMS = [
    case("問題1", 1, "plain"),
    case("問1", 1, "short word"),
    case("問い1", 1, "question with i"),
    case("設問1", 1, "formal word"),
    case("第1問", 1, "ordinal"),
    case("第一問", 1, "ordinal in kanji"),
    case("第１問題", 1, "ordinal with long word"),
    case("問題１", 1, "full-width digit"),
    case("　問題１　", 1, "full-width spaces around"),
    case("問題 1", 1, "space before the number"),
    case("問題一", 1, "kanji numeral"),
    case("問題十二", 12, "kanji numeral above ten"),
    case("問題二十", 20, "kanji tens"),
    case("問題Ⅱ", 2, "Roman numeral sign"),
    case("問題①", 1, "circled number after a word"),
    case("問題(1)", 1, "number in brackets"),
    case("問題1.", 1, "trailing full stop"),
    case("問題1：", 1, "trailing full-width colon"),
    case("問題1。", 1, "trailing Japanese full stop"),
    case("【問題1】", 1, "lenticular brackets"),
    case("[問題1]", 1, "square brackets"),
    case("＜問題1＞", 1, "full-width angle brackets"),
    case("【問題1】テンソルの作成", 1, "title right after the bracket"),
    case("## 問題１：テンソルの作成", 1, "Markdown heading with a title"),
    case("#問題1", 1, "Markdown heading without a space"),
    case("###### 問題 1 ######", 1, "closed Markdown heading"),
    case("**問題1**", 1, "bold"),
    case("__問題1__", 1, "bold with underscores"),
    case("*問題1*", 1, "italic"),
    case("**問題1** 次のテンソルを作りなさい", 1, "bold label, prompt on the same line"),
    case("### **【問題1】テンソル**", 1, "heading, bold and brackets at once"),
    case("`問題1`", 1, "code span"),
    case("~~問題1~~", 1, "struck out"),
    case("- 問題1", 1, "list item"),
    case("* **問題1**", 1, "bold list item"),
    case("・問題1", 1, "Japanese bullet"),
    case("1. 問題1", 1, "ordered list item with a label of its own"),
    case("3. 問題1", 1, "the list's number is not the question's"),
    case("> 問題1", 1, "block quote"),
    case("■問題1", 1, "geometric ornament"),
    case("★ 問題1 ★", 1, "stars on both sides"),
    case("📝 問題1 ✅", 1, "emoji on both sides"),
    case("== 問題1 ==", 1, "drawn rule on both sides"),
    case("<b>問題1</b>", 1, "HTML bold"),
    case("<h2>問題1</h2>", 1, "HTML heading"),
    case('<font color="red" size=5>問題1</font>', 1, "HTML font"),
    case("<b>問題1</b><br>テンソルの作成", 1, "HTML line break before the title"),
    case("&nbsp;問題1", 1, "HTML space"),
    case("[問題1](#scrollTo=abc)", 1, "Colab link"),
    case("問題1　テンソルの作成", 1, "title after a full-width space"),
    case("問題1 - テンソルの作成", 1, "title after a dash"),
    case("問題1. 次のようなテンソル t を作りなさい。", 1, "prompt on the same line"),
    case("問題1（20点）", 1, "points in brackets"),
    case("問題1の解答", 1, "its answer"),
    case("問題1 解答：", 1, "its answer, with a colon"),
    case("解答1", 1, "answer"),
    case("答え 1", 1, "answer, colloquial"),
    case("Ans 1", 1, "English answer, short"),
    case("Answer 1:", 1, "English answer"),
    case("Q1", 1, "Q"),
    case("q1.", 1, "small q"),
    case("Ｑ１", 1, "full-width Q"),
    case("Q.1", 1, "Q with a stop"),
    case("Q-1", 1, "Q with a hyphen"),
    case("(Q1)", 1, "Q in brackets"),
    case("Q1: Create a tensor", 1, "Q with a title"),
    case("Q1. What is the size of t?", 1, "Q with its prompt"),
    case("Problem 1", 1, "English"),
    case("PROBLEM 1", 1, "capitals"),
    case("Problem #1", 1, "number sign"),
    case("Problem No. 1", 1, "No."),
    case("Problem II", 2, "Roman"),
    case("Question 1", 1, "English question"),
    case("Question One", 1, "English numeral"),
    case("Exercise 1", 1, "English exercise"),
    case("Ex. 1", 1, "exercise, short"),
    case("Task 1", 1, "task"),
    case("演習問題1", 1, "exercise in Japanese"),
    case("問題1 / Question 1", 1, "both languages"),
    case("問題1 (Question 1)", 1, "both languages, one in brackets"),
    case("課題8-1", 1, "homework and question"),
    case("課題８－１", 1, "homework and question, full-width"),
    case("課題8ー1", 1, "long vowel mark as a hyphen"),
    case("課題8(1)", 1, "homework with the question in brackets"),
    case("課題8の1", 1, "question of the homework"),
    case("課題8 問題1", 1, "homework, then question"),
    case("【課題8】問1 テンソル", 1, "homework in brackets, then question"),
    case("第8回課題 問1", 1, "numbered week, then question"),
    case("HW8 Q1", 1, "English homework and question, short"),
    case("Homework 8, Problem 1", 1, "English homework and question"),
]

SEVERAL_FORMS = [
    pytest.param("問題3・4", (3, 4), id="middle dot"),
    pytest.param("問題3と4", (3, 4), id="and in Japanese"),
    pytest.param("問題3、問題4", (3, 4), id="word repeated"),
    pytest.param("問題1〜3", (1, 2, 3), id="range with a wave dash"),
    pytest.param("問題1～3", (1, 2, 3), id="range with a full-width tilde"),
    pytest.param("Q1 & Q2", (1, 2), id="ampersand"),
    pytest.param("Problems 1 and 2", (1, 2), id="English plural"),
    pytest.param("問題1,2: 準備", (1, 2), id="with a title"),
]

NEAR_MISSES = [
    case("問題6に対して、t[]の中に数字を書き足しなさい", None, "particle right after the number"),
    case("問題6 に対して、数字を書き足しなさい", None, "particle after a space"),
    case("問題1と問題2では結果が違う", None, "two questions compared"),
    case("**問題1**では、テンソルを作った", None, "bold label inside a sentence"),
    case("**問題1** と **問題2** の違い", None, "two bold labels inside a sentence"),
    case("問題1の結果より、形は(4, 3, 2)である", None, "result of a question"),
    case("問題1、2より明らか", None, "list inside a sentence"),
    case("問題1、これは簡単だった", None, "comma inside a sentence"),
    case("問題ないと思います", None, "no number"),
    case("問題は1つだけ", None, "number behind a particle"),
    case("問題一覧", None, "list of problems, not problem one"),
    case("問題1つ目", None, "counter word"),
    case("3つの問題", None, "number in front"),
    case("例題1", None, "example"),
    case("Example 1", None, "English example"),
    case("図1 テンソル", None, "figure"),
    case("式(1)", None, "formula"),
    case("Q&A", None, "Q without a number"),
    case("Q1 2024", None, "quarter of a year"),
    case("Q1/2024", None, "quarter with a slash"),
    case("Q1'24", None, "quarter, short year"),
    case("Q1の答えを使う", None, "Q inside a sentence"),
    case("Problem 1 is about tensors", None, "English sentence"),
    case("Question 1 asks for the size", None, "English sentence with another verb"),
    case("Exercise makes 1 strong", None, "word without its number"),
    case("| 問題1 | 10点 |", None, "table row"),
    case("問題1 | 20点 | 済", None, "table row without outer bars"),
    case("    問題1", None, "indented code block"),
    case("\t問題1", None, "indented by a tab"),
    case("1.5", None, "decimal number"),
    case("2024年11月", None, "year"),
    case("2024.", None, "year with a stop"),
    case("-1.", None, "negative number"),
    case("11/24", None, "date"),
    case("8-1-2", None, "three numbers"),
    case("", None, "empty line"),
    case("   ", None, "blank line"),
    case("***", None, "rule"),
    case("テンソルを作ります", None, "plain sentence"),
    case("x = 1", None, "code"),
]


class TestQuestions:
    @pytest.mark.parametrize(("line", "number"), QUESTION_FORMS)
    def test_heading_names_its_question(self, line, number):
        label = read_line(line, Around())

        assert label is not None
        assert label.kind is LabelKind.QUESTION
        assert label.numbers == (number,)

    @pytest.mark.parametrize(("line", "numbers"), SEVERAL_FORMS)
    def test_heading_may_name_several_questions(self, line, numbers):
        label = read_line(line, Around())

        assert label is not None
        assert (label.kind, label.numbers) == (LabelKind.QUESTION, numbers)

    @pytest.mark.parametrize(("line", "number"), NEAR_MISSES)
    def test_line_that_only_looks_like_a_heading_is_plain_text(self, line, number):
        assert read_line(line, Around()) is number

    @pytest.mark.parametrize(
        ("line", "part"),
        [
            pytest.param("問題1-2", 2, id="hyphen"),
            pytest.param("問題1(2)", 2, id="brackets"),
            pytest.param("問題1.2", 2, id="stop"),
            pytest.param("Q1-2", 2, id="Q"),
        ],
    )
    def test_second_number_is_kept_for_the_notebook_to_decide(self, line, part):
        label = read_line(line, Around())

        assert label is not None
        assert (label.numbers, label.part) == ((1,), part)

    def test_homework_number_is_kept_beside_the_question(self):
        label = read_line("課題8-3", Around())

        assert label is not None
        assert (label.numbers, label.homework) == ((3,), 8)

    def test_answer_labels_say_that_they_go_on_with_a_question(self):
        labels = [read_line(line, Around()) for line in ("解答2", "問題2の説明", "Ans 2", "問題2")]

        assert [label.is_answer for label in labels] == [True, True, True, False]

    def test_title_with_a_space_inside_a_paragraph_is_a_wrapped_sentence(self):
        inside = Around(starts_block=False)

        assert read_line("問題1 テンソルを作る", inside) is None
        assert read_line("問題1", inside).kind is LabelKind.QUESTION

    def test_markdown_heading_may_begin_like_a_sentence(self):
        assert read_line("## 問題1 では次を作る", Around()).numbers == (1,)

    @pytest.mark.parametrize(
        ("line", "level"),
        [("# 問題1", 1), ("### 問題1", 3), ("<h2>問題1</h2>", 2), ("**問題1**", 7), ("問題1", 7)],
    )
    def test_level_is_that_of_markdown(self, line, level):
        assert read_line(line, Around()).level == level


class TestBareNumbers:
    @pytest.mark.parametrize(
        ("line", "number"),
        [
            case("(1)", 1, "brackets"),
            case("（１）", 1, "full-width brackets"),
            case("1.", 1, "stop"),
            case("1)", 1, "closing bracket"),
            case("①", 1, "circled"),
            case("❶", 1, "filled circle"),
            case("1️⃣", 1, "keycap emoji"),
            case("⑳", 20, "circled twenty"),
            case("[1]", 1, "square brackets"),
            case("## 1", 1, "Markdown heading"),
            case("**1**", 1, "bold"),
            case("8-1", 1, "homework and question"),
            case("No.1", 1, "No."),
        ],
    )
    def test_bare_number_is_weak_evidence(self, line, number):
        label = read_line(line, Around())

        assert label is not None
        assert (label.kind, label.numbers) == (LabelKind.NUMBERED, (number,))

    @pytest.mark.parametrize(
        "line",
        [
            pytest.param("1. PyTorchをインストール", id="ordered list"),
            pytest.param("(1) 式より", id="formula's number"),
            pytest.param("① まず形を見る", id="circled list"),
        ],
    )
    def test_number_with_words_inside_a_cell_is_a_list(self, line):
        assert read_line(line, Around(starts_cell=False)) is None

    def test_number_with_words_that_opens_a_cell_may_be_a_heading(self):
        assert read_line("1. テンソルの作成", Around(starts_cell=True)).kind is LabelKind.NUMBERED

    def test_plain_number_alone_is_no_heading(self):
        assert read_line("12", Around()) is None

    def test_different_spellings_have_different_shapes(self):
        shapes = {read_line(line, Around()).shape for line in ("1.", "(1)", "# 1.", "## 1.", "**1.**", "8-1")}

        assert len(shapes) == 6


class TestOtherHeadings:
    @pytest.mark.parametrize(
        ("line", "number"),
        [
            case("課題8", 8, "plain"),
            case("# 課題8 (TorchTensor)", 8, "with a title"),
            case("**課題８**", 8, "bold, full-width"),
            case("第8回課題", 8, "numbered week"),
            case("レポート課題8", 8, "report"),
            case("Homework 8", 8, "English"),
            case("HW8", 8, "English, short"),
            case("Assignment #8: tensors", 8, "assignment"),
        ],
    )
    def test_homework_heading_is_no_question(self, line, number):
        label = read_line(line, Around())

        assert label is not None
        assert (label.kind, label.numbers) == (LabelKind.HOMEWORK, (number,))

    @pytest.mark.parametrize("line", ["課題8では自動微分を学ぶ", "課題が終わった", "課題8を提出します"])
    def test_sentence_about_the_homework_is_plain_text(self, line):
        assert read_line(line, Around()) is None

    @pytest.mark.parametrize("line", ["# 感想", "**感想**", "感想", "## Appendix", "参考文献", "おわりに"])
    def test_section_after_the_answers_ends_them_all(self, line):
        label = read_line(line, Around())

        assert label is not None
        assert (label.kind, label.ends_all) == (LabelKind.SECTION, True)

    @pytest.mark.parametrize("line", ["## 解答", "### 手計算による確認", "# コード", "## Explanation", "## 考え方"])
    def test_heading_inside_an_answer_ends_nothing(self, line):
        assert read_line(line, Around()) is None

    def test_other_markdown_heading_keeps_its_level(self):
        label = read_line("## 自動微分について", Around())

        assert (label.kind, label.level, label.ends_all) == (LabelKind.SECTION, 2, False)

    def test_underlined_line_is_a_heading(self):
        assert read_line("自動微分", Around(underline=1)).level == 1


class TestComments:
    @pytest.mark.parametrize(
        ("comment", "number"),
        [
            case("# 問題1", 1, "plain"),
            case("#問題１", 1, "no space, full-width"),
            case("### Q1 ###", 1, "many signs"),
            case("# --- 問題1 ---", 1, "drawn rule"),
            case("# %% 問題1", 1, "cell separator of an editor"),
            case('#@title 問題1 { display-mode: "form" }', 1, "Colab title"),
            case("#@markdown **問題1**", 1, "Colab text"),
            case("# 課題8-1", 1, "homework and question"),
        ],
    )
    def test_marker_comment_names_its_question(self, comment, number):
        label = read_line(comment, Around(in_code=True))

        assert label is not None
        assert (label.kind, label.numbers) == (LabelKind.QUESTION, (number,))

    @pytest.mark.parametrize("comment", ["# 問題1のtを使う", "# Q1 = 3", "# 問題なし", "# t = 1"])
    def test_remark_is_no_marker(self, comment):
        assert read_line(comment, Around(in_code=True)) is None

    @pytest.mark.parametrize("comment", ["#1", "#1.", "# (1)", "# ①"])
    def test_number_in_a_comment_is_weak_evidence(self, comment):
        assert read_line(comment, Around(in_code=True)).kind is LabelKind.NUMBERED


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("7", 7),
            ("一", 1),
            ("十", 10),
            ("十五", 15),
            ("二十", 20),
            ("三十二", 32),
            ("IV", 4),
            ("Ten", 10),
            ("一二", 0),
        ],
    )
    def test_number_is_read(self, text, number):
        assert read_number(text) == number


class TestAnyLine:
    @given(line=st.text(max_size=60), in_code=st.booleans(), starts_cell=st.booleans())
    def test_no_line_raises(self, line, in_code, starts_cell):
        read_line(line, Around(in_code=in_code, starts_cell=starts_cell))

    @given(
        prefix=st.sampled_from(["", "# ", "**", "■", "- ", "> ", "【", "(", "<b>"]),
        word=st.sampled_from(["問題", "Q", "第", "課題8-", "解答", "(", ""]),
        number=st.sampled_from(["1", "６", "①", "十", "1-2", "1〜3", "999999", "٣", "²"]),
        tail=st.text(alphabet="問題のは 1()（）【】.:：|、はto<>*_#-", max_size=12),
    )
    def test_no_likely_line_raises(self, prefix, word, number, tail):
        read_line(prefix + word + number + tail, Around())

    @pytest.mark.parametrize(
        "piece",
        [
            "問題1-",
            "#",
            "(",
            "[",
            "<b>",
            "<",
            "![",
            "1.",
            "- ",
            "> ",
            "*",
            "_ ",
            "Q1&",
            "問題1と",
            "&nbsp;",
            "\u3000",
            "・",
            "‍️",
        ],
    )
    def test_only_the_beginning_of_a_long_line_is_read(self, piece):
        endless = piece * (1_000_000 // len(piece))

        assert read_line(endless, Around()) == read_line(endless[:LONGEST_LINE], Around())
