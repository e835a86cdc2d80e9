"""Busy until standard input ends: threads compute, grow and shrink, and check every result of theirs.

usage: busy.py WAITER.so        prints "ready", at the end "rounds N wrong N eintr N"
"""

import ctypes
import hashlib
import sys
import threading
import time

THREADS = 3
stop = threading.Event()
rounds, wrong = [0] * THREADS, [0] * THREADS


def fold(depth, items):
    """Recursion, so that stacks are some 20 frames deep."""
    if depth:
        return fold(depth - 1, items)
    total = 0
    for index, item in enumerate(items):
        total = (total * 31 + len(item) * index) % 1_000_003
    return total


def one_round(seed):
    scratch = [bytes(100 + (seed + index) % 300) for index in range(20_000)]
    large = bytearray(8_000_000)
    large[::4096] = bytes([seed % 251]) * len(range(0, len(large), 4096))
    digest = hashlib.sha256(large)
    digest.update(str(fold(16, scratch)).encode())
    return digest.hexdigest()


def work(number):
    expected = one_round(number)
    while not stop.is_set():
        wrong[number] += one_round(number) != expected
        rounds[number] += 1


def sleep():
    while not stop.is_set():
        time.sleep(0.01)


def main(library):
    waiter = ctypes.CDLL(library)
    assert waiter.waiter_start() == 0
    threads = [threading.Thread(target=work, args=(number,), name=f"worker-{number}") for number in range(THREADS)]
    threads.append(threading.Thread(target=sleep, name="sleeper"))
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    print(f"rounds {sum(rounds)} wrong {sum(wrong)} eintr {waiter.waiter_stop()}")


if __name__ == "__main__":
    main(sys.argv[1])
