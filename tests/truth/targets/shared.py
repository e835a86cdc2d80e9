"""Shared memory of multiprocessing: filled here, and filled by a child and read here. usage: shared.py TRUTH.json"""

import multiprocessing
import sys
from multiprocessing import shared_memory

from ledger import PAGE, Ledger, compute, reading

TURNS, PART = 100, 512 * PAGE
HOT_FUNCTIONS = ["write_parts", "read_parts"]
truth = Ledger(__file__)
kept = []


def fill(name):
    block = shared_memory.SharedMemory(name)
    block.buf[:] = b"y" * (TURNS * PART)
    block.close()


def write_parts(block, part):
    for turn in range(TURNS):
        before = reading()
        block.buf[turn * PART : turn * PART + PART] = part  # grows written
        truth.took("written", before)
        compute(300_000)


def read_parts(block):
    for turn in range(TURNS):
        before = reading()
        sum(block.buf[turn * PART : turn * PART + PART : PAGE])  # grows read
        truth.took("read", before)
        compute(300_000)


def main():
    ours = shared_memory.SharedMemory(create=True, size=TURNS * PART)
    theirs = shared_memory.SharedMemory(create=True, size=TURNS * PART)
    kept.extend((ours, theirs))
    # Not by fork: a child of that kind has our own pages too.
    child = multiprocessing.get_context("spawn").Process(target=fill, args=(theirs.name,))
    child.start()
    child.join()
    write_parts(ours, b"x" * PART)
    read_parts(theirs)
    # The names go now, the memory when the process ends.
    ours.unlink()
    theirs.unlink()


if __name__ == "__main__":
    truth.run(main, sys.argv[1], faults_tell=False)
