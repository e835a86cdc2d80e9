"""`memsample dump` on every interpreter: it says what the process says of itself.

The last test prints a table, version by feature.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

from harness import MEMSAMPLE, ROOT, TARGETS, Target, environment, memsample, report, stuck, threads
from interpreters import all_pythons

FRAMES_MAX = 1024  # PYTHON_FRAMES_MAX
KINDS = ["single", "callbacks", "threaded", "generator", "async", "deep", "execed", "unicode", "interpreter", "nested", "reversed",
         "finalizing"]
OLDEST = (3, 8)
# What users have; a row for each, found or not.
WANTED = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15", "3.13 free-threaded", "3.14 free-threaded"]

results = {}  # {(interpreter, feature): "pass" or why not}


def pythons():
    found = [python for python in all_pythons() if tuple(map(int, python.minor.split("."))) >= OLDEST]
    return [pytest.param(python, id=name_of(python)) for python in found]


def libraries():
    """One interpreter for each standard library."""
    first = {}
    for parameter in pythons():
        first.setdefault(parameter.values[0].version, parameter)
    return list(first.values())


def name_of(python):
    return "-".join([python.version, *python.build])


def dump(pid, *options):
    done = memsample("dump", "--pid", pid, "--json", *options, timeout=20)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def settled_dump(pid, seconds=5.0):
    """{tid: thread}, once the main thread is past telling: it may sleep there for want of the GIL, and who spins has none
    while it is handed over."""
    deadline = time.monotonic() + seconds
    while True:
        met = {thread["tid"]: thread for thread in dump(pid)["threads"]}
        telling = any(frame["function"] == "tell" for thread in met.values() for frame in thread["frames"])
        spinning = [t for t in met.values() if any(frame["function"].endswith("spinning") for frame in t["frames"])]
        handed_over = all(thread["holds_gil"] is not False for thread in spinning)
        if not telling and handed_over and met[pid]["state"] == "S" or time.monotonic() > deadline:
            return met


def start(python, kind):
    return Target([python, TARGETS / "stacks.py", kind], env=environment(PYTHONIOENCODING="utf-8"))


def stack_of(thread):
    return [[frame["file"], frame["function"], frame["line"]] for frame in thread["frames"]]


def compare(target, kind):
    told = {int(tid): rows for tid, rows in json.loads(target.process.stdout.readline()).items()}
    met = settled_dump(target.pid)
    assert told and set(told) <= set(met)
    for tid, rows in told.items():
        thread = met[tid]
        # All but the one that spins sleep, and those are never stopped.
        spins = any(function.endswith("spinning") for _, function, _ in rows)
        assert thread["stack"] == ("stopped" if spins else "asleep"), thread
        if not met_free_threaded(met):
            assert thread["holds_gil"] is spins, thread
        # The interpreter knows no frames for tasks; test_tasks.py tells what they are.
        got = [row for row in stack_of(thread) if row[0] != "<task>"]
        assert got == rows[:FRAMES_MAX]
        assert thread["truncated"] == (len(rows) > FRAMES_MAX)
    tasks = [row for thread in met.values() for row in stack_of(thread) if row[0] == "<task>"]
    assert [row[1].endswith("main)") for row in tasks] == [True] * (kind == "async"), tasks
    assert (kind == "deep") == any(thread["truncated"] for thread in met.values())
    assert not stuck(target.pid)


def met_free_threaded(met):
    return all(thread["holds_gil"] is None for thread in met.values())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("python", pythons())
def test_dump_says_what_the_process_says(python, kind):
    if kind == "reversed" and python.minor in ("3.8", "3.9", "3.10"):
        results[name_of(python), kind] = "before 3.11 nothing tells which interpreter is inside the other"
        pytest.skip(results[name_of(python), kind])
    results[name_of(python), kind] = "FAIL"
    with start(python, kind) as target:
        try:
            compare(target, kind)
        except json.JSONDecodeError:  # it ended: the module that makes interpreters is missing, say
            _, _, errors = target.finish()
            reason = errors.strip().splitlines()[-1] if errors.strip() else "the target ended"
            results[name_of(python), kind] = reason
            pytest.skip(reason)
    results[name_of(python), kind] = "pass"


@pytest.mark.parametrize("python", libraries())
def test_lines_of_the_standard_library(python):
    """Our decoder against the interpreter's own answer, for every instruction."""
    checker = ROOT / "build/tests/unit/python/line-checker"
    if not os.access(checker, os.X_OK):
        pytest.skip("line-checker is not built (cmocka is missing)")
    command = [ROOT / "tests/unit/python/check-lines", checker, python]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    counts = re.search(r"(\d+) code objects, (\d+) instructions, (\d+) differences", done.stdout)
    assert done.returncode == 0 and counts and counts.group(3) == "0", done.stdout + done.stderr
    assert int(counts.group(2)) > 500_000
    for other in all_pythons():
        if other.version == python.version:
            results[name_of(other), "lines"] = "pass"


@pytest.mark.parametrize("python", pythons())
def test_offsets_are_those_of_its_headers(python):
    """The committed tables of offsets against the C compiler's answer."""
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    run = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    include = pathlib.Path(run.stdout.strip())
    if not (include / "Python.h").exists():
        pytest.skip("its headers are not installed")
    done = subprocess.run([ROOT / "scripts/offsets", "--check", include], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    results[name_of(python), "offsets"] = "pass"


@pytest.mark.parametrize("python", pythons())
def test_no_stale_names(tmp_path, python):
    """Functions come and go at the same addresses. Each row must be of one function, never a mixture, and what a caller
    is charged must be what its own callees are charged: a name of an earlier function would be another caller's."""
    recording = tmp_path / "churn.memsample"
    options = ["-q", "-o", tmp_path / "churn.html", "--recording", recording]
    done = memsample("run", *options, "--", python, TARGETS / "churn.py", env=environment(), timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    met, called, calls = set(), {}, {}
    for row in report(recording)["lines"]:
        if row["function"] == "call":
            caller = int(re.fullmatch(r"caller-(\d)\.py", row["file"]).group(1))
            calls[caller] = calls.get(caller, 0) + row["total_grown_bytes"] - row["grown_bytes"]
        found = re.fullmatch(r"made-(\d+)\.py", row["file"] or "")
        if not found:
            continue
        number = int(found.group(1))
        if row["function"] == "<module>":  # its definition
            assert row["line"] in (0, 1, number % 100 * 10 + 1)
            continue
        assert row["function"] == f"made_{number}"
        assert 1 <= row["line"] - number % 100 * 10 <= 4
        met.add(number)
        called[number % 7] = called.get(number % 7, 0) + row["grown_bytes"]
    # Enough came and went to have shared addresses. Without the GIL freed memory stays (mimalloc) and little moves.
    assert len(met) > (5 if "free-threaded" in python.build else 50)
    assert called == calls
    results[name_of(python), "stale"] = "pass"


# ---- interpreters that are hard to find ----


def assert_found(pid, told, python):
    """The main thread's stack, by the number that the process itself knows the thread by."""
    met = {thread["inner_tid"]: thread for thread in settled_dump(pid).values()}
    assert dump(pid)["python"]["version"].rstrip("t") == python.version
    for tid, rows in told.items():
        assert stack_of(met[int(tid)]) == rows


def libpython_of(python):
    code = "print(open('/proc/self/maps').read())"
    text = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(/\S*libpython3\.\d+\S*\.so\S*)", text)
    return found.group(1) if found else None


def static_pythons():
    return [parameter for parameter in pythons() if "static" in parameter.values[0].build]


def shared_pythons():
    return [parameter for parameter in pythons() if "shared" in parameter.values[0].build]


def elsewhere(python):
    """How to start a copy of an interpreter: `env` and what it needs. Fetched ones find their libc beside themselves."""
    prefix = pathlib.Path(python.path).parents[1]
    settings = [f"PYTHONHOME={prefix}"]
    if python.origin == "fetched":
        folders = [*prefix.glob("lib/*-linux-gnu"), *prefix.glob("../lib/*-linux-gnu")]
        settings.append("LD_LIBRARY_PATH=" + ":".join(map(str, folders)))
    return ["env", *settings]


@pytest.mark.parametrize("fate", ["deleted", "replaced"])
@pytest.mark.parametrize("python", static_pythons())
def test_executable_that_is_gone(tmp_path, python, fate):
    """An upgrade under a running service."""
    program = tmp_path / "service"
    shutil.copy(python.path, program)
    with Target([*elsewhere(python), program, TARGETS / "stacks.py", "single"], env=environment()) as target:
        told = json.loads(target.process.stdout.readline())
        if fate == "deleted":
            program.unlink()
        else:
            shutil.copy("/bin/true", tmp_path / "new")
            (tmp_path / "new").rename(program)
        assert_found(target.pid, told, python)
    results[name_of(python), "gone"] = "pass"


@pytest.mark.parametrize("python", shared_pythons())
def test_library_that_is_gone(tmp_path, python):
    library = pathlib.Path(libpython_of(python))
    copy = tmp_path / library.name
    shutil.copy(library, copy)
    # Preloaded by its name, so that it stands for the one that the executable wants.
    with Target([python, TARGETS / "stacks.py", "single"], env=environment(LD_PRELOAD=str(copy))) as target:
        told = json.loads(target.process.stdout.readline())
        assert str(copy) in pathlib.Path(f"/proc/{target.pid}/maps").read_text()
        copy.unlink()
        assert_found(target.pid, told, python)
    results[name_of(python), "gone"] = "pass"


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    program = tmp_path_factory.mktemp("embed") / "server"
    subprocess.run(["cc", TARGETS / "embed.c", "-o", program, "-ldl"], check=True)
    return program


@pytest.mark.parametrize("python", shared_pythons())
def test_embedded(embedder, python):
    if python.origin == "fetched":
        pytest.skip("its library wants a libc of its own, which a program that was built here does not have")
    env = environment(PYTHONHOME=str(pathlib.Path(python.path).parents[1]))
    with Target([embedder, libpython_of(python), TARGETS / "stacks.py", "single"], env=env) as target:
        assert_found(target.pid, json.loads(target.process.stdout.readline()), python)
    results[name_of(python), "embedded"] = "pass"


def child_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def unshare(*arguments):
    """A command line in namespaces of its own, or a skip where that is not allowed."""
    command = ["unshare", "--fork", "--kill-child", *arguments]
    if subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("unshare is not allowed here")
    return command


@pytest.mark.parametrize("python", pythons())
def test_pid_namespace(python):
    with Target([*unshare("--pid"), python, TARGETS / "stacks.py", "threaded"], env=environment()) as target:
        told = json.loads(target.process.stdout.readline())
        assert "1" in told
        pid = child_of(target.pid)
        assert dump(pid)["inner_pid"] == 1
        assert_found(pid, told, python)
    results[name_of(python), "pidns"] = "pass"


@pytest.mark.parametrize("python", static_pythons())
def test_mount_namespace(tmp_path, python):
    """The interpreter's file is at a path that is another file, or none, out here."""
    script = 'mount -t tmpfs none "$1" && cp "$2" "$1/python" && shift 2 && exec "$@"'
    command = [*unshare("--mount"), "sh", "-c", script, "sh", tmp_path, python, *elsewhere(python), tmp_path / "python"]
    with Target([*command, TARGETS / "stacks.py", "single"], env=environment()) as target:
        told = json.loads(target.process.stdout.readline())
        assert not (tmp_path / "python").exists()
        assert_found(child_of(target.pid), told, python)
    results[name_of(python), "mountns"] = "pass"


def test_matrix(capsys):
    """Prints version by feature."""
    features = [*KINDS, "lines", "offsets", "stale", "gone", "embedded", "pidns", "mountns"]
    names = list(dict.fromkeys(name for name, _ in results))
    width = max([len(name) for name in (*names, *WANTED)])
    notes = []
    with capsys.disabled():
        print("\n\n" + " " * width, *(feature[:8].ljust(8) for feature in features))
        for name in names:
            cells = []
            for feature in features:
                result = results.get((name, feature), "-")
                if result not in ("pass", "FAIL", "-"):
                    notes.append(f"{name} {feature}: {result}")
                    result = "skip"
                cells.append(result.ljust(8))
            print(name.ljust(width), *cells)
        for wanted in WANTED:
            minor, _, build = wanted.partition(" ")
            if not any(name.startswith(minor + ".") and (build in name if build else "free" not in name) for name in names):
                print(wanted.ljust(width), "skip: no such interpreter on this machine (scripts/pythons --list)")
        print(*notes, sep="\n")


# ---- the command itself ----


def test_text(any_python):
    with start(any_python, "threaded") as target:
        target.process.stdout.readline()
        done = memsample("dump", "--pid", target.pid)
        text = done.stdout.decode()
        assert done.returncode == 0 and done.stderr == b""
        assert f"process  {target.pid}" in text and any_python.version in text
        assert re.search(r"memory   RSS [\d.]+ MiB: anonymous ", text)
        assert "[heap]" in text
        assert text.count("holds the GIL") == 1
        assert re.search(r"(threaded\.<locals>\.)?blocked  \S+stacks\.py:\d+\n", text)
        assert text.count("\nthread ") == 10


def test_hostile_names_do_not_reach_the_terminal(any_python):
    with start(any_python, "unicode") as target:
        target.process.stdout.readline()
        text = memsample("dump", "--pid", target.pid).stdout
        assert b"\x1b" not in text and "𐌰𐌱".encode() in text


def test_memory_adds_up(any_python):
    with start(any_python, "single") as target:
        target.process.stdout.readline()
        settled_dump(target.pid)
        found = dump(target.pid)
        memory, mappings = found["memory"], found["mappings"]
        assert memory["file_bytes"] + memory["shmem_bytes"] <= memory["rss_bytes"] <= memory["peak_bytes"]
        assert mappings == sorted(mappings, key=lambda row: -row["rss_bytes"])
        resident = sum(row["rss_bytes"] for row in mappings)
        assert 0.9 < resident / memory["rss_bytes"] < 1.1


def test_process_that_is_not_python():
    with subprocess.Popen(["sleep", "60"]) as process:
        done = memsample("dump", "--pid", process.pid)
        assert done.returncode == 1
        assert b"no CPython" in done.stderr and b"memory   RSS" in done.stdout
        assert not stuck(process.pid)
        process.kill()


def test_no_such_process():
    with subprocess.Popen(["true"]) as process:
        process.wait()
    done = memsample("dump", "--pid", process.pid)
    assert done.returncode == 1 and done.stdout == b"" and b"has ended" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--pid", "x"], ["--pid", "1", "2"], ["--nonsense"], ["--pid"]])
def test_command_line(arguments):
    done = memsample("dump", *arguments)
    assert done.returncode == 2 and done.stdout == b"" and done.stderr.startswith(b"memsample: ")


def test_beside_a_profile(tmp_path, any_python):
    """Another tracer has the process: it is read all the same."""
    with start(any_python, "threaded") as target:
        told = json.loads(target.process.stdout.readline())
        options = ["-q", "-o", tmp_path / "a.html", "--recording", tmp_path / "a.memsample"]
        with subprocess.Popen([MEMSAMPLE, "--pid", str(target.pid), *options]) as profiler:
            while not threads(target.pid)[target.pid][1]:
                time.sleep(0.01)
            met = settled_dump(target.pid)
            for tid, rows in told.items():
                assert met[int(tid)]["stack"] in ("asleep", "running")
                assert stack_of(met[int(tid)]) == rows
            profiler.terminate()
            profiler.wait(20)
