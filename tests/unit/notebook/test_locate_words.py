"""What counts as the student's own words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.notebook.words import LONGEST_PIECE_CHARS, Prompts, code_words, has_picture, markdown_words

ASK_SIZE = "`size` メソッドで `t` の大きさを表示しなさい。"
ASK_TENSOR = "次のように表示されるテンソル `t` を作りなさい。{{print(t)}}"
ASK_TENSOR_ABOVE = "次のように表示されるとします。\n\n{{print(t)}}\n\nこのテンソル `t` を作りなさい。"


def of_markdown(text, *prompts):
    return markdown_words(text.split("\n"), Prompts(prompts))


def of_code(source, *prompts):
    return [text for _, text in code_words(source, Prompts(prompts))]


class TestMarkdown:
    def test_keeps_what_the_student_wrote(self):
        assert of_markdown("-1 は最後の行を\n\n表します。") == "-1 は最後の行を\n\n表します。"

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("", id="empty"),
            pytest.param("\n  \n", id="blank"),
            pytest.param("### 解答", id="heading inside the answer"),
            pytest.param("---", id="rule"),
            pytest.param("#### 手計算\n---", id="both"),
            pytest.param("（ここに解答を書いてください。）", id="template's remark"),
            pytest.param("*Write your answer here.*", id="template's remark in English"),
        ],
    )
    def test_headings_and_rules_alone_are_no_words(self, text):
        assert of_markdown(text) == ""

    def test_words_that_point_to_a_place_are_kept(self):
        assert of_markdown("ここに -1 を書くと、最後の行になります。") != ""

    def test_prompt_is_taken_out(self):
        assert of_markdown(f"{ASK_SIZE}\n\n大きさは(4, 3, 2)", ASK_SIZE) == "大きさは(4, 3, 2)"

    @pytest.mark.parametrize(
        "pasted",
        [
            pytest.param("sizeメソッドでtの大きさを表示しなさい", id="from the rendered page, no code spans"),
            pytest.param("**`size` メソッドで `t` の大きさを表示しなさい。**", id="in bold"),
            pytest.param("> `size` メソッドで `t` の大きさを表示しなさい。", id="as a quotation"),
            pytest.param("　ｓｉｚｅメソッドで　ｔ　の大きさを表示しなさい。", id="full-width letters"),
            pytest.param("sizeメソッドでtの大きさを表示して下さい。", id="reworded a little"),
            pytest.param("`size` メソッドで\n`t` の大きさを表示しなさい。", id="broken into two lines"),
        ],
    )
    def test_prompt_is_recognised_however_it_was_pasted(self, pasted):
        assert of_markdown(f"{pasted}\n\n私の説明", ASK_SIZE) == "私の説明"

    def test_answer_on_the_prompts_line_is_kept(self):
        assert of_markdown(f"{ASK_SIZE} 答えは(4, 3, 2)です", ASK_SIZE) == "答えは(4, 3, 2)です"

    def test_prompts_of_other_questions_are_the_authors_too(self):
        assert of_markdown(f"{ASK_SIZE}\n{ASK_TENSOR_ABOVE}", ASK_SIZE, ASK_TENSOR_ABOVE) == ""

    def test_what_fills_a_gap_at_the_end_is_the_authors(self):
        pasted = (
            "次のように表示されるテンソルtを作りなさい。\n```\ntensor([[1, 2],\n        [3, 4.]])\n```\nこう作りました"
        )

        assert of_markdown(pasted, ASK_TENSOR) == "こう作りました"

    def test_what_fills_a_gap_inside_is_the_authors_whatever_it_is(self):
        pasted = "次のように表示されるとします。\nどんな文字でも\n[[1, 2]]\nこのテンソルtを作りなさい。\nできました"

        assert of_markdown(pasted, ASK_TENSOR_ABOVE) == "できました"

    def test_numbers_that_answer_a_prompt_without_gap_are_kept(self):
        assert of_markdown(f"{ASK_SIZE}\ntorch.Size([4, 3, 2])", ASK_SIZE) == "torch.Size([4, 3, 2])"

    def test_short_words_that_also_stand_in_the_prompt_are_kept(self):
        assert of_markdown("大きさ t", ASK_SIZE) == "大きさ t"

    def test_embedded_picture_counts_without_its_bytes(self):
        text = f"![memo.jpg](data:image/jpeg;base64,{'A' * 500_000})"

        assert of_markdown(text) == "![memo.jpg](data:)"
        assert has_picture(text)

    def test_very_long_words_are_cut(self):
        assert len(of_markdown("あ" * (10 * LONGEST_PIECE_CHARS))) == LONGEST_PIECE_CHARS


class TestPictures:
    @pytest.mark.parametrize(
        "text", ["![](attachment:a.png)", "text ![図](figure.png)", '<img src="x.png">', "[scan](attachment:a.pdf)"]
    )
    def test_picture_is_seen(self, text):
        assert has_picture(text)

    @pytest.mark.parametrize("text", ["", "驚いた![]", "[link](https://example.org)", "t[:, -1, :]!"])
    def test_text_is_no_picture(self, text):
        assert not has_picture(text)


class TestComments:
    def test_comments_on_consecutive_lines_are_one_piece(self):
        assert of_code("# -1は最後\n# だから形は(4, 2)\nx = 1\n# 別の話") == ["-1は最後\nだから形は(4, 2)", "別の話"]

    def test_comment_behind_code_counts(self):
        assert of_code("x = 1  # 初期値") == ["初期値"]

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param("# 問題1\nx = 1", id="marker"),
            pytest.param("# Q1. サイズ\nx = 1", id="marker with a title"),
            pytest.param("# print(t)", id="call commented out"),
            pytest.param("# t = torch.rand(3)", id="assignment commented out"),
            pytest.param("# import torch", id="import commented out"),
            pytest.param("# for i in range(3):\n#     print(i)", id="loop commented out"),
            pytest.param("# for i in range(3):", id="loop's head commented out"),
            pytest.param("Name = '' #@param {type:\"string\"}", id="Colab form field"),
            pytest.param("#@title 出席", id="Colab title"),
            pytest.param("# ここにコードを書いてください", id="template's remark"),
            pytest.param("# YOUR CODE HERE", id="template's remark in English"),
            pytest.param("#", id="empty"),
            pytest.param("# -----", id="drawn rule"),
            pytest.param("s = '# これは文字列'", id="inside a string"),
        ],
    )
    def test_comment_that_says_nothing_is_left_out(self, source):
        assert of_code(source) == []

    @pytest.mark.parametrize(
        "words",
        [
            pytest.param("f'(x) = 6x^2 - 6x - 12", id="derivative"),
            pytest.param("y = 2*x**3 - 3*x**2 - 12*x + 1", id="formula that is valid Python"),
            pytest.param("f(1) = -12", id="value"),
            pytest.param("tensor([[7, 8]])", id="output that was copied"),
            pytest.param("torch.Size([4, 3, 2])", id="size that was copied"),
            pytest.param("Note: the last row", id="English with a colon"),
            pytest.param("answer", id="one word"),
            pytest.param("because -1 means the last one", id="English"),
            pytest.param("@markdown 最後の行です", id="Colab text"),
        ],
    )
    def test_words_are_kept(self, words):
        assert of_code(f"#{words}" if words.startswith("@") else f"# {words}") == [words.removeprefix("@markdown ")]

    def test_prompt_in_a_comment_is_taken_out(self):
        assert of_code(f"# {ASK_SIZE}\nt.size()", ASK_SIZE) == []

    def test_bare_string_is_words(self):
        assert of_code('"""\n-1 は最後\n"""\nx = "これは値"') == ["-1 は最後"]

    def test_marker_in_a_bare_string_is_taken_out(self):
        assert of_code('"""問題3\n-1 は最後"""') == ["-1 は最後"]

    def test_comments_beside_magics_and_errors_are_read(self):
        assert of_code("%%time\n!ls\n# 速い") == ["速い"]
        assert of_code("x = (\n# 閉じ忘れ") == ["閉じ忘れ"]

    def test_words_come_in_order_with_their_lines(self):
        source = '# 一つ目\nx = 1\n"""二つ目"""\n# 三つ目'

        assert code_words(source, Prompts([])) == [(0, "一つ目"), (2, "二つ目"), (3, "三つ目")]


class TestAnything:
    @given(text=st.text(max_size=300), prompt=st.text(max_size=80))
    def test_nothing_raises(self, text, prompt):
        of_markdown(text, prompt)
        of_code(text, prompt)

    @given(lines=st.lists(st.sampled_from([ASK_SIZE, "{{", "}}", "tensor([1])", "説明", "```", ""]), max_size=12))
    def test_nothing_is_invented(self, lines):
        kept = Prompts([ASK_SIZE, ASK_TENSOR, ASK_TENSOR_ABOVE]).without(lines)

        assert [line for line in lines if line in kept] == kept

    @pytest.mark.parametrize(
        "piece", ["あ", "{{", "![](", "# ", "](data:", "(", "a\n", "```\n", ASK_SIZE, f"{ASK_SIZE}\n"]
    )
    def test_endless_text_comes_to_an_end(self, piece):
        endless = piece * (400_000 // len(piece))

        assert len(of_markdown(endless, ASK_SIZE, ASK_TENSOR)) <= LONGEST_PIECE_CHARS
        of_code(f"# {endless}", ASK_SIZE)
