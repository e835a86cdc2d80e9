"""NumPy arrays: temporaries of an expression, slices, and one that grows."""

import numpy as np


def expression(rows):
    return np.sqrt(rows * rows + 1.0)


def main():
    rows = np.ones(2_000_000)
    kept = []
    for _ in range(8):
        kept.append(expression(rows)[::16].copy())
    grown = bytearray()
    for _ in range(60):
        grown.extend(bytes(300_000))
    return kept, grown


main()
