"""Several threads grow at once, one lets go, one sleeps."""

import threading

done = threading.Event()
kept = {}


def grow_numbers():
    kept["numbers"] = [list(range(start, start + 20_000)) for start in range(1000, 600_000, 20_000)]


def grow_strings():
    kept["strings"] = [[f"{index:0119d}" for index in range(3000)] for _ in range(40)]


def grow_and_let_go():
    for _ in range(10):
        block = bytearray(8_000_000)
        kept[len(kept)] = bytearray(200_000)
        del block


def main():
    sleeper = threading.Thread(target=done.wait, name="sleeper")
    sleeper.start()
    growers = [threading.Thread(target=grow, name=grow.__name__) for grow in (grow_numbers, grow_strings, grow_and_let_go)]
    for thread in growers:
        thread.start()
    for thread in growers:
        thread.join()
    done.set()
    sleeper.join()


main()
