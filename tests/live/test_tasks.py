"""asyncio on every interpreter: who awaits a task stands on its stack as its caller, in dumps and in profiles."""

import json
import time

import pytest

from harness import TARGETS, Job, Target, environment, memsample, stuck, total_by_line, within_three
from interpreters import one_of_each

MIB = 1 << 20
SCRIPT = TARGETS / "tasks.py"


PYTHONS = [pytest.param(python, id=python.name) for python in one_of_each()]


def has_section(python):
    return tuple(map(int, python.minor.split("."))) >= (3, 14)


def dump(pid):
    done = memsample("dump", "--pid", pid, "--json")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def start(python, kind):
    return Target([python, SCRIPT, "tell", kind], env=environment())


def rows_of(frames):
    return [[frame["file"], frame["function"], frame["line"]] for frame in frames]


def settle(target):
    """What it tells, and a dump of it once it rests."""
    told = json.loads(target.process.stdout.readline())
    for _ in range(100):
        found = dump(target.pid)
        main = next(thread for thread in found["threads"] if thread["tid"] == target.pid)
        if main["frames"] and main["frames"][0]["function"] == "rest" and main["state"] == "S":
            break
    assert not stuck(target.pid)
    return told, found, rows_of(main["frames"])


@pytest.mark.parametrize("kind", ["simple", "grouped"])
@pytest.mark.parametrize("python", PYTHONS)
def test_awaiters_are_callers(python, kind):
    if kind == "grouped" and python.minor in ("3.8", "3.9", "3.10"):
        pytest.skip("TaskGroup came with 3.11")
    with start(python, kind) as target:
        told, _, stack = settle(target)
        assert stack[0][1] == "rest"
        assert stack[1 : 1 + len(told["stack"])] == told["stack"]
        below = stack[1 + len(told["stack"]) :]
        assert below[0][1] in ("Handle._run", "_run") and below[-1][1] == "<module>"


@pytest.mark.parametrize("python", PYTHONS)
def test_no_caller_among_several(python):
    with start(python, "shared") as target:
        told, found, stack = settle(target)
        rows = told["stack"][:-1] + [["<task>", told["stack"][-1][1] + ", awaited by several", 0]]
        assert stack[1 : 1 + len(rows)] == rows
        assert stack[1 + len(rows)][1] in ("Handle._run", "_run")
        if found["tasks"] is not None:
            names = {task["id"]: task["name"] for task in found["tasks"]}
            innermost = next(task for task in found["tasks"] if task["name"] == "innermost")
            assert {names[awaiter] for awaiter in innermost["awaited_by"]} == {"one", "two"}


@pytest.mark.parametrize("python", PYTHONS)
def test_dump_lists_tasks(python):
    with start(python, "simple") as target:
        told, found, _ = settle(target)
        if "free-threaded" in python.build and not has_section(python):
            assert found["tasks"] is None  # there is nothing that would lead to them
            return
        tasks = {task["name"]: task for task in found["tasks"]}
        names = {task["id"]: task["name"] for task in found["tasks"]}
        assert set(tasks) == {*told["tasks"], "innermost"}
        assert tasks.pop("innermost")["frames"] == []  # it runs
        for name, task in tasks.items():
            assert rows_of(task["frames"]) == told["tasks"][name]
            assert task["coroutine"] == told["tasks"][name][-1][1]
            assert [names[awaiter] for awaiter in task["awaited_by"]] == told["awaiters"].get(name, [])
            assert task["inner_tid"] == (target.pid if has_section(python) else None)
        text = memsample("dump", "--pid", target.pid).stdout.decode()
        assert f"\nasyncio tasks ({len(names)})\n" in text
        assert '  "waited"  waits, awaited by "timed"\n' in text


@pytest.mark.parametrize("python", PYTHONS)
def test_eager_task(python):
    if tuple(map(int, python.minor.split("."))) < (3, 12):
        pytest.skip("eager tasks came with 3.12")
    with start(python, "eager") as target:
        target.process.stdout.readline()
        deadline = time.monotonic() + 5
        functions = []
        while "resting" not in functions[:1] and time.monotonic() < deadline:
            main = next(thread for thread in dump(target.pid)["threads"] if thread["tid"] == target.pid)
            functions = [frame["function"] for frame in main["frames"]]
        # Before 3.14 nothing tells of the inner one, and both run on behalf of the outer one in any case.
        assert ("task eager (resting)" in functions[1:2]) == has_section(python)
        at = functions.index("eager")
        assert functions[at : at + 3] == ["eager", "started", "task main (started)"]


def check_charges(folder, python):
    report = Job(folder, [python, SCRIPT, "grow"], env=environment()).report
    totals = report["totals"]
    assert totals["baseline_bytes"] + totals["grown_bytes"] - totals["released_bytes"] == totals["end_rss_bytes"]
    tasks = {row["function"]: row["total_grown_bytes"] for row in report["tasks"]}
    assert 100 * MIB < tasks["task worker-a (take)"] < 140 * MIB
    assert 210 * MIB < tasks["task worker-b (take)"] < 270 * MIB
    lines = SCRIPT.read_text().splitlines()
    by_line = total_by_line(report)
    awaits = [number for number, line in enumerate(lines, 1) if '"worker-a"' in line or '"worker-b"' in line]
    assert len(awaits) == 3
    for number in awaits:
        assert 100 * MIB < by_line[f"{SCRIPT}:{number}"] < 140 * MIB
    gather = next(number for number, line in enumerate(lines, 1) if "gather(first(), second())" in line)
    assert by_line[f"{SCRIPT}:{gather}"] > 320 * MIB


@pytest.mark.parametrize("python", PYTHONS)
def test_memory_is_charged_along_the_awaiters(tmp_path, python):
    """Both tasks grow on the same line; who awaits them tells them apart."""
    within_three(lambda: check_charges(tmp_path, python))
