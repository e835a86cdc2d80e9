"""Growth in native functions, a function of Python for each: see test_native.py."""

import json
import sys
import zlib

sys.path.insert(0, sys.argv[1])

import native_cpp  # noqa: E402
import native_known  # noqa: E402

MIB = 1 << 20
kept = []


def small():
    native_known.small(64)


def mapped():
    native_known.mapped(64)


def quietly():
    native_known.quietly(64)


def there_and_back():
    native_known.callback(lambda: native_known.mapped(64))


def alone():
    native_known.alone(64)


def thrown():
    native_cpp.thrown(64)


def compressed(data):
    kept.append(zlib.compress(data, 0))


def loaded(text):
    kept.append(json.loads(text))


DATA = bytes(range(256)) * (48 * 4096)
TEXT = "[" + ",".join(f'{{"key{i}": [{i}.5, "{i}"]}}' for i in range(120000)) + "]"

small()
mapped()
quietly()
there_and_back()
alone()
thrown()
compressed(DATA)
loaded(TEXT)
