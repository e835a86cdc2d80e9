"""Scratch comes and goes every turn, beside a leak."""

kept = []


def work(turns):
    state = 1
    for _ in range(turns):
        state ^= 3
    return state


def turn():
    scratch = bytearray(34_000_000)
    work(300_000)
    del scratch
    kept.append(bytearray(400_000))
    work(100_000)


def main():
    for _ in range(20):
        turn()


main()
