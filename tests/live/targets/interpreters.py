"""Two threads, each in an interpreter of its own that takes memory; and the main one, which waits for them."""
import sys
import threading

try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters

MIB = 1 << 20
run = getattr(_interpreters, "run_string", None) or _interpreters.exec
CODE = """
import time

def take(kept):
    for _ in range({count}):
        kept.append(b"x" * {size})
        time.sleep(0.003)

take([])
"""


def small():
    run(_interpreters.create(), CODE.format(count=24, size=MIB))


def large():
    run(_interpreters.create(), CODE.format(count=48, size=MIB))


threads = [threading.Thread(target=target) for target in (small, large)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done", sys.version_info[:2])
