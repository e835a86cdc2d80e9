"""Several threads grow at once, each on its own line; one grows in native code without the GIL; one sleeps.

usage: threads.py TRUTH.json
"""

import ctypes
import mmap
import sys
import threading

from truth import Truth, pointers, small_objects

MB = 1_000_000
truth = Truth(__file__)
kept = {}
done = threading.Event()


def grow_ints():
    kept["ints"] = list(range(10**6, 10**6 + 1_500_000))  # grows ints


def grow_strings():
    items = kept["strings"] = []
    for index in range(700_000):
        items.append(f"{index:0119d}")  # grows strings


def grow_arrays():
    arrays = kept["arrays"] = []
    for _ in range(40):
        arrays.append(bytearray(2 * MB))  # grows arrays


def grow_native():
    # ctypes lets go of the GIL while the C function runs.
    memory = kept["native"] = mmap.mmap(-1, 120 * MB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for offset in range(0, 120 * MB, 4 * MB):
        ctypes.memset(start + offset, 1, 4 * MB)  # grows native


def sleep():
    done.wait()


def main(path):
    sleeper = threading.Thread(target=sleep, name="sleeper")
    sleeper.start()
    growers = [
        threading.Thread(target=target, name=target.__name__)
        for target in (grow_ints, grow_strings, grow_arrays, grow_native)
    ]
    for thread in growers:
        thread.start()
    for thread in growers:
        thread.join()
    done.set()
    sleeper.join()
    truth.add("ints", small_objects(1_500_000, 10**6) + pointers(1_500_000))
    truth.add("strings", small_objects(700_000, "0" * 119) + pointers(700_000))
    truth.add("arrays", 80 * MB)
    truth.add("native", 120 * MB)
    truth.write(path)
    # Not through the interpreter's tear-down: the exported buffer of the mapping would complain.
    kept["native"] = None


if __name__ == "__main__":
    main(sys.argv[1])
