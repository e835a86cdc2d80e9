"""Gets into a kind of stack, writes down what the interpreter itself says of it, and stays there.

stacks.py KIND: a line of JSON on standard output, {native thread id: [[file, function, line], ...]} innermost first;
ends when standard input does. Runs on every CPython from 3.8 on.
"""
import json
import os
import sys
import threading
import time

KIND = sys.argv[1]
DEPTH = 12000
natives = {}


def describe(frame):
    rows = []
    while frame:
        code = frame.f_code
        rows.append([code.co_filename, getattr(code, "co_qualname", code.co_name), frame.f_lineno])
        frame = frame.f_back
    return rows


def tell():
    """All threads; the caller's stack from the caller on."""
    time.sleep(0.1)  # the others have come to rest
    natives[threading.get_ident()] = threading.get_native_id()
    stacks = sys._current_frames()
    stacks[threading.get_ident()] = sys._getframe(1)
    found = {natives[ident]: describe(frame) for ident, frame in stacks.items() if ident in natives}
    os.write(1, b"ready\n" + json.dumps(found).encode() + b"\n")


def rest():
    # One line, so that it is the same one that is told and that is met later.
    tell(); os.read(0, 1)  # noqa: E702


def single():
    class Body:
        def method(self):
            return (lambda: [rest() for _ in range(1)])()

        @property
        def value(self):
            return self.method()

    def outer(*, keyword=1):
        for _ in range(keyword):
            try:
                raise KeyError
            except KeyError:
                Body().value

    outer()


class Made:
    """Its constructor is called often enough to be specialised."""

    def __init__(self, action):
        self.kept = action()


def callbacks():
    import functools

    def compare(one, other):
        if one == "now" or other == "now":
            rest()
        return 0

    def none():
        return None

    def make(action):
        return Made(action)

    for _ in range(200):
        make(none)
    make(lambda: sorted(["now", "then"], key=functools.cmp_to_key(compare)))


def threaded():
    started, hold = threading.Semaphore(0), threading.Lock()
    hold.acquire()

    def register():
        natives[threading.get_ident()] = threading.get_native_id()

    def blocked(depth):
        if depth:
            return blocked(depth - 1)
        register()
        started.release(); hold.acquire()  # noqa: E702

    def spinning():
        register()
        started.release()
        while True: pass  # noqa: E701

    for index in range(8):
        threading.Thread(target=blocked, args=(index,), daemon=True).start()
    threading.Thread(target=spinning, daemon=True, name="spinning").start()
    for _ in range(9):
        started.acquire()
    rest()
    os._exit(0)


def generator():
    def inner():
        yield 1
        rest()
        yield 2

    def middle():
        yield from inner()

    def outer():
        for value in middle():
            yield value

    list(value for value in outer())


def asynchronous():
    import asyncio

    class Context:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *unused):
            await asyncio.sleep(0)
            rest()

    async def leaf():
        async with Context():
            await asyncio.sleep(0)

    async def numbers():
        await leaf()
        yield 1

    async def main():
        sleeper = asyncio.ensure_future(asyncio.sleep(100))
        await asyncio.sleep(0)
        async for _ in numbers():
            pass
        sleeper.cancel()

    asyncio.run(main())


def deep():
    def down(depth):
        if depth:
            down(depth - 1)
        else:
            rest()

    sys.setrecursionlimit(DEPTH + 1000)
    threading.stack_size(1 << 29)
    thread = threading.Thread(target=down, args=(DEPTH,))
    thread.start()
    natives[threading.get_ident()] = threading.get_native_id()
    thread.join()


def execed():
    if len(sys.argv) < 3:
        os.execv(sys.executable, [sys.executable, __file__, KIND, "again"])
    code = "\n\ndef made():\n    rest()\n\nmade()"
    exec(compile(code, "<made up>", "exec"), {"rest": rest})


def unicode():
    code = "def {0}():\n\n    rest()\n\n\nclass {1}:\n    def {2}(self):\n        {0}()\n\n{1}().{2}()"
    # One byte, two bytes and four bytes a character; control characters in a file name.
    for names in (("été", "Größe", "plain"), ("функция", "漢字", "été"), ("𐌰𐌱", "ж", "𐌲")):
        file = "/tmp/" + "-".join(names) + "\x1b[31m\n.py"
        exec(compile(code.format(*names), file, "exec"), {"rest": rest if names[0] == "𐌰𐌱" else lambda: None})


# Runs in interpreters, one inside the other: each knows its own frames and is told those of the ones around it.
INSIDE = """
import json, os, sys, threading
try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters
run = getattr(_interpreters, "run_string", None) or _interpreters.exec
OUTER, CHAIN, TEXT = json.loads(@outer@), @chain@, @text@

def describe(frame):
    if not frame:
        return OUTER
    code = frame.f_code
    return [[code.co_filename, getattr(code, "co_qualname", code.co_name), frame.f_lineno]] + describe(frame.f_back)

def fill(outer, chain):
    values = {"outer": json.dumps(outer), "chain": chain, "text": TEXT}
    text = TEXT
    for name in values:
        text = text.replace("@" + name + "@", repr(values[name]))
    return text

def tell():
    found = {threading.get_native_id(): describe(sys._getframe(1))}
    os.write(1, b"ready\\n" + json.dumps(found).encode() + b"\\n")

def go():
    if CHAIN:
        run(CHAIN[0], fill(describe(sys._getframe()), CHAIN[1:]))
    else:
        tell(); os.read(0, 1)

go()
"""


def inside(order):
    """Makes interpreters, and runs one inside the other in this order."""
    try:
        import _interpreters
    except ImportError:
        import _xxsubinterpreters as _interpreters
    run = getattr(_interpreters, "run_string", None) or _interpreters.exec
    made = [_interpreters.create() for _ in order]
    chain = [int(made[index]) for index in order]
    text, outer = INSIDE.replace("@chain@", repr(chain[1:])), "@outer@"
    run(chain[0], text.replace(outer, repr(json.dumps(describe(sys._getframe())))).replace("@text@", repr(INSIDE)))


def interpreter():
    """In a sub-interpreter, from which the thread goes back to the main one."""
    inside([0])


def nested():
    """In the newest interpreter, inside the next older one."""
    inside([0, 1])


def reversed_():
    """In an older interpreter, inside a newer one."""
    inside([1, 0])


def finalizing():
    """A global of this module goes when modules are torn down, the ones with an underscore first."""

    class Late:
        def __del__(self):
            rest()

    global _late
    _late = Late()


def main():
    natives[threading.get_ident()] = threading.get_native_id()
    kinds = {
        "single": single,
        "callbacks": callbacks,
        "threaded": threaded,
        "generator": generator,
        "async": asynchronous,
        "deep": deep,
        "execed": execed,
        "unicode": unicode,
        "interpreter": interpreter,
        "nested": nested,
        "reversed": reversed_,
        "finalizing": finalizing,
    }
    kinds[KIND]()


main()
