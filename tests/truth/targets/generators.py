"""Generators that hold memory in their frames, and one that feeds a line. usage: generators.py TRUTH.json"""

import sys

from ledger import Ledger, compute, reading

TURNS, STEPS = 10, 20
HOT_FUNCTIONS = ["blocks", "rows", "turn"]
truth = Ledger(__file__)
kept = []


def blocks():
    held = []
    for _ in range(STEPS):
        before = reading()
        held.append(bytearray(1_200_000))  # grows block
        truth.took("block", before)
        yield len(held)
        compute(100_000)


def rows():
    for start in range(0, STEPS * 5000, 5000):
        before = reading()
        row = [f"{index:0101d}" for index in range(start, start + 5000)]  # grows row
        truth.took("row", before)
        yield row
        compute(100_000)


def turn():
    # Two that wait, and one that runs to its end: what it held is let go of.
    waiting, other, ended = blocks(), blocks(), blocks()
    for _ in range(STEPS):
        next(waiting)
        next(other)
        next(ended)
    before = reading()
    next(ended, None)
    truth.took("block", before)
    kept.extend((waiting, other))
    kept.extend(rows())
    before = reading()
    kept.extend(f"{index:0200d}" for index in range(30_000))  # grows consumed
    truth.took("consumed", before)
    compute(500_000)


def main():
    for _ in range(TURNS):
        turn()


if __name__ == "__main__":
    truth.run(main, sys.argv[1])
