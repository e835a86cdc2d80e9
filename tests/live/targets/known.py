"""Holds known amounts on known lines until the end. usage: known.py TRUTH.json

Every amount is computed from the sizes of the objects; the kernel's own figure stands beside it.
"""

import sys

from truth import Truth, pointers, resident_bytes, small_objects

MB = 1_000_000
COUNT = 1_000_000
truth = Truth(__file__)
kept = []


class Slots:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y


class WithDict:
    def __init__(self, x, y):
        self.x = x
        self.y = y


def arrays_of_bytes():
    before = resident_bytes()
    kept.append(bytearray(60 * MB))  # grows bytearray_small
    middle = resident_bytes()
    kept.append(bytearray(200 * MB))  # grows bytearray_large
    after = resident_bytes()
    truth.add("bytearray_small", 60 * MB, middle - before)
    truth.add("bytearray_large", 200 * MB, after - middle)


def ints():
    before = resident_bytes()
    kept.append(list(range(10**6, 10**6 + 2 * COUNT)))  # grows ints
    truth.add("ints", small_objects(2 * COUNT, 10**6) + pointers(2 * COUNT), resident_bytes() - before)


def strings():
    before = resident_bytes()
    kept.append([f"{index:071d}" for index in range(COUNT)])  # grows strings
    truth.add("strings", small_objects(COUNT, "0" * 71) + pointers(COUNT), resident_bytes() - before)


def byte_strings():
    before = resident_bytes()
    kept.append([b"%0150d" % index for index in range(COUNT // 2)])  # grows byte_strings
    expected = small_objects(COUNT // 2, b"0" * 150) + pointers(COUNT // 2)
    truth.add("byte_strings", expected, resident_bytes() - before)


def objects_with_slots():
    before = resident_bytes()
    kept.append([Slots(None, None) for _ in range(COUNT)])  # grows slots
    truth.add("slots", small_objects(COUNT, Slots(None, None)) + pointers(COUNT), resident_bytes() - before)


def objects_with_dict():
    before = resident_bytes()
    kept.append([WithDict(None, None) for _ in range(COUNT)])  # grows with_dict
    # The layout of an instance's attributes differs from version to version: the kernel's figure is the truth here.
    grown = resident_bytes() - before
    truth.add("with_dict", grown, grown)


def dict_of_strings():
    keys, values = kept[2], kept[3]
    # As many entries as a table of 2**21 slots takes. All tables on the way there were touched in full, then freed:
    # growth is gross. A slot costs 4 bytes of index and an entry of 24 bytes for two of three slots.
    entries = 2**21 * 2 // 3
    table = {}
    for index in range(entries):
        table[keys[index]] = values[index % COUNT]  # grows dict
    kept.append(table)
    tables = sum(4 * 2**bits + 24 * (2**bits * 2 // 3) for bits in range(13, 22))
    truth.add("dict", tables)


def arrays_of_numbers(numpy):
    before = resident_bytes()
    kept.append(numpy.ones(20 * MB))  # grows ones
    ones = resident_bytes()
    kept.append(numpy.full(16 * MB, 7.5))  # grows full
    full = resident_bytes()
    kept.append(numpy.arange(18 * MB))  # grows arange
    truth.add("ones", 160 * MB, ones - before)
    truth.add("full", 128 * MB, full - ones)
    truth.add("arange", 144 * MB, resident_bytes() - full)


def main(path):
    arrays_of_bytes()
    ints()
    strings()
    byte_strings()
    objects_with_slots()
    objects_with_dict()
    dict_of_strings()
    try:
        import numpy
    except ImportError:
        pass
    else:
        arrays_of_numbers(numpy)
    truth.write(path)


if __name__ == "__main__":
    main(sys.argv[1])
