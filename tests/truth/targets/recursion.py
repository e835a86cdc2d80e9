"""Every frame of a recursion holds memory until it returns; the deepest leaves some behind.

usage: recursion.py TRUTH.json
"""

import sys

from ledger import Ledger, compute, reading

TURNS, DEPTH = 60, 120
HOT_FUNCTIONS = ["descend", "turn"]
truth = Ledger(__file__)
kept = []


def descend(depth):
    before = reading()
    block = bytearray(400_000)  # grows frame
    truth.took("frame", before)
    compute(10_000)
    if depth:
        descend(depth - 1)
    else:
        before = reading()
        kept.append(bytearray(1_500_000))  # grows deepest
        truth.took("deepest", before)
    before = reading()
    del block
    truth.took("frame", before)


def turn():
    descend(DEPTH)


def main():
    # Python 3.11 and 3.12 count frames against this.
    sys.setrecursionlimit(DEPTH + 500)
    for _ in range(TURNS):
        turn()


if __name__ == "__main__":
    truth.run(main, sys.argv[1])
