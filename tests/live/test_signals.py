"""Signals reach the job once, and whatever memsample was started with, the job ends as it would alone."""

import os
import random
import signal
import subprocess
import time

import pytest
from harness import MEMSAMPLE, environment, memsample, report

TIMES = int(os.environ.get("MEMSAMPLE_HARM_TIMES", "25"))

# Counts the signals that reach it, and ends by itself a while after the first.
COUNTS = """
import signal, sys, time
seen = []
signal.signal(getattr(signal, sys.argv[1]), lambda *_: seen.append(time.monotonic()))
kept = []
print("ready", flush=True)
while not seen or time.monotonic() < seen[0] + 0.5:
    kept.append(bytes(20_000))
    time.sleep(0.002)
print(len(seen), flush=True)
sys.exit(17)
"""

# Faults as fast as it can, on several threads, and says so when it was disturbed.
FAULTS = """
import mmap, sys, threading, time
end = time.monotonic() + float(sys.argv[1])
def fault():
    while time.monotonic() < end:
        memory = mmap.mmap(-1, 4_000_000)
        for at in range(0, 4_000_000, 4096):
            memory[at] = 1
        memory.close()
threads = [threading.Thread(target=fault) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("undisturbed", flush=True)
sys.exit(5)
"""


def start(folder, python, code, *arguments, options=(), **popen):
    command = [MEMSAMPLE, "run", "-q", "--force", "-o", folder / "p.html", *options, "--", python, "-c", code, *arguments]
    popen = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment(), **popen}
    return subprocess.Popen([str(part) for part in command], start_new_session=True, **popen)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("to_group", [True, False], ids=["group", "memsample"])
def test_a_signal_reaches_the_job_once(tmp_path, any_python, name, to_group):
    process = start(tmp_path, any_python, COUNTS, name)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    number = getattr(signal, name)
    os.killpg(process.pid, number) if to_group else os.kill(process.pid, number)
    output, errors = process.communicate(timeout=30)
    assert (output, process.returncode) == ("1\n", 17), errors
    assert report(tmp_path / "p.memsample")["target"]["exit_status"] == 17


def test_signals_are_passed_on_after_the_profile_ended(tmp_path, any_python):
    process = start(tmp_path, any_python, COUNTS, "SIGTERM", options=["-d", "0.3"])
    assert process.stdout.readline() == "ready\n"
    time.sleep(1)
    assert (tmp_path / "p.html").exists()
    os.kill(process.pid, signal.SIGTERM)
    output, errors = process.communicate(timeout=30)
    assert (output, process.returncode) == ("1\n", 17), errors


def test_started_with_child_signals_ignored(tmp_path, any_python):
    code = "import signal, sys; print(signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN); bytearray(50_000_000); sys.exit(9)"
    process = start(tmp_path, any_python, code, preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    output, errors = process.communicate(timeout=30)
    assert (output, process.returncode) == ("True\n", 9), errors


def test_nohup_is_honoured(tmp_path, any_python):
    target = subprocess.Popen([str(any_python), "-c", "import time; time.sleep(20)"])
    time.sleep(0.5)
    process = subprocess.Popen(
        [MEMSAMPLE, "--pid", str(target.pid), "-q", "-d", "1", "-o", tmp_path / "p.html"],
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    time.sleep(0.4)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert process.poll() is None
    assert process.wait(timeout=20) == 0
    target.kill()
    target.wait()


def test_exec_by_another_thread(tmp_path, each_minor):
    """The kernel lets the traced main thread go without a word."""
    code = (
        "import os, sys, threading, time\n"
        "time.sleep(0.3)\n"  # Python is found while it starts
        "kept = bytearray(30_000_000)\n"
        "new = 'import time; time.sleep(0.3); kept = bytearray(40_000_000); time.sleep(0.5); print(\"new\"); raise SystemExit(6)'\n"
        "threading.Thread(target=lambda: os.execv(sys.executable, [sys.executable, '-c', new])).start()\n"
        "time.sleep(10)\n"
    )
    process = start(tmp_path, each_minor, code)
    output, errors = process.communicate(timeout=30)
    assert (output, process.returncode) == ("new\n", 6), errors
    assert report(tmp_path / "p.memsample")["totals"]["grown_bytes"] > 60_000_000


def test_a_thread_is_no_process(any_python):
    code = "import threading, time; t = threading.Thread(target=time.sleep, args=(20,), daemon=True); t.start(); print(t.native_id, flush=True); time.sleep(20)"
    target = subprocess.Popen([str(any_python), "-c", code], stdout=subprocess.PIPE, text=True)
    tid = target.stdout.readline().strip()
    done = memsample("--pid", tid, "-q")
    target.kill()
    target.wait()
    assert done.returncode == 1 and f"--pid {target.pid}".encode() in done.stderr, done.stderr


@pytest.mark.parametrize("clock", ["ring", "trap", "poll", "tick"])
def test_killed_under_a_heavy_fault_load(tmp_path, any_python, clock):
    """A stop by a page fault is a signal on its way: losing the tracer then must not deliver it."""
    for _ in range(TIMES):
        process = start(tmp_path, any_python, "print('begun', flush=True)" + FAULTS, "0.8", options=["--clock", clock])
        begun = process.stdout.readline()  # before that there is no job yet
        time.sleep(random.uniform(0, 0.6))
        process.kill()
        output, errors = process.communicate(timeout=30)
        if "refuses page-fault events" in errors:
            pytest.skip("this kernel lets nobody here have page-fault events")
        assert begun + output == "begun\nundisturbed\n", errors


def test_killed_while_attached(tmp_path, any_python):
    """A process that was there before memsample, and does not know of it."""
    for _ in range(TIMES):
        target = subprocess.Popen([str(any_python), "-c", FAULTS, "0.8"], stdout=subprocess.PIPE, text=True)
        time.sleep(0.2)
        process = subprocess.Popen([MEMSAMPLE, "--pid", str(target.pid), "-q", "--force", "-o", tmp_path / "p.html"])
        time.sleep(random.uniform(0.1, 0.5))
        process.kill()
        process.wait()
        output, _ = target.communicate(timeout=30)
        assert (output, target.returncode) == ("undisturbed\n", 5)
