"""The HTTP API as its users meet it, on a real service."""

import json

import httpx2
import pytest
from golden import load_golden

from grader.domain.people import Role

FULL = next(golden for golden in load_golden("torch-tensor") if golden.name == "colab_roll_call")


def notebook_bytes(**changes) -> bytes:
    """The full-marks notebook with a change, so that it is nobody else's bytes."""
    notebook = json.loads(FULL.path.read_bytes())
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": json.dumps(changes)})
    return json.dumps(notebook).encode()


@pytest.fixture(scope="module")
def student(service):
    return service.add_member("api-student")


def test_healthz_needs_nobody(service):
    answer = httpx2.get(f"{service.url}/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readyz_names_its_workers(service):
    answer = httpx2.get(f"{service.url}/readyz")

    assert answer.status_code == 200
    assert answer.json()["ready"] is True
    assert [worker["sandbox"] for worker in answer.json()["workers"]] == ["ready"]
    assert answer.json()["missing"] == []


def test_an_upload_is_accepted_graded_and_explained_in_both_languages(service, student):
    answer = student.hand_in(notebook_bytes(test="both languages"))
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/submissions/{answer.json()['id']}"
    assert answer.json()["number"] >= 1

    japanese = student.wait_for_result(answer.json()["id"])
    english = student.get(f"/submissions/{answer.json()['id']}/result", headers={"Accept-Language": "en-GB"}).json()

    assert japanese["score"] == english["score"] == 75
    assert (japanese["pending"], japanese["points"]) == (25, 100)
    messages = [check["message"] for question in japanese["questions"] for check in question["checks"]]
    translated = [check["message"] for question in english["questions"] for check in question["checks"]]
    assert all(any(ord(letter) > 0x3000 for letter in message) for message in messages), messages
    assert all(message.isascii() or "−" in message or "’" in message for message in translated), translated


def test_the_same_bytes_again_return_the_newest_submission(student):
    data = notebook_bytes(test="same bytes")
    first = student.hand_in(data)
    student.wait_for_result(first.json()["id"])

    second = student.hand_in(data)

    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json()["id"] == first.json()["id"]


def test_older_bytes_are_a_new_submission_with_the_stored_result(student):
    older, newer = notebook_bytes(test="older"), notebook_bytes(test="newer")
    first = student.hand_in(older).json()
    student.wait_for_result(first["id"])
    student.hand_in(newer)

    again = student.hand_in(older)

    assert again.status_code == 202
    assert again.json()["id"] != first["id"]
    report = student.wait_for_result(again.json()["id"])
    assert report == student.get(f"/submissions/{first['id']}/result").json()


def test_another_students_identical_bytes_are_a_submission_of_their_own(service, student):
    data = notebook_bytes(test="identical")
    first = student.hand_in(data).json()

    second = service.add_member("api-copier").hand_in(data)

    assert second.status_code == 202
    assert second.json()["id"] != first["id"]
    assert second.json()["number"] == 1


def test_a_student_sees_own_work_only(service, student):
    submission = student.hand_in(notebook_bytes(test="own work")).json()
    other = service.add_member("api-other")

    for path in ("", "/result", "/notebook", "/executed"):
        answer = other.get(f"/submissions/{submission['id']}{path}")
        assert answer.status_code == 404, path
        assert answer.json()["code"] == "not_found"
    listed = other.get("/courses/demo/assignments/torch-tensor/submissions").json()
    assert listed["items"] == []


def test_a_ta_sees_everyones_work(service, student):
    submission = student.hand_in(notebook_bytes(test="for the ta")).json()
    ta = service.add_member("api-ta", role=Role.TA)

    assert ta.wait_for_result(submission["id"])["score"] == 75
    page = ta.get("/courses/demo/assignments/torch-tensor/submissions", params={"limit": 1}).json()
    assert len(page["items"]) == 1
    assert page["next_after"]
    rest = ta.get(
        "/courses/demo/assignments/torch-tensor/submissions", params={"limit": 200, "after": page["next_after"]}
    ).json()
    assert page["items"][0]["id"] not in [item["id"] for item in rest["items"]]


def test_original_bytes_and_executed_notebook_can_be_read_back(student):
    data = notebook_bytes(test="read back")
    submission = student.hand_in(data).json()
    student.wait_for_result(submission["id"])

    original = student.get(f"/submissions/{submission['id']}/notebook")
    executed = student.get(f"/submissions/{submission['id']}/executed")

    assert original.content == data
    assert original.headers["content-disposition"].startswith("attachment")
    outputs = [
        "".join(output.get("text", ""))
        for cell in executed.json()["cells"]
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream"
    ]
    assert any("torch.Size([4, 3, 2])" in text or "tensor(-12.)" in text for text in outputs), outputs


REFUSALS = [
    pytest.param(b"", "empty_file", id="empty"),
    pytest.param(b"hello", "not_json", id="not json"),
    pytest.param(b'{"cells": [{"cell_type": "code"', "truncated", id="cut off"),
    pytest.param(b"PK\x03\x04" + b"\0" * 50, "zip_file", id="zip"),
    pytest.param(b"%PDF-1.7 ...", "pdf_file", id="pdf"),
    pytest.param(b"<!DOCTYPE html><html></html>", "html_file", id="html"),
    pytest.param(b"import torch\nprint(1)\n", "python_script", id="python"),
    pytest.param(b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "no_code_cells", id="no code"),
]


@pytest.mark.parametrize(("data", "code"), REFUSALS)
def test_a_refused_file_says_what_it_is_and_stores_nothing(service, data, code):
    client = service.add_member(f"api-refused-{code.replace('_', '-')}")

    answer = client.hand_in(data)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert ".ipynb" in answer.json()["detail"]
    assert client.get("/courses/demo/assignments/torch-tensor/submissions").json()["items"] == []


def test_too_large_an_upload_is_refused_by_its_size(service):
    client = service.add_member("api-large")

    answer = client.hand_in(b"x" * (21 * 1024 * 1024))

    assert answer.status_code in (413, 422)
    assert answer.json()["code"] == "too_large"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/courses"),
        ("GET", "/courses/demo"),
        ("GET", "/courses/demo/members"),
        ("GET", "/courses/demo/assignments"),
        ("GET", "/courses/demo/assignments/torch-tensor"),
        ("GET", "/courses/demo/assignments/torch-tensor/submissions"),
        ("POST", "/courses/demo/assignments/torch-tensor/submissions"),
        ("GET", "/submissions/x"),
        ("GET", "/submissions/x/result"),
        ("GET", "/submissions/x/notebook"),
        ("GET", "/submissions/x/executed"),
    ],
)
@pytest.mark.parametrize("token", [None, "grd_wrong"], ids=["no token", "wrong token"])
def test_nothing_is_told_to_strangers(service, method, path, token):
    files = {"file": ("a.ipynb", b"{}")} if method == "POST" else None

    answer = service.client(token).request(method, path, files=files)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_signed_in"


def test_every_route_of_the_api_asks_who_it_is(service):
    schema = httpx2.get(f"{service.url}/api/v1/openapi.json").json()

    unprotected = [
        f"{method} {path}"
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/api/") and not operation.get("security")
    ]
    assert unprotected == []


def test_a_student_may_neither_list_members_nor_add_any(student):
    assert student.get("/courses/demo/members").status_code == 403
    answer = student.post("/courses/demo/members", json={"login": "friend"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert student.post("/courses", json={"slug": "mine", "title": "mine"}).status_code == 403


def test_an_admin_adds_a_course_and_an_instructor_its_members(service):
    admin = service.client(service.admin_token)

    assert admin.post("/courses", json={"slug": "autumn", "title": "秋学期"}).status_code == 201
    assert admin.post("/courses", json={"slug": "autumn", "title": "again"}).status_code == 409
    instructor = service.add_member("api-instructor", role=Role.INSTRUCTOR, course="autumn")
    added = instructor.post("/courses/autumn/members", json={"login": "s1", "name": "山田", "student_number": "1"})
    assert added.status_code == 201
    logins = [member["login"] for member in instructor.get("/courses/autumn/members").json()["items"]]
    assert logins == ["api-instructor", "s1"]


def test_a_prompt_shows_what_the_reference_prints(student):
    detail = student.get("/courses/demo/assignments/torch-tensor").json()

    assert [question["id"] for question in detail["questions"]] == ["q1", "q2", "q3", "q4", "q5", "q6"]
    assert sum(question["points"] for question in detail["questions"]) == detail["points"] == 100
    assert "[-70, -80]" in detail["questions"][0]["prompt"]
    assert "{{" not in detail["questions"][0]["prompt"]


@pytest.mark.parametrize("path", ["/nowhere", "/courses/none", "/submissions/none", "/courses/demo/assignments/none"])
def test_what_does_not_exist_is_a_problem_document(student, path):
    answer = student.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_a_request_without_a_file_names_what_is_missing(student):
    answer = student.post("/courses/demo/assignments/torch-tensor/submissions")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "ファイル" in answer.json()["detail"]


@pytest.mark.parametrize("size_mb", [21, 25])
def test_a_body_over_the_limit_is_a_problem_document_too(service, size_mb):
    answer = service.add_member("api-larger").hand_in(b"x" * (size_mb * 1024 * 1024))

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "too_large"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_two_files_are_not_taken_for_one(student):
    files = [("file", ("a.ipynb", FULL.path.read_bytes())), ("file", ("b.ipynb", FULL.path.read_bytes()))]

    answer = student.post("/courses/demo/assignments/torch-tensor/submissions", files=files)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ud800", id="half a character"),
        pytest.param("a\u202eb", id="turned direction"),
        pytest.param("a\0b", id="NUL"),
        pytest.param("x" * 201, id="a novel"),
    ],
)
@pytest.mark.parametrize("field", ["login", "name", "student_number"])
def test_a_name_that_is_no_line_of_text_is_refused(service, field, text):
    body = {"login": "someone", "name": "Some One", "student_number": "1", field: text}

    answer = service.client(service.admin_token).post(
        "/courses/demo/members", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_wrong_method_names_the_right_ones(service, student):
    assert student.delete("/courses").headers["allow"] in ("GET", "POST", "GET, POST")
    assert httpx2.head(f"{service.url}/healthz").status_code == 200


def test_the_documents_errors_have_the_media_type_that_errors_have(service):
    schema = httpx2.get(f"{service.url}/api/v1/openapi.json").json()

    responses = schema["paths"]["/api/v1/submissions/{submission_id}/result"]["get"]["responses"]
    assert {status: list(response["content"]) for status, response in responses.items() if status != "200"} == {
        status: ["application/problem+json"] for status in ("401", "403", "404", "409", "422")
    }


def test_the_data_folder_is_for_the_services_user_alone(service):
    folder = service.data_folder

    assert (folder / "grader.sqlite3").stat().st_mode & 0o077 == 0
    assert (folder / "blobs").stat().st_mode & 0o077 == 0
    assert (folder / "draw.key").stat().st_mode & 0o777 == 0o600
