"""Steady growth by one kind of object at a time, all kept. usage: steady.py TRUTH.json"""

import sys

from ledger import Ledger, compute, reading

TURNS = 100
HOT_FUNCTIONS = ["ints", "strings", "byte_strings", "dicts", "objects", "table"]
truth = Ledger(__file__)
kept = [[], [], [], [], [], {}]


class Plain:
    def __init__(self, x, y):
        self.x = x
        self.y = y


# Everything is made on the marked lines: a counter's own int object in the header of a loop would take turns with kept
# ones in the same pool, and touch pages for them. Counters below 257 exist from the start.


def ints():
    for turn in range(TURNS):
        before = reading()
        kept[0].extend(range(turn * 30_000 + 1000, turn * 30_000 + 31_000))  # grows ints
        truth.took("ints", before)
        compute(100_000)


def strings():
    for turn in range(TURNS):
        before = reading()
        kept[1].extend([f"{index:071d}" for index in range(turn * 10_000, turn * 10_000 + 10_000)])  # grows strings
        truth.took("strings", before)
        compute(100_000)


def byte_strings():
    for turn in range(TURNS):
        before = reading()
        kept[2].extend([b"%0150d" % index for index in range(turn * 7_000, turn * 7_000 + 7_000)])  # grows byte_strings
        truth.took("byte_strings", before)
        compute(100_000)


def dicts():
    for _ in range(TURNS):
        before = reading()
        kept[3].extend([{"x": None, "y": None} for _ in range(7_000)])  # grows dicts
        truth.took("dicts", before)
        compute(100_000)


def objects():
    for _ in range(TURNS):
        before = reading()
        kept[4].extend([Plain(None, None) for _ in range(10_000)])  # grows objects
        truth.took("objects", before)
        compute(100_000)


def table():
    # A dict that doubles lets go of the smaller table within the line.
    grown, keys = kept[5], kept[0]
    before = reading()
    for key in keys:
        grown[key] = None  # grows table
    truth.churned("table", before)


def main():
    ints()
    strings()
    byte_strings()
    dicts()
    objects()
    table()


if __name__ == "__main__":
    truth.run(main, sys.argv[1])
