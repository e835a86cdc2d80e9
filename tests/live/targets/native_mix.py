"""Stacks of many shapes, for comparing unwinders: C calling Python calling C, deep and shallow, with a timer to stop it."""

import functools
import json
import re
import signal
import zlib

signal.setitimer(signal.ITIMER_VIRTUAL, 0.003, 0.003)

TEXT = json.dumps([{"a": i, "b": [str(i)] * 3} for i in range(300)])
DATA = bytes(range(256)) * 400


class Key:
    def __init__(self, value):
        self.value = value

    def __lt__(self, other):
        return zlib.crc32(DATA[: 1000 + self.value]) < zlib.crc32(DATA[: 1000 + other.value])


def recurse(depth):
    return recurse(depth - 1) if depth else json.loads(TEXT)


def numbers():
    for i in range(100):
        yield from (str(i * k) for k in range(20))


def turn():
    zlib.compress(DATA, 9)
    json.loads(TEXT)
    json.dumps(json.loads(TEXT))
    sorted((Key(i % 17) for i in range(100)))
    functools.reduce(lambda a, b: a + b, map(lambda x: x + 1, range(2000)))
    re.sub(r"\d+", lambda match: str(int(match.group()) + 1), TEXT)
    recurse(60)
    bytearray(1 << 20)
    "".join(numbers())


while True:
    turn()
