"""The whole day of each role, end to end: a browser, a real service, its worker and its kernels; nothing is a double.

Everything is found by role and label, by the sentences of the reader's language. What one day leaves behind must not
matter to another: its people and what they make have names of their own.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from browsing import DESK, PHONE, Campus, Reader
from documentation import notebook_of
from golden import load_golden
from openpyxl import load_workbook

from grader.catalog import Bundle, bundled, parse, read_bundle
from grader.domain.people import Role
from grader.domain.text import Language, Text
from grader.feedback.catalogue import load_messages
from grader.flow import people, publish
from grader.wiring.data_folder import open_stores

DAYS = {"ja-phone": ("ja", PHONE), "ja-desk": ("ja", DESK), "en-phone": ("en", PHONE), "en-desk": ("en", DESK)}
USUAL = ("ja-phone", "en-desk")
"""Both languages and both sizes, read by axe too, which takes most of a day's time. `make soak` lives the other two."""
PASSWORD = "correct horse battery"
COURSE = "デモ / Demo"
HOMEWORK = parse(read_bundle(bundled()["torch-tensor"])).assignment
FULL = next(golden for golden in load_golden("torch-tensor") if golden.name == "colab_roll_call")
NUMBERS = Text(ja="数", en="Numbers")
NUMBERS_SPEC = """\
title: {ja: 数, en: Numbers}
questions:
  q1: {prompt: {ja: "数", en: "A number."}, value: x, points: 10}
"""
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
class Person:
    """Somebody at a browser, who knows what things are called in their language."""

    reader: Reader
    messages: Mapping[str, str]
    day: str

    @property
    def page(self):
        return self.reader.page

    def say(self, code, **facts):
        return self.messages[code].format(**facts)

    def read(self, text: Text):
        return text.in_language(Language(self.reader.language))

    def press(self, code, **facts):
        self.page.get_by_role("main").get_by_role("button", name=self.say(code, **facts), exact=True).click()

    def follow(self, code, **facts):
        self.page.get_by_role("main").get_by_role("link", name=self.say(code, **facts), exact=True).first.click()

    def open_tab(self, code):
        self.page.get_by_role("navigation", name=self.say("student.course_pages")).get_by_role(
            "link", name=self.say(code), exact=True
        ).click()

    def check_page(self):
        self.reader.check_page(with_axe=self.day in USUAL)

    def wait_for(self, code, **facts):
        """Until the page says it; and then the page must be as pages are."""
        self.page.get_by_text(self.say(code, **facts), exact=True).first.wait_for()
        self.check_page()

    def wait_for_heading(self, code, **facts):
        self.page.get_by_role("heading", name=self.say(code, **facts)).first.wait_for()
        self.check_page()


@pytest.fixture(params=[pytest.param(day, marks=() if day in USUAL else pytest.mark.soak) for day in DAYS])
def come_in(request, campus: Campus, open_browser):
    """Opens the course to a new member of it: a browser, the link from the mail, a password."""
    language, size = DAYS[request.param]

    def come_in(name, role):
        reader = open_browser(campus.url, language, size=size)
        person = Person(reader, load_messages(Language(language)), request.param)
        page = person.page
        page.goto(campus.enrol(f"{name}-{person.day}", role=role))
        page.get_by_label(person.say("page.new_password")).fill(PASSWORD)
        page.get_by_label(person.say("page.password_again")).fill(PASSWORD)
        person.press("page.keep_password")
        person.wait_for_heading("page.home")
        page.get_by_role("heading", name=COURSE).get_by_role("link").click()
        person.wait_for_heading("student.tab_assignments")
        return person

    return come_in


def full_marks(words):
    """The full-marks notebook as nobody else hands it in: with these words below its last answer."""
    notebook = json.loads(FULL.path.read_bytes())
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": words})
    return json.dumps(notebook).encode()


def put_last(notebook, heading):
    """The same with a question's two cells at the end, where nothing says what they answer."""
    whole = json.loads(notebook)
    cells = whole["cells"]
    (place,) = [place for place, cell in enumerate(cells) if "".join(cell["source"]) == heading]
    cells += [{**cells.pop(place), "source": "おまけ"}, cells.pop(place)]
    return json.dumps(whole).encode()


def drop(page, notebook):
    """As a file from the desktop."""
    dropped = page.evaluate_handle(
        "source => { const all = new DataTransfer(); all.items.add(new File([source], 'hw8.ipynb')); return all }",
        notebook.decode(),
    )
    page.locator("[data-drop]").dispatch_event("drop", {"dataTransfer": dropped})


def test_a_student_looks_hands_in_waits_and_reads_the_score(come_in):
    ann = come_in("ann", Role.STUDENT)
    page, say = ann.page, ann.say

    page.get_by_text(say("student.news_assignment")).first.wait_for()
    page.get_by_role("link", name=ann.read(HOMEWORK.title)).click()
    page.get_by_text(say("student.own_none")).wait_for()
    page.locator(".math[data-shown]").first.wait_for()
    ann.wait_for_heading("student.own")
    ann.reader.check_size()

    field = page.get_by_label(say("student.file"))
    field.set_input_files({"name": "photo.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n"})
    page.get_by_text(say("student.refused_costs_nothing")).wait_for()
    drop(page, put_last(full_marks(ann.day), "**問題2**"))
    ann.wait_for("student.look_some_found", found=5, count=6)
    ann.press("student.hand_in")
    ann.wait_for("result.points", score=65, decided=65)

    ann.follow("result.see_cells")
    ann.wait_for("result.cells_none")
    cells = page.get_by_role("group", name=say("result.cells_of", number=2))
    cells.get_by_label(say("word.cell", cell=19)).check()
    ann.press("result.cells_keep")
    ann.wait_for("result.points", score=75, decided=75)

    page.get_by_role("heading", level=1).get_by_role("link").click()
    ann.wait_for("student.counts")
    notebook = {"name": "kadai8.ipynb", "mimeType": "application/x-ipynb+json", "buffer": full_marks(ann.day)}
    page.get_by_label(say("student.file")).set_input_files(notebook)
    ann.wait_for("student.look_all_found", found=6, count=6)
    ann.press("student.hand_in")
    ann.wait_for("result.points", score=75, decided=75)
    page.get_by_role("heading", level=1).get_by_role("link").click()
    page.get_by_text(say("student.score_pending", score=75, decided=75, pending=25)).first.wait_for()
    ann.wait_for("student.counts")


@pytest.fixture(scope="module")
def too_early(campus):
    """Who handed in 4 while 3 was right; by now the course offers a version that says 4. The submission's id too.

    Somebody else made the same mistake.
    """
    student, another = (campus.service.add_member(name) for name in ("too-early", "as-early"))
    with open_stores(campus.service.settings) as stores:
        publish_number(3, stores=stores)
        publish.offer("numbers", course="demo", stores=stores)
    submission_id = student.hand_in(notebook_with(4), slug="numbers").json()["id"]
    another.wait_for_result(another.hand_in(notebook_with(4), slug="numbers").json()["id"])
    assert student.wait_for_result(submission_id)["score"] == 0
    with open_stores(campus.service.settings) as stores:
        publish_number(4, stores=stores)
        publish.update_offering("numbers", course="demo", stores=stores)
    return student, submission_id


def notebook_with(number):
    return notebook_of(f"# %% [markdown]\n# ## 問題1\n# %%\nx = {number}\n")


def publish_number(number, *, stores):
    files = {"assignment.yaml": NUMBERS_SPEC.encode(), "reference.ipynb": notebook_with(number)}
    publish.publish(parse(Bundle(slug="numbers", files=files)), files=files, stores=stores)


def test_a_ta_reads_an_answer_saves_the_table_and_regrades(campus, come_in, too_early):
    tom = come_in("tom", Role.TA)
    page, say = tom.page, tom.say
    name, comment = f"reviewed-{tom.day}", f"6x² − 6x − 12 ({tom.day})"
    student = campus.service.add_member(name)
    reviewed = student.hand_in(full_marks(f"{name}: $x^2$")).json()["id"]
    before = student.wait_for_result(reviewed)

    tom.open_tab("review_page.tab")
    tom.press("review_page.names_hidden")
    tom.wait_for("review_page.names_shown")
    question = tom.read(HOMEWORK.questions[5].title)
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=question))
    row.get_by_role("link").last.click()
    whole = page.get_by_role("main").get_by_role("link", name=say("review_page.whole"), exact=True)
    while reviewed not in whole.get_attribute("href"):
        tom.follow("review_page.next")
    page.locator(".rv-cells .math[data-shown]").last.wait_for()
    assert name not in page.get_by_role("main").inner_text()
    tom.check_page()
    page.keyboard.press("1")
    page.get_by_label(say("review_page.comment")).first.fill(comment)
    tom.press("review_page.save_next")
    page.wait_for_url("**after=**")
    after = student.get(f"/submissions/{reviewed}/result").json()
    assert after["score"] > before["score"]
    assert comment in json.dumps(after, ensure_ascii=False)

    tom.open_tab("staff.tab_table")
    page.get_by_label(say("staff.search")).fill(name)
    tom.press("staff.show")
    page.wait_for_url("**q=**")
    page.get_by_role("rowheader", name=name, exact=True).wait_for()
    tom.check_page()
    for code in ("staff.as_csv", "staff.as_xlsx"):
        with page.expect_download() as saved:
            tom.follow(code)
        heading, line = read_sheet(saved.value)
        column = next(place for place, title in enumerate(heading) if tom.read(HOMEWORK.title) in title)
        assert name in line
        assert float(line[column]) == after["score"]

    page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name)).get_by_role("link").click()
    tom.follow("review_page.correct", number=2)
    page.get_by_label(say("review_page.points", most=HOMEWORK.questions[1].points)).fill("4")
    page.get_by_label(say("review_page.reason")).fill(tom.day)
    page.get_by_text(say("review_page.autosaved")).wait_for()
    tom.check_page()
    tom.press("review_page.override_do")
    page.wait_for_url("**#q2")
    corrected = student.get(f"/submissions/{reviewed}/result").json()
    assert corrected["score"] == after["score"] - 6

    student, submission_id = too_early
    tom.open_tab("staff.tab_table")
    page.get_by_role("link", name=say("staff.dashboard_of", title=tom.read(NUMBERS)), exact=True).click()
    tom.wait_for_heading("staff.mistakes")
    tom.follow("staff.comment_on_all")
    page.get_by_label(say("review_page.comment_for_all")).fill(comment)
    tom.press("review_page.say_to_all", count=2)
    tom.wait_for("review_page.said_to", count=2)
    told = student.get(f"/submissions/{submission_id}/result").json()
    assert comment in json.dumps(told, ensure_ascii=False)
    tom.open_tab("staff.tab_table")
    page.get_by_role("link", name=say("staff.dashboard_of", title=tom.read(NUMBERS)), exact=True).click()
    tom.follow("staff.regrade")
    tom.wait_for("staff.regrade_what")
    tom.press("staff.regrade_start")
    tom.wait_for_heading("staff.before_after")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="too-early"))
    assert row.get_by_role("cell").all_inner_texts()[:2] == ["0", "10"]
    tom.press("staff.apply_all")
    tom.wait_for("staff.regrade_applied")
    assert student.get(f"/submissions/{submission_id}/result").json()["score"] == 10
    tom.press("staff.undo")
    tom.wait_for("staff.regrade_undone")
    assert student.get(f"/submissions/{submission_id}/result").json()["score"] == 0


def read_sheet(download):
    """The heading and the only other line of a saved table."""
    if download.suggested_filename.endswith(".csv"):
        return list(csv.reader(download.path().read_text("utf-8-sig").splitlines()))
    with download.path().open("rb") as file:
        return list(load_workbook(file).active.iter_rows(values_only=True))


def test_an_instructor_drafts_publishes_and_replaces_an_assignment(campus, come_in):
    ida = come_in("ida", Role.INSTRUCTOR)
    page, say, slug = ida.page, ida.say, f"drafted-{ida.day}"

    def step(code):
        """Another of the pages about this assignment."""
        link = page.get_by_role("navigation", name=say("authoring_page.steps")).get_by_role(
            "link", name=say(code), exact=True
        )
        link.click()
        link.and_(page.locator("[aria-current]")).wait_for()
        ida.check_page()

    ida.open_tab("authoring_page.tab")
    ida.wait_for_heading("authoring_page.begin")
    solved = {"name": "solved.ipynb", "mimeType": "application/json", "buffer": notebook_of(SOLVED)}
    page.get_by_label(say("authoring_page.files")).set_input_files(solved)
    page.get_by_label(say("authoring_page.slug")).fill(slug)
    ida.press("authoring_page.begin_with_files")
    ida.wait_for("authoring_page.no_mistakes")  # a worker has run it
    title = page.get_by_role("group", name=say("authoring_page.field_title")).first
    for language in Language:
        title.get_by_label(say(f"authoring_page.in_{language}")).fill(slug)
    ida.press("authoring_page.save")
    ida.wait_for("authoring_page.saved")

    step("authoring_page.to_student")
    step("authoring_page.to_yaml")
    editor = page.get_by_label(say("authoring_page.yaml"), exact=True)
    editor.press("Control+End")
    editor.press_sequentially("pionts: 1")
    page.get_by_role("list").get_by_text("pionts").wait_for()
    ida.check_page()
    page.get_by_role("link", name="assignment.yaml").first.click()
    assert editor.evaluate("text => text.value.slice(text.selectionStart, text.selectionEnd)") == "pionts: 1"

    step("authoring_page.to_trial")
    ida.press("authoring_page.try_now")
    ida.wait_for_heading("authoring_page.trial_found")
    step("authoring_page.to_publish")
    ida.press("authoring_page.publish_now_new")
    ida.wait_for("authoring_page.published")
    due, closes = (page.get_by_label(say(f"authoring_page.{name}"), exact=True) for name in ("due", "closes"))
    due.fill("2099-12-01T23:59")
    closes.fill("2099-11-01T23:59")
    ida.press("authoring_page.save_dates")
    page.get_by_text(say("authoring_page.wrong_order")).wait_for()
    ida.reader.forget(422)
    ida.check_page()
    closes.fill("")
    page.get_by_label(say("authoring_page.late_day")).check()
    ida.press("authoring_page.save_dates")
    ida.wait_for("authoring_page.dates_saved")

    student = campus.service.add_member(f"early-{ida.day}")
    submission_id = student.hand_in(notebook_of(SOLVED), slug=slug).json()["id"]
    before = student.wait_for_result(submission_id)["score"]
    page.get_by_role("link", name=say("authoring_page.to_edit"), exact=True).click()
    page.get_by_label(say("authoring_page.points"), exact=True).fill(f"{before + 5:g}")
    ida.press("authoring_page.save")
    page.get_by_text(say("authoring_page.saved"), exact=True).wait_for()
    ida.wait_for("authoring_page.no_mistakes")  # the sum has followed
    step("authoring_page.to_publish")
    ida.press("authoring_page.publish_now_version")
    ida.wait_for("authoring_page.gaining", count=1)  # a worker has proved it, and graded with it
    ida.follow("authoring_page.before_after")
    ida.wait_for_heading("staff.before_after")
    ida.follow("regrade_page.to_version")
    ida.press("authoring_page.use_version")
    ida.wait_for("staff.regrade_applied")
    assert student.get(f"/submissions/{submission_id}/result").json()["score"] == before + 5
    ida.press("staff.undo")
    ida.wait_for("staff.regrade_undone")
    assert student.get(f"/submissions/{submission_id}/result").json()["score"] == before


def test_an_instructor_brings_a_roster_and_releases_points_by_hand(campus, come_in):
    ida = come_in("ida", Role.INSTRUCTOR)
    page, say, course = ida.page, ida.say, f"roster-{ida.day}"
    names = {f"{name}-{ida.day}": kanji for name, kanji in (("hanako", "山田 花子"), ("taro", "佐藤 太郎"))}
    with open_stores(campus.service.settings) as stores:
        people.add_course(course, title=course, stores=stores)
        herself = people.NewMember(login=f"ida-{ida.day}", name="ida", role=Role.INSTRUCTOR)
        people.add_member(herself, course=course, stores=stores)
        publish.offer("torch-tensor", course=course, stores=stores)

    def bring(*lines):
        """A roster as a Japanese Excel saves it."""
        table = "\r\n".join(["学籍番号,氏名,ログイン名", *lines]).encode("cp932")
        file = {"name": "名簿.csv", "mimeType": "text/csv", "buffer": table}
        ida.open_tab("course.members")
        ida.follow("course.import")
        page.get_by_label(say("course.import_file"), exact=True).set_input_files(file)
        ida.press("course.import_look")
        ida.wait_for_heading("course.import_plan")

    page.goto("/")
    page.get_by_role("heading", name=course).get_by_role("link").click()
    bring(*(f"1A{number},{name},{login}" for number, (login, name) in enumerate(names.items())))
    ida.press("course.import_apply")
    for name in names.values():
        page.get_by_role("rowheader", name=name).wait_for()
    ida.check_page()

    login = next(iter(names))
    with open_stores(campus.service.settings) as stores:
        student = campus.service.client(people.make_token(login, label="test", stores=stores).secret)
    submission_id = student.hand_in(full_marks(f"{login} in {course}"), course=course).json()["id"]
    before = student.wait_for_result(submission_id)
    result = f"/submissions/{submission_id}/result"
    page.goto(f"/courses/{course}/assignments/torch-tensor/dates")
    for part in ("authoring_page.release", "release.details"):
        page.get_by_role("group", name=say(part)).get_by_label(say("authoring_page.release_by_hand")).check()
    ida.press("authoring_page.save_dates")
    ida.wait_for("release.nothing")
    assert student.get(result).status_code == 403
    ida.press("release.points_now")
    page.get_by_text(say("release.done")).wait_for()
    ida.wait_for("release.only_points")
    points = student.get(result).json()
    assert (points["score"], points["questions"][0]["checks"]) == (75, [])
    ida.press("release.details_now")
    page.get_by_role("button", name=say("release.details_now")).wait_for(state="detached")
    assert student.get(result).json() == before

    bring(f"1A0,{names[login]},{login}")
    ida.wait_for("course.plan_left_what")
    ida.press("course.import_apply")
    ida.follow("course.show_left", count=1)
    page.get_by_role("rowheader", name=names[f"taro-{ida.day}"]).wait_for()
    ida.check_page()
