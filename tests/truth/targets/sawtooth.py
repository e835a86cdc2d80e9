"""60 MB of scratch come and go every turn, beside a leak of 0.3 MB. usage: sawtooth.py TRUTH.json"""

import sys

from ledger import MB, Ledger, compute, reading

TURNS = 150
HOT_FUNCTIONS = ["turn"]
truth = Ledger(__file__)
kept = []


def turn():
    before = reading()
    scratch = bytearray(60 * MB)  # grows scratch
    truth.took("scratch", before)
    compute(1_000_000)
    before = reading()
    del scratch
    truth.took("scratch", before)
    before = reading()
    kept.append(bytearray(MB * 3 // 10))  # grows leak
    truth.took("leak", before)


def main():
    for _ in range(TURNS):
        turn()


if __name__ == "__main__":
    truth.run(main, sys.argv[1])
