"""Grows at a known line of its main thread and of another until standard input ends, 200 MiB each at most.

grower.py [SECONDS]: for so long where it has no standard input. Says "ready", and at the end the threads' own numbers."""
import os
import select
import sys
import threading
import time

MIB = 1 << 20
kept = []
done = threading.Event()
deadline = time.monotonic() + (float(sys.argv[1]) if len(sys.argv) > 1 else 60)
inner = []


def take_in_main():
    kept.append(b"m" * MIB)


def take_in_thread():
    kept.append(b"t" * MIB)


def grow(take):
    inner.append(threading.get_native_id())
    for _ in range(200):
        take()
        if done.wait(0.005):
            break


thread = threading.Thread(target=grow, args=(take_in_thread,))
thread.start()
os.write(1, b"ready\n")
timer = threading.Thread(target=lambda: (select.select([0] if len(sys.argv) < 2 else [], [], [], deadline - time.monotonic()), done.set()))
timer.daemon = True
timer.start()
grow(take_in_main)
thread.join()
timer.join()
print("threads", os.getpid(), *sorted(inner))
