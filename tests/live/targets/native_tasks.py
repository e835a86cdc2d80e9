"""A coroutine that grows in native code, awaited through gather by a named task."""

import asyncio
import sys

sys.path.insert(0, sys.argv[1])

import native_known  # noqa: E402


async def leaf():
    for _ in range(32):
        native_known.mapped(2)
        await asyncio.sleep(0)


async def middle():
    await asyncio.gather(leaf(), asyncio.sleep(0))


async def main():
    await asyncio.create_task(middle(), name="the-task")


asyncio.run(main())
