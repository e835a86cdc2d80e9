"""What the targets share: the size of things by construction, and what the kernel says about this process."""

import json
import re
import sys

POOL_BYTES = 16384  # obmalloc.c, 3.10 and later on 64 bit: pools of 16 KiB with a header of 48 bytes
POOL_HEADER_BYTES = 48


def small_objects(count, example):
    """Bytes of `count` objects like `example` in pymalloc's pools."""
    size = (sys.getsizeof(example) + 15) // 16 * 16
    assert size <= 512, "larger objects do not live in pools"
    in_a_pool = (POOL_BYTES - POOL_HEADER_BYTES) // size
    return count * POOL_BYTES // in_a_pool


def pointers(count):
    """The touched part of a list of `count` items."""
    return 8 * count


def resident_bytes():
    """Exact: smaps_rollup walks the page tables, where statm may lag on older kernels."""
    with open("/proc/self/smaps_rollup") as file:
        return int(re.search(r"^Rss:\s+(\d+) kB", file.read(), re.M).group(1)) * 1024


class Truth:
    """Collects {"file:line": bytes}; a line is found by a mark in its comment: `# grows NAME`."""

    def __init__(self, file):
        self.file = file
        with open(file) as source:
            self.lines = {
                found.group(1): number
                for number, text in enumerate(source, 1)
                if (found := re.search(r"# grows (\w+)$", text))
            }
        self.grown, self.measured = {}, {}

    def add(self, name, grown, measured=None):
        key = f"{self.file}:{self.lines[name]}"
        self.grown[key] = grown
        if measured is not None:
            self.measured[key] = measured

    def write(self, path):
        with open(path, "w") as file:
            json.dump({"grown": self.grown, "measured": self.measured}, file)
