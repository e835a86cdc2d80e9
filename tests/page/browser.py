"""The system's Chromium, and contexts that notice everything a quiet page must not do."""

import os
import shutil

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
NAMES = ("chromium", "chromium-browser", "google-chrome")


def browser_path():
    named = os.environ.get("MEMSAMPLE_CHROMIUM")
    return next((path for path in [named, *map(shutil.which, NAMES)] if path), None)


def launch(playwright):
    return playwright.chromium.launch(executable_path=browser_path(), args=ARGUMENTS)


def watch(page):
    """Lists that fill with console errors, uncaught errors and requests."""
    page.problems, page.requests = [], []
    page.on("console", lambda message: page.problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda request: page.requests.append(request.url))
    return page


def open_page(page, file, fragment=""):
    page.goto(file.as_uri() + (f"#{fragment}" if fragment else ""))
    page.wait_for_selector("html[data-ready]", timeout=20000)
    settle(page)
    return page


def settle(page):
    """Changes are drawn in the next frame."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
