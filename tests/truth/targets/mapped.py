"""A file is mapped and read, and written to in a private copy. usage: mapped.py TRUTH.json"""

import mmap
import pathlib
import sys

from ledger import PAGE, Ledger, compute, reading

TURNS, PART = 100, 512 * PAGE
HOT_FUNCTIONS = ["read_parts", "write_parts"]
truth = Ledger(__file__)
kept = []


def read_parts(mapped):
    for turn in range(TURNS):
        before = reading()
        mapped.find(b"\1", turn * PART, turn * PART + PART)  # grows shared
        truth.took("shared", before)
        compute(300_000)


def write_parts(mapped, part):
    for turn in range(TURNS):
        before = reading()
        mapped[turn * PART : turn * PART + PART] = part  # grows private
        truth.took("private", before)
        compute(300_000)


def main():
    path = pathlib.Path(sys.argv[1]).with_name("mapped.bin")
    with open(path, "wb") as file:
        for _ in range(TURNS):
            file.write(bytes(PART))
    with open(path, "rb") as file:
        kept.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        kept.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    read_parts(kept[0])
    write_parts(kept[1], b"x" * PART)


if __name__ == "__main__":
    # A fault on a mapped file brings in pages around it too.
    truth.run(main, sys.argv[1], faults_tell=False)
