"""Three lines take turns every microsecond or so and keep everything. usage: interleaved.py TRUTH.json"""

import sys

from truth import Truth, pointers, resident_bytes, small_objects

TURNS = 600_000
truth = Truth(__file__)


def take_turns(first, second, third):
    for _ in range(TURNS):
        first.append(bytes(447))  # grows first
        second.append(bytes(335))  # grows second
        third.append(bytes(159))  # grows third


def main(path):
    first, second, third = [], [], []
    before = resident_bytes()
    take_turns(first, second, third)
    grown = resident_bytes() - before
    for name, size in (("first", 447), ("second", 335), ("third", 159)):
        truth.add(name, small_objects(TURNS, bytes(size)) + pointers(TURNS))
    truth.measured["all"] = grown
    truth.write(path)


if __name__ == "__main__":
    main(sys.argv[1])
