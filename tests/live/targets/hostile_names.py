"""Code whose file and function names were chosen to break pages and JSON. usage: hostile_names.py"""

import types

SOURCE = "def grow(kept):\n    kept.append(bytearray(30_000_000))\n"
NAMES = [
    ("</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>"),
    ("quo\"te's\\ and & ampersands", "a\"b'c\\d"),
    ("line\nbreaks\r\nand\ttabs", "two\nlines"),
    ("lone \udcff surrogate \ud800", "bytes \udc80\udcfe"),
    ("nul \x00 and \x1b[31m escape", "bell \x07"),
    ("wide \N{GRINNING FACE} \u202e reversed", "\N{SNOWMAN} \u2028"),
    ("", ""),
    ("long " * 2000, "x" * 5000),
]


def main():
    kept, space = [], {}
    exec(SOURCE, space)
    grow = space["grow"]
    for file, function in NAMES:
        code = grow.__code__.replace(co_filename=file.replace("\x00", "\x01"), co_name=function, co_qualname=function)
        types.FunctionType(code, space)(kept)
    print(len(kept))


if __name__ == "__main__":
    main()
