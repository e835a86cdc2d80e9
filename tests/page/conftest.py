"""Pages to test: one made from sample data, and a real one if memsample is built or MEMSAMPLE_PAGE names one."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

playwright_api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")

from browser import browser_path, launch, watch  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WEB = ROOT / "src/render/web"

JOB = """
import time
kept = []
def grow_most():
    for _ in range(40):
        kept.append(bytearray(b"x") * (1 << 20))
        time.sleep(0.005)
def grow_less():
    for _ in range(10):
        kept.append(bytearray(b"y") * (1 << 20))
        time.sleep(0.005)
grow_most()
grow_less()
time.sleep(0.2)
"""


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="session")
def template(folder):
    node = shutil.which("node") or shutil.which("nodejs")
    if not node:
        pytest.skip("node is not installed")
    if not (WEB / "node_modules").is_dir():
        pytest.skip("the page's libraries are not installed; run scripts/deps first")
    run(node, WEB / "build.mjs", folder / "page.html")
    return folder / "page.html"


@pytest.fixture(scope="session")
def sample_page(template, folder):
    run("node", HERE / "make-page.mjs", template, folder / "sample.html")
    return folder / "sample.html"


@pytest.fixture(scope="session")
def unsure_page(template, folder):
    run("node", HERE / "make-page.mjs", template, folder / "unsure.html", "unsure")
    return folder / "unsure.html"


@pytest.fixture(scope="session")
def big_page(template, folder):
    run("node", HERE / "make-page.mjs", template, folder / "big.html", "big")
    return folder / "big.html"


@pytest.fixture(scope="session")
def real_page(folder):
    named = os.environ.get("MEMSAMPLE_PAGE")
    if named:
        return pathlib.Path(named).resolve()
    program = pathlib.Path(os.environ.get("MEMSAMPLE", ROOT / "build/memsample"))
    if not program.is_file():
        pytest.skip(f"{program.name} is not built")
    job, page = folder / "job.py", folder / "real.html"
    job.write_text(JOB)
    try:
        run(program, "run", "-q", "-o", page, "--", sys.executable, job, cwd=folder)
    except subprocess.CalledProcessError as error:
        pytest.fail(f"memsample run failed: {error.stderr}")
    return page


@pytest.fixture(scope="session")
def browser():
    if not browser_path():
        pytest.skip("no Chromium is installed")
    with playwright_api.sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser):
    """Makes pages; afterwards none of them may have complained or asked for anything but its own file."""
    made = []

    def make(**options):
        options.setdefault("viewport", {"width": 1440, "height": 900})
        page = watch(browser.new_context(**options).new_page())
        made.append(page)
        return page

    yield make
    for page in made:
        problems, requests = page.problems, page.requests
        page.context.close()
        assert problems == []
        assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
        assert len({url.split("#")[0] for url in requests if url.startswith("file:")}) <= 1
