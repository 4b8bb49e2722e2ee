"""What pages load: served for ever under addresses that change with it, and exactly what was vendored."""

import gzip
import hashlib
import re
import tomllib
from pathlib import Path

import pytest

import grader.web
from grader.web.assets import load_assets

STATIC = Path(grader.web.__file__).parent / "static"
VENDORED = STATIC / "vendor"
FIRST_LOAD = ("grader.css", "icon.svg", "vendor/htmx.org/htmx.min.js")


def test_an_asset_may_be_kept_for_ever(browser):
    answer = browser.get(load_assets().address_of("grader.css"))

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content == (STATIC / "grader.css").read_bytes()


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, br", "gzip"), ("identity", None)])
def test_it_is_compressed_for_who_reads_that(open_browser, accepted, encoding):
    answer = open_browser(**{"Accept-Encoding": accepted}).get(load_assets().address_of("grader.css"))

    assert answer.headers.get("content-encoding") == encoding
    assert answer.content == (STATIC / "grader.css").read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/static/0123456789abcdef/grader.css", id="of another release"),
        pytest.param("{static}/nothing.css", id="no such file"),
        pytest.param("{static}/vendor/VENDORED.toml", id="not meant for browsers"),
        pytest.param("{static}/%2e%2e/app.py", id="out of the folder"),
    ],
)
def test_nothing_else_is_served(browser, path):
    static = load_assets().address_of("grader.css").removesuffix("/grader.css")

    assert browser.get(path.format(static=static)).status_code == 404


def test_our_own_mistake_in_a_path_is_found_where_the_page_is_made():
    with pytest.raises(KeyError):
        load_assets().address_of("nothing.css")


def test_every_vendored_file_is_what_the_record_says():
    record = tomllib.loads((VENDORED / "VENDORED.toml").read_text("utf-8"))
    recorded = {path: digest for package in record.values() for path, digest in package["files"].items()}
    there = {
        path.relative_to(VENDORED).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDORED.rglob("*")
        if path.is_file() and path.name != "VENDORED.toml"
    }

    assert there == recorded
    assert all(package["version"] and package["licence"] for package in record.values())
    assert [name for name in record if f"{name}/LICENSE" not in recorded] == []


def test_style_sheets_load_nothing_from_elsewhere():
    for path in STATIC.rglob("*.css"):
        text = path.read_text("utf-8")
        assert re.findall(r"url\(\s*['\"]?(?:https?:|//|data:)|@import", text) == [], path


def test_the_first_page_loads_little():
    assets = load_assets().files
    # The page itself, compressed, stays under 10 kB.
    assert sum(len(assets[path].gzipped or assets[path].data) for path in FIRST_LOAD) < 100_000


def test_compressed_bytes_are_the_same_in_every_process():
    data = (STATIC / "grader.css").read_bytes()

    assert load_assets().files["grader.css"].gzipped == gzip.compress(data, mtime=0)
