"""What the targets share: readings of the kernel's counters, and where the truth of each line is written down.

A line is found by a mark in its comment: `# grows NAME`. Its truth comes from one of three places:

- took():    the change of the process's resident pages over one statement, for lines that only grow or only let go;
- churned(): the page faults over one statement, for lines that grow and let go within it: one fault is one page;
- add():     construction: size classes, page rounding, tables of pointers.

Nothing here traces lines: that creates frame objects and moves first touches to other lines.
"""

import collections
import ctypes
import json
import mmap
import os
import pathlib
import resource
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "live/targets"))

import truth as known  # noqa: E402

PAGE = mmap.PAGESIZE
MB = 1_000_000
PR_SET_THP_DISABLE = 41
statm = os.open("/proc/self/statm", os.O_RDONLY)

# The kernel's counters at one moment, in bytes: resident, and ever faulted in.
Reading = collections.namedtuple("Reading", "resident faulted")


def reading():
    """Of the whole process."""
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    return Reading(int(os.pread(statm, 64, 0).split()[1]) * PAGE, faults * PAGE)


def reading_of_thread():
    """Of this thread; resident pages are the process's alone."""
    return Reading(0, resource.getrusage(resource.RUSAGE_THREAD).ru_minflt * PAGE)


def huge_pages(allowed):
    """Without them a fault is one page, on every machine."""
    if ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, int(not allowed), 0, 0, 0):
        raise OSError("huge pages can not be switched off")


def compute(turns):
    """Work that keeps nothing: some 30 ns a turn."""
    state = 1
    for _ in range(turns):
        state = state ^ 3
    return state


class Ledger(known.Truth):
    """Truth by line, grown and held; what the kernel says of the whole run stands beside it."""

    def __init__(self, file):
        super().__init__(file)
        # Every line is in from the start: to claim growth for a line that has none is an error too.
        self.grown = {self.key(name): 0 for name in self.lines}
        self.held = dict(self.grown)

    def key(self, name):
        return f"{self.file}:{self.lines[name]}"

    def add(self, name, grown, held=None):
        key = self.key(name) if name in self.lines else name
        self.grown[key] = self.grown.get(key, 0) + grown
        self.held[key] = self.held.get(key, 0) + (grown if held is None else held)

    def took(self, name, before):
        """The line ran since `before` and nothing else did. Letting go of what it took is booked in the same way."""
        change = reading().resident - before.resident
        self.add(name, max(0, change), change)

    def churned(self, name, before):
        """As took(), of a line that also lets go of some of what it takes."""
        now = reading()
        change = now.resident - before.resident
        # More pages than faults: those of a library, which come several at a time.
        self.add(name, max(now.faulted - before.faulted, change), change)

    def write(self, path):
        names = {self.key(name): name for name in self.lines}
        with open(path, "w") as file:
            json.dump({"grown": self.grown, "held": self.held, "measured": self.measured, "names": names}, file)

    def run(self, main, path, faults_tell=True):
        """Runs main() and writes the truth. `faults_tell`: all growth is of anonymous memory in small pages."""
        huge_pages(False)
        wait_for_profiler()
        resident, before = known.resident_bytes(), reading()
        main()
        self.measured["held"] = known.resident_bytes() - resident
        if faults_tell:
            self.measured["grown"] = reading().faulted - before.faulted
        self.write(path)


def traced():
    with open("/proc/self/status") as file:
        return "TracerPid:\t0\n" not in file.read()


def wait_for_profiler():
    """Where profilers attach: until one has, and for a moment more, as its first look takes it a while."""
    if "TRUTH_ATTACH" not in os.environ:
        return
    deadline = time.monotonic() + 20
    while not traced():
        if time.monotonic() > deadline:
            raise TimeoutError("no profiler came")
        time.sleep(0.01)
    time.sleep(0.5)
