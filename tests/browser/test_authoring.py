"""An instructor's day: from a solved notebook to an assignment with dates, with a real worker and real kernels."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from browsing import DESK, PHONE, Campus, Reader
from documentation import notebook_of

from grader.domain.people import Role
from grader.domain.text import Language
from grader.feedback.catalogue import load_messages

PATIENCE_MS = 60_000
PASSWORD = "correct horse battery"
SOLVED = """
# %%
import torch
# %% [markdown]
# ## 問題1 テンソル
# 形 (2, 3) のテンソルを作る。
# %%
t = torch.arange(6).reshape(2, 3)
"""


@dataclass
class Author:
    """An instructor at a browser, who knows what things are called."""

    reader: Reader
    messages: Mapping[str, str]

    @property
    def page(self):
        return self.reader.page

    def words(self, code, **facts):
        return self.messages[f"authoring_page.{code}"].format(**facts)

    def press(self, code):
        self.page.locator("main").get_by_role("button", name=self.words(code), exact=True).click()

    def follow(self, code):
        steps = self.page.get_by_role("navigation", name=self.words("steps"))
        steps.get_by_role("link", name=self.words(code), exact=True).click()
        steps.get_by_role("link", name=self.words(code), exact=True).and_(
            self.page.locator("[aria-current]")
        ).wait_for()
        self.reader.check_page()

    def wait_for(self, code):
        self.page.get_by_text(self.words(code)).wait_for()
        self.reader.check_page()


@pytest.fixture
def open_author(campus: Campus, open_browser):
    def open_author(language, *, size):
        author = Author(open_browser(campus.url, language, size=size), load_messages(Language(language)))
        author.page.set_default_timeout(PATIENCE_MS)
        author.page.goto(campus.enrol(f"ida-{language}", role=Role.INSTRUCTOR))
        author.page.get_by_label(author.messages["page.new_password"]).fill(PASSWORD)
        author.page.get_by_label(author.messages["page.password_again"]).fill(PASSWORD)
        author.page.get_by_role("button", name=author.messages["page.keep_password"]).click()
        author.page.goto("/courses/demo")
        author.page.get_by_role("link", name=author.words("tab"), exact=True).click()
        author.page.get_by_role("heading", name=author.words("begin")).wait_for()
        author.reader.check_page()
        return author

    return open_author


def test_from_a_solved_notebook_to_an_assignment_with_dates_and_a_new_version(open_author):
    ida = open_author("ja", size=PHONE)
    page, words = ida.page, ida.words

    solved = {"name": "solved.ipynb", "mimeType": "application/json", "buffer": notebook_of(SOLVED)}
    page.get_by_label(words("files")).set_input_files(solved)
    page.get_by_label(words("slug")).fill("drafted")
    ida.press("begin_with_files")
    ida.wait_for("no_mistakes")  # a worker has run it
    page.get_by_role("group", name=words("field_title")).first.get_by_label(words("in_ja")).fill("テンソルの練習")
    ida.press("save")
    ida.wait_for("saved")

    ida.follow("to_trial")
    ida.press("try_now")
    page.get_by_role("heading", name=words("trial_found")).wait_for()
    ida.reader.check_page()
    ida.follow("to_publish")
    ida.press("publish_now_new")
    ida.wait_for("published")
    page.get_by_label(words("due"), exact=True).fill("2026-12-01T23:59")
    page.get_by_label(words("late_day")).check()
    ida.press("save_dates")
    ida.wait_for("dates_saved")

    page.goto("/courses/demo/assignments/drafted/edit")
    page.get_by_label(words("points"), exact=True).fill("90")
    ida.press("save")
    ida.wait_for("no_mistakes")  # the sum has followed
    ida.follow("to_publish")
    ida.press("publish_now_version")
    ida.wait_for("nobody_yet")  # a worker has proved it
    ida.press("use_version")
    ida.wait_for("version_offered")
    page.goto("/courses/demo/assignments/drafted")
    page.get_by_role("heading", name="テンソルの練習", level=1).wait_for()


def test_every_page_about_an_assignment_is_readable_and_tells_mistakes_while_one_types(open_author):
    ida = open_author("en", size=DESK)
    page = ida.page

    page.goto("/courses/demo/assignments/torch-tensor/edit")
    for code in ("to_form", "to_student", "to_trial", "to_publish", "to_yaml"):
        ida.follow(code)
    editor = page.get_by_label(ida.words("yaml"), exact=True)
    editor.press("Control+End")
    editor.press_sequentially("pionts: 1")
    page.get_by_role("list").get_by_text("pionts").wait_for()
    ida.reader.check_page()
    page.get_by_role("link", name="assignment.yaml").first.click()
    assert editor.evaluate("text => text.value.slice(text.selectionStart, text.selectionEnd)") == "pionts: 1"

    page.goto("/courses/demo/assignments/torch-tensor/dates")
    page.get_by_label(ida.words("due"), exact=True).fill("2026-12-01T23:59")
    page.get_by_label(ida.words("closes"), exact=True).fill("2026-11-01T23:59")
    ida.press("save_dates")
    page.get_by_text(ida.words("wrong_order")).wait_for()
    ida.reader.forget(422)
    ida.reader.check_page()
