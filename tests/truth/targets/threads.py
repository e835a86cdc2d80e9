"""Several threads grow at once, two of them in native code without the GIL; one sleeps. usage: threads.py TRUTH.json

Each thread grows on one line only, so its own page faults are that line's truth. Its kinds of objects have size classes
of their own, so no thread touches a page for another.
"""

import ctypes
import mmap
import os
import sys
import threading

from ledger import MB, Ledger, compute, reading_of_thread

TURNS = 100
HOT_FUNCTIONS = ["grow_ints", "grow_strings", "grow_arrays", "grow_mapping", "grow_native"]
truth = Ledger(__file__)
native = ctypes.CDLL(os.environ["TRUTH_NATIVE"])
native.truth_grow.restype = ctypes.c_void_p
kept, ready, done = {}, threading.Barrier(5), threading.Event()


def grow_ints():
    items = []
    for turn in range(TURNS):
        items.append(list(range(turn * 40_000 + 1000, turn * 40_000 + 41_000)))  # grows ints
        compute(200_000)
    return items


def grow_strings():
    items = []
    for turn in range(TURNS):
        items.append([f"{index:0119d}" for index in range(turn * 7_000, turn * 7_000 + 7_000)])  # grows strings
        compute(200_000)
    return items


def grow_arrays():
    items = []
    for _ in range(TURNS):
        items.append(bytearray(12 * MB // 10))  # grows arrays
        compute(200_000)
    return items


def grow_mapping():
    # ctypes lets go of the GIL while the C function runs.
    memory = mmap.mmap(-1, TURNS * 15 * MB // 10, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for turn in range(TURNS):
        ctypes.memset(start + turn * 15 * MB // 10, 1, 15 * MB // 10)  # grows mapping
        compute(200_000)
    return memory


def grow_native():
    # Without the GIL all the time: 375 pages with some 50 us of work between them.
    return [native.truth_grow(15 * MB // 10, 50_000) for _ in range(TURNS)]  # grows native


def measured(name, grow):
    ready.wait()
    before = reading_of_thread()
    kept[name] = grow()
    truth.add(name, reading_of_thread().faulted - before.faulted)


def main():
    sleeper = threading.Thread(target=done.wait, name="sleeper")
    sleeper.start()
    growers = [
        threading.Thread(target=measured, args=(grow.__name__.removeprefix("grow_"), grow), name=grow.__name__)
        for grow in (grow_ints, grow_strings, grow_arrays, grow_mapping, grow_native)
    ]
    for thread in growers:
        thread.start()
    for thread in growers:
        thread.join()
    done.set()
    sleeper.join()


if __name__ == "__main__":
    truth.run(main, sys.argv[1])
