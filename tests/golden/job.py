"""What the golden recording pretends to have run."""
import numpy as np


def load(count):
    return [bytearray(1 << 20) for _ in range(count)]


def walk(tree, depth):
    if depth == 0:
        return np.ones(1 << 20)
    return [walk(tree, depth - 1), tree.copy()]


def main():
    rows = load(100)
    for _ in range(3):
        scratch = load(50)
        del scratch
    return rows, walk({}, 3)


main()
