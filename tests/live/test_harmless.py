"""The target ends as if it was never watched."""

import os
import pathlib
import random
import signal
import subprocess
import time

import pytest
from harness import MEMSAMPLE, TARGETS, Job, Target, environment, memsample, stuck

# scripts/harm runs these with 200 and more.
TIMES = int(os.environ.get("MEMSAMPLE_HARM_TIMES", "25"))

ENDS = [
    ("status", "0"),
    ("status", "3"),
    ("status", "255"),
    ("message", ""),
    ("at_once", "7"),
    ("exception", ""),
    ("thread_exit", "4"),
    ("exec", ""),
    ("signal", "SIGTERM"),
    ("signal", "SIGKILL"),
    ("signal", "SIGSEGV"),
    ("signal", "SIGABRT"),
    ("signal", "SIGHUP"),
]


def test_the_witnesses_notice(tmp_path, any_python, waiter):
    """A tracer that does stop a sleeping thread is seen: by the loop in epoll_wait, and by `stuck`."""
    floor = tmp_path / "floor"
    subprocess.run(["gcc", "-O1", "-o", floor, TARGETS / "bench_floor.c"], check=True)
    with Target([any_python, TARGETS / "busy.py", waiter], env=environment()) as target:
        tasks = pathlib.Path(f"/proc/{target.pid}/task")
        (tid,) = [task.name for task in tasks.iterdir() if (task / "comm").read_text() == "waiter\n"]
        tracer = subprocess.Popen([floor, tid, "20", "20000000"], stdout=subprocess.DEVNULL)
        time.sleep(0.1)
        assert int(tid) in stuck(target.pid, seconds=0)
        assert tracer.wait(timeout=20) == 0
        assert stuck(target.pid) == {}
        _, output, _ = target.finish()
    assert int(output.split()[-1]) > 0, output


def alone(command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, timeout=60, **options)


@pytest.mark.parametrize("how", ENDS, ids="-".join)
def test_end_is_the_same(tmp_path, any_python, how):
    command = [any_python, TARGETS / "exits.py", *how]
    env = environment()
    before = alone(command, env=env, stdin=subprocess.DEVNULL)
    job = Job(tmp_path, command, env=env)
    assert job.done.stdout == before.stdout
    assert job.done.stderr == before.stderr
    # By a signal as a shell says it, since memsample itself does not die of it.
    expected = before.returncode if before.returncode >= 0 else 128 - before.returncode
    assert job.done.returncode in (expected, before.returncode)
    target = job.report["target"]
    if before.returncode >= 0:
        assert target["exit_status"] == before.returncode
    assert job.page.stat().st_size > 1000


def test_exit_while_threads_work(tmp_path, each_minor):
    """The kernel reports the process's end only when the end of every traced thread was taken note of."""
    for turn in range(max(5, TIMES // 3)):
        job = Job(tmp_path, [each_minor, TARGETS / "exits.py", "thread_exit", "4"], timeout=20)
        assert job.done.returncode == 4, turn


def test_streams_pass_through(tmp_path, each_minor):
    command = [each_minor, TARGETS / "output.py"]
    text = "".join(f"{number} some words of input\n" for number in range(20_000)).encode()
    before = alone(command, env=environment(), input=text)
    job = Job(tmp_path, command, env=environment(), input=text)
    assert (job.done.returncode, job.done.stdout, job.done.stderr) == (0, before.stdout, before.stderr)


def test_signals_reach_the_job(tmp_path, any_python):
    """A handler of the job's runs once for every signal. Each waits for the one before: pending ones would merge."""
    code = (
        "import os, signal, time\n"
        "seen = []\n"
        "signal.signal(signal.SIGUSR1, lambda *_: (seen.append(1), os.write(1, b'%d\\n' % len(seen))))\n"
        "os.write(1, b'%d\\n' % os.getpid())\n"
        "end = time.monotonic() + 30\n"
        "while len(seen) < 200 and time.monotonic() < end: bytearray(300_000)\n"
    )
    process = subprocess.Popen(
        [MEMSAMPLE, "run", "-q", "-o", tmp_path / "p.html", "--recording", tmp_path / "p.memsample", "--"]
        + [any_python, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = int(process.stdout.readline())
    for count in range(1, 201):
        os.kill(pid, signal.SIGUSR1)
        assert process.stdout.readline() == f"{count}\n"
    assert process.communicate(timeout=40)[0] == ""
    assert process.returncode == 0


def test_stop_and_continue_still_work(tmp_path, any_python, waiter):
    """SIGSTOP stops a watched job and SIGCONT continues it: group stops are honoured."""
    with Target([any_python, TARGETS / "busy.py", waiter], env=environment()) as target:
        watcher = attach(target.pid, tmp_path, "10")
        time.sleep(0.5)
        os.kill(target.pid, signal.SIGSTOP)
        time.sleep(0.5)
        before = cpu_ticks(target.pid)
        time.sleep(0.5)
        assert cpu_ticks(target.pid) - before <= 2, "the target went on although it was stopped"
        os.kill(target.pid, signal.SIGCONT)
        time.sleep(0.5)
        assert cpu_ticks(target.pid) - before > 10, "the target did not continue"
        watcher.send_signal(signal.SIGTERM)
        assert watcher.wait(timeout=20) == 0
        assert stuck(target.pid) == {}
        status, output, errors = target.finish()
    # A stop by SIGSTOP ends epoll_wait with EINTR also without memsample: the count is not asked for here.
    assert status == 0 and " wrong 0 " in output and errors == ""


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


WAYS = pytest.mark.parametrize("options", [[], ["--native"]], ids=["plain", "native"])


def attach(pid, folder, seconds, options=()):
    return subprocess.Popen(
        [MEMSAMPLE, "--pid", str(pid), "-q", "--force", "-d", seconds]
        + [*options, "-o", folder / "page.html", "--recording", folder / "page.memsample"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def busy(each_minor, waiter):
    with Target([each_minor, TARGETS / "busy.py", waiter], env=environment()) as target:
        yield target


def assert_unharmed(target):
    status, output, errors = target.finish()
    assert status == 0 and errors == ""
    words = output.split()
    assert words[0] == "rounds" and int(words[1]) > 0
    assert words[2:] == ["wrong", "0", "eintr", "0"]


def test_attach_and_detach(tmp_path, busy):
    for turn in range(TIMES):
        done = memsample(
            *["--pid", busy.pid, "-q", "--force", "-d", f"{random.uniform(0.02, 0.4):.3f}"],
            *["-o", tmp_path / "page.html", "--recording", tmp_path / "page.memsample"],
        )
        assert done.returncode == 0, (turn, done.stderr.decode())
        assert stuck(busy.pid) == {}, turn
        assert busy.process.poll() is None, turn
    assert_unharmed(busy)


@WAYS
def test_memsample_is_killed(tmp_path, busy, options):
    for turn in range(TIMES):
        watcher = attach(busy.pid, tmp_path, "60", options)
        time.sleep(random.uniform(0, 0.4))
        watcher.kill()
        _, errors = watcher.communicate()
        assert errors == b"", turn
        assert stuck(busy.pid) == {}, turn
        assert busy.process.poll() is None, turn
    assert_unharmed(busy)


@WAYS
def test_memsample_run_is_killed(tmp_path, any_python, options):
    """The job goes on to its right end when the memsample that launched it dies."""
    code = (
        "import sys\n"
        "print('started', flush=True)\n"
        "kept = [bytes(1000 + index % 7) for index in range(300_000)]\n"
        "open(sys.argv[1], 'w').write(str(sum(map(len, kept))))\n"
    )
    for turn in range(max(3, TIMES // 5)):
        result = tmp_path / f"result-{turn}"
        process = subprocess.Popen(
            [MEMSAMPLE, "run", "-q", "--force", "-o", tmp_path / "p.html", "--recording", tmp_path / "p.memsample"]
            + [*options, "--", any_python, "-c", code, result],
            stdout=subprocess.PIPE,
        )
        assert process.stdout.readline() == b"started\n"
        time.sleep(random.uniform(0, 0.2))
        process.kill()
        process.wait()
        process.stdout.close()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not (result.exists() and result.read_text()):
            time.sleep(0.02)
        assert result.read_text() == str(sum(1000 + index % 7 for index in range(300_000))), turn


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signal_detaches_and_writes_the_page(tmp_path, any_python, waiter, name):
    with Target([any_python, TARGETS / "busy.py", waiter], env=environment()) as target:
        watcher = attach(target.pid, tmp_path, "60")
        time.sleep(1.0)
        watcher.send_signal(getattr(signal, name))
        assert watcher.wait(timeout=20) == 0, watcher.stderr.read().decode()
        assert stuck(target.pid) == {}
        assert (tmp_path / "page.html").stat().st_size > 1000
        assert_unharmed(target)
