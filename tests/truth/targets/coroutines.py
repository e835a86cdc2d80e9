"""Async functions take turns in an event loop and grow. usage: coroutines.py TRUTH.json"""

import asyncio
import sys

from ledger import Ledger, compute, reading

TASKS, STEPS = 6, 100
HOT_FUNCTIONS = ["fetch", "parse", "worker"]
truth = Ledger(__file__)
kept = []


async def fetch():
    before = reading()
    body = bytearray(700_000)  # grows body
    truth.took("body", before)
    await asyncio.sleep(0)
    compute(120_000)
    return body


async def parse(step):
    before = reading()
    words = [f"{index:090d}" for index in range(step * 4000, step * 4000 + 4000)]  # grows words
    truth.took("words", before)
    await asyncio.sleep(0.001)
    return words


async def worker(number):
    for step in range(STEPS):
        body = await fetch()
        kept.append(await parse(step % 40))
        if number % 2:
            kept.append(body)
        before = reading()
        del body
        truth.took("body", before)


async def work():
    await asyncio.gather(*(worker(number) for number in range(TASKS)))


def main():
    asyncio.run(work())


if __name__ == "__main__":
    truth.run(main, sys.argv[1])
