"""Pictures of a page: light, dark and narrow. Usage: screenshot.py PAGE.html FOLDER"""

import os
import pathlib
import shutil
import sys

from playwright.sync_api import sync_playwright

VIEWS = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 480, "height": 900}, "color_scheme": "light"},
}


def browser_path():
    named = os.environ.get("MEMSAMPLE_CHROMIUM")
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    return next((path for path in [named, *found] if path), None)


ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def main():
    page_file, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    fragment = sys.argv[3] if len(sys.argv) > 3 else ""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=ARGUMENTS)
        for name, options in VIEWS.items():
            page = browser.new_context(**options).new_page()
            page.on("console", lambda message: print("console:", message.text))
            page.on("pageerror", lambda error: print("error:", error))
            page.goto(f"{page_file.as_uri()}#{fragment}")
            page.wait_for_selector("html[data-ready]", timeout=10000)
            page.screenshot(path=folder / f"{name}.png", full_page=True)
            print(folder / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
