"""NumPy: ones, zeros, an array touched in part, temporaries. usage: arrays.py TRUTH.json"""

import sys

import ledger
import numpy
from ledger import MB, Ledger, compute, reading

TURNS = 12
HOT_FUNCTIONS = ["turn", "temporaries"]
truth = Ledger(__file__)
kept = []


def turn():
    before = reading()
    kept.append(numpy.ones(6 * MB))  # grows ones
    truth.took("ones", before)
    compute(1_000_000)
    before = reading()
    partly = numpy.zeros(12 * MB)  # grows zeros
    truth.took("zeros", before)
    compute(1_000_000)
    before = reading()
    partly[: 5 * MB] = 1  # grows touched
    truth.took("touched", before)
    kept.append(partly)
    compute(1_000_000)
    before = reading()
    kept.append(numpy.arange(5 * MB, dtype=numpy.int64))  # grows arange
    truth.took("arange", before)
    compute(1_000_000)


def temporaries(left, right):
    # What is let go of within a line only shows in its faults, and a fault is no fixed amount with huge pages.
    before = reading()
    kept.append(((left + right) * left - right).astype(numpy.float32))  # grows temporaries
    truth.churned("temporaries", before)
    compute(1_000_000)
    before = reading()
    kept.append(numpy.sort(left)[:MB].copy())  # grows sorted
    truth.churned("sorted", before)
    compute(1_000_000)


def main():
    # NumPy asks for huge pages for its arrays: so they are had where they are to be had.
    ledger.huge_pages(True)
    for _ in range(TURNS):
        turn()
    ledger.huge_pages(False)
    for _ in range(TURNS):
        temporaries(kept[0], kept[3])


if __name__ == "__main__":
    truth.run(main, sys.argv[1], faults_tell=False)
