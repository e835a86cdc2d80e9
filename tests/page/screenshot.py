"""Pictures of a page: light, dark and narrow. Usage: screenshot.py PAGE.html FOLDER [HASH]"""

import pathlib
import sys

from playwright.sync_api import sync_playwright

from browser import launch, open_page

VIEWS = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 480, "height": 900}, "color_scheme": "light"},
}


def main():
    file, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    fragment = sys.argv[3] if len(sys.argv) > 3 else ""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for name, options in VIEWS.items():
            page = open_page(browser.new_context(**options).new_page(), file, fragment)
            page.screenshot(path=folder / f"{name}.png", full_page=True)
            print(folder / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
