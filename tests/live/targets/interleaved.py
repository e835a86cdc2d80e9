"""Three lines take turns every few microseconds and keep everything. usage: interleaved.py TRUTH.json"""

import sys

from truth import Truth, pointers, resident_bytes, small_objects

TURNS = 130_000
SIZE = 447
COUNTS = {"first": 5, "second": 4, "third": 2}
truth = Truth(__file__)
kept = [], [], []


def take_turns(first, second, third):
    five, four, two = ([SIZE] * count for count in COUNTS.values())
    for _ in range(TURNS):
        first.extend(map(bytes, five))  # grows first
        second.extend(map(bytes, four))  # grows second
        third.extend(map(bytes, two))  # grows third


def main(path):
    before = resident_bytes()
    take_turns(*kept)
    grown = resident_bytes() - before
    for name, count in COUNTS.items():
        truth.add(name, small_objects(TURNS * count, bytes(SIZE)) + pointers(TURNS * count))
    truth.measured["all"] = grown
    truth.write(path)


if __name__ == "__main__":
    main(sys.argv[1])
