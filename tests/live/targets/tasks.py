"""Tasks of asyncio that await one another in every way that there is, and what the program itself knows of that.

tasks.py tell KIND: a line of JSON on standard output, then stays in the innermost task until standard input ends:
    {"stack": the running task's coroutines and those of the tasks that await it, innermost first, as [file, function, line],
     "tasks": {name of each other task: its coroutines}, "awaiters": {name of a task: names of those that await it}}
tasks.py grow: two tasks that take memory, each for a task of its own, on the same line.
Runs on every CPython from 3.8 on.
"""
import asyncio
import json
import os
import sys

MIB = 1 << 20
awaiters = {}
kept = []


def named(coroutine, name, awaiter):
    task = asyncio.ensure_future(coroutine)
    task.set_name(name)
    awaiters[name] = [awaiter]
    return task


def describe(coroutine):
    """The coroutines that wait one in another, innermost first."""
    rows = []
    while hasattr(coroutine, "cr_frame"):
        code, frame = coroutine.cr_code, coroutine.cr_frame
        rows.insert(0, [code.co_filename, getattr(code, "co_qualname", code.co_name), frame.f_lineno])
        coroutine = coroutine.cr_await
    return rows


def own_coroutines(frame):
    """Up to the event loop."""
    rows = []
    while not frame.f_code.co_filename.endswith("events.py"):
        code = frame.f_code
        rows.append([code.co_filename, getattr(code, "co_qualname", code.co_name), frame.f_lineno])
        frame = frame.f_back
    return rows


def title(task):
    code = task.get_coro().cr_code
    return ["<task>", f"task {task.get_name()} ({getattr(code, 'co_qualname', code.co_name)})", 0]


def tell():
    tasks = {task.get_name(): task for task in asyncio.all_tasks()}
    at = asyncio.current_task()
    stack = own_coroutines(sys._getframe(2)) + [title(at)]
    while awaiters.get(at.get_name()):
        at = tasks[awaiters[at.get_name()][0]]
        stack += describe(at.get_coro()) + [title(at)]
    waiting = {name: describe(task.get_coro()) for name, task in tasks.items() if task is not asyncio.current_task()}
    os.write(1, b"ready\n" + json.dumps({"stack": stack, "tasks": waiting, "awaiters": awaiters}).encode() + b"\n")


def rest():
    tell(); os.read(0, 1)  # noqa: E702
    os._exit(0)


async def numbers():
    yield 1
    await asyncio.sleep(0.05)  # the others have come to rest
    rest()
    yield 2


async def leaf():
    async for _ in numbers():
        pass


async def plain():
    await leaf()


async def direct():
    await named(plain(), "innermost", "direct")


async def gathered():
    await asyncio.gather(named(direct(), "direct", "gathered"), named(asyncio.sleep(100), "sleeper", "gathered"))


async def waited():
    await asyncio.wait([named(gathered(), "gathered", "waited")])


async def timed():
    await asyncio.wait_for(named(waited(), "waited", "timed"), 100)


async def grouped():
    async with asyncio.TaskGroup() as group:
        group.create_task(timed(), name="timed")
        awaiters["timed"] = ["main"]


async def simple():
    await named(timed(), "timed", "main")


async def shared():
    """Two tasks await the same one."""
    inner = named(leaf(), "innermost", "one")
    awaiters["innermost"] = []  # neither is its caller

    async def wait():
        await inner

    await asyncio.gather(named(wait(), "one", "main"), named(wait(), "two", "main"))


async def resting():
    os.write(1, b"ready\n{}\n"); os.read(0, 1)  # noqa: E702
    os._exit(0)


async def eager():
    """A task that runs at once, on the stack of the one that makes it (3.12)."""
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.create_task(resting(), name="eager")


async def started(kind):
    asyncio.current_task().set_name("main")
    await {"simple": simple, "grouped": grouped, "shared": shared, "eager": eager}[kind]()


async def take():
    """Slowly, and seldom handing over: who grows can then be told also on a busy machine."""
    for _ in range(3):
        await asyncio.sleep(0)
        for _ in range(40):
            kept.append(b"x" * MIB)
            sum(range(20000))


async def first():
    await named(take(), "worker-a", "first")


async def second():
    await named(take(), "worker-b", "second")
    await named(take(), "worker-b", "second")


async def grow():
    await asyncio.gather(first(), second())


if sys.argv[1] == "grow":
    asyncio.run(grow())
else:
    asyncio.run(started(sys.argv[2]))
