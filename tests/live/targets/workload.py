"""The jobs of scripts/bench. usage: workload.py NAME SIZE RESULT.json

Each writes its own wall-clock and processor time, without the interpreter's start and tear-down.
"""

import json
import os
import resource
import sys
import time


def compute(size):
    total = 0
    for number in range(size * 1_000_000):
        total = (total * 31 + number) % 1_000_003
    return total


def churn(size):
    """Small objects come and go, memory stays flat."""
    for _ in range(size * 10):
        items = [(index, str(index)) for index in range(40_000)]
        del items


def grow(size):
    """`size` times 100 MB of strings and arrays that stay."""
    kept = []
    for _ in range(size):
        kept.append([bytes(400) for _ in range(115_000)])
        kept.append(bytearray(50_000_000))
    return kept


def steady(seconds):
    """Memory grows slowly under 20 frames."""
    end = time.monotonic() + seconds
    kept = []

    def deeper(depth):
        if depth:
            return deeper(depth - 1)
        while time.monotonic() < end:
            kept.append(bytes(100_000))
            for _ in range(20_000):
                pass
        return len(kept)

    return deeper(17)


def main(name, size, path):
    started = time.perf_counter()
    result = globals()[name](int(size))
    wall = time.perf_counter() - started
    usage = resource.getrusage(resource.RUSAGE_SELF)
    with open(path, "w") as file:
        json.dump({"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "rss": usage.ru_maxrss * 1024}, file)
    # Freeing gigabytes one object at a time is no part of the figures.
    del file
    if result is not None:
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
