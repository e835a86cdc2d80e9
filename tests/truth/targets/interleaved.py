"""Three lines take turns every few microseconds and keep everything. usage: interleaved.py TRUTH.json

Long enough, some 10 s and 2.2 GB, for profilers that look a thousand times a second to have looked often: the error is
then of the method, not of small numbers. Each line keeps objects of a size class of its own, so every page of a pool
belongs to one line, and takes a time that has nothing to do with its bytes.
"""

import itertools
import sys

from ledger import Ledger
from truth import pointers, small_objects

TURNS = 2_400_000
HOT_FUNCTIONS = ["take_turns"]
# What is copied, and how many of it a turn: 304, 144 and 96 bytes with the header of a bytes object. Not 64: so
# large are the iterators of these lines themselves.
FIRST, SECOND, THIRD = b"a" * 271, b"b" * 111, b"c" * 63
COUNTS = {"first": (1, FIRST), "second": (2, SECOND), "third": (3, THIRD)}
truth = Ledger(__file__)
kept = [], [], []


def take_turns(first, second, third):
    one, two, three = ([example] * count for count, example in COUNTS.values())
    # repeat() hands out one object: the loop makes none of its own.
    for _ in itertools.repeat(None, TURNS):
        first.extend(map(bytes.upper, one))  # grows first
        second.extend(map(bytes.swapcase, two))  # grows second
        third.extend(map(bytes.title, three))  # grows third


def main():
    take_turns(*kept)
    for name, (count, example) in COUNTS.items():
        truth.add(name, small_objects(TURNS * count, example) + pointers(TURNS * count))


if __name__ == "__main__":
    truth.run(main, sys.argv[1])
