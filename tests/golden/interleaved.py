"""Three lines take turns and keep everything."""

import itertools

FIRST, SECOND, THIRD = b"a" * 271, b"b" * 111, b"c" * 63
kept = [], [], []


def take_turns(first, second, third):
    for _ in itertools.repeat(None, 100_000):
        first.append(FIRST.upper())
        second.append(SECOND.swapcase())
        third.append(THIRD.title())


take_turns(*kept)
