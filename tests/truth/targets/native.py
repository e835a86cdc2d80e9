"""C code takes memory by malloc: with the GIL, without, for a moment, and in a thread of its own.

usage: native.py TRUTH.json
"""

import ctypes
import os
import sys

from ledger import MB, Ledger, compute, reading

TURNS = 60
HOT_FUNCTIONS = ["turn"]
truth = Ledger(__file__)
without_gil = ctypes.CDLL(os.environ["TRUTH_NATIVE"])
with_gil = ctypes.PyDLL(os.environ["TRUTH_NATIVE"])


def turn():
    before = reading()
    with_gil.truth_grow(2 * MB, 20_000)  # grows with_gil
    truth.took("with_gil", before)
    compute(300_000)
    before = reading()
    without_gil.truth_grow(2 * MB, 20_000)  # grows without_gil
    truth.took("without_gil", before)
    compute(300_000)
    before = reading()
    without_gil.truth_churn(50 * MB, 500)  # grows churn
    truth.churned("churn", before)
    compute(300_000)


def native_thread():
    # What a thread without Python takes is nobody's line, whoever waits for it meanwhile.
    before = reading()
    assert without_gil.truth_thread(2 * MB, TURNS, 20_000) == 0
    truth.add("<native>", reading().resident - before.resident)


def main():
    for _ in range(TURNS):
        turn()
    native_thread()


if __name__ == "__main__":
    truth.run(main, sys.argv[1])
