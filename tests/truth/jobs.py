"""Runs one target alone, under memsample or beside it."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGETS = pathlib.Path(__file__).resolve().parent / "targets"
sys.path.append(str(ROOT / "tests/live"))

import harness  # noqa: E402
from interpreters import MINORS, Python, all_pythons, usable  # noqa: E402, F401

# In the order of the table. What a target needs besides Python stands behind it.
NEEDS = {
    "steady": None,
    "interleaved": None,
    "sawtooth": None,
    "recursion": None,
    "generators": None,
    "coroutines": None,
    "imports": None,
    "mapped": None,
    "shared": None,
    "native": "cc",
    "threads": "cc",
    "arrays": "numpy",
    "frames": "pandas",
}
SINGLE_THREADED = [name for name in NEEDS if name != "threads"]
ATTACH_ONLY = ["ring"]
SECONDS_MAX = 180


class Skip(Exception):
    """Why this one can not be run here."""


class Failed(Exception):
    """What went wrong."""


def python_at(path):
    """The interpreter at `path`, by what it says of itself."""
    code = "import platform; print(platform.python_version())"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=True)
    return Python(done.stdout.strip(), path, "given", "unknown,unknown")


def demo_packages(minor):
    """Where scripts/demo puts pandas and NumPy, for the one minor version that it uses."""
    folder = ROOT / ".cache/demo/lib" / f"python{minor}/site-packages"
    return folder if (folder / "pandas").is_dir() else None


def packages(need, python):
    """The folder with what a target needs, or None if it needs none or has it."""
    if python.origin == "peers":
        return None
    if need == "pandas":
        folder = demo_packages(python.minor)
        if not folder:
            raise Skip(f"no pandas for Python {python.minor} (scripts/demo puts it into .cache/demo, for one version)")
        return folder
    if need == "numpy":
        folder = python.site or demo_packages(python.minor)
        if not folder:
            raise Skip(f"no NumPy for Python {python.minor} (scripts/test puts it into .cache/test)")
        return folder
    return None


class Jobs:
    def __init__(self, folder, memsample):
        self.folder = pathlib.Path(folder)
        self.memsample = memsample
        self.native = self.compiled()

    def compiled(self):
        library = self.folder / "native.so"
        command = ["cc", "-O1", "-shared", "-fPIC", "-o", library, TARGETS / "native.c", "-lpthread"]
        try:
            subprocess.run(command, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        return library

    def command(self, name, python):
        return [str(python), str(TARGETS / f"{name}.py"), str(self.folder / "truth.json")]

    def environment(self, name, python, **extra):
        need = NEEDS[name]
        if need == "cc" and not self.native:
            raise Skip("no C compiler")
        return harness.environment(packages(need, python), TRUTH_NATIVE=str(self.native or ""), **extra)

    def truth(self):
        """What the last target wrote."""
        path = self.folder / "truth.json"
        if not path.exists():
            raise Failed("the target wrote no truth")
        truth = json.loads(path.read_text())
        path.unlink()
        return truth

    def alone(self, name, python):
        self.finish(self.command(name, python), env=self.environment(name, python))
        return self.truth()

    def finish(self, command, seconds=SECONDS_MAX, **options):
        """Runs a command to its end; its last words are the error when it fails."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
        # In a group of its own: what it has started must end with it.
        process = subprocess.Popen([str(part) for part in command], text=True, start_new_session=True, **options)
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise Failed(f"took more than {seconds} s") from None
        if process.returncode:
            words = (output or "").strip().splitlines()
            raise Failed(words[-1] if words else f"status {process.returncode}")
        return output

    def watched(self, name, python, clock):
        """(truth, report) of one run. A clock is a name, with @attach behind it to attach to the running target."""
        clock, _, how = clock.partition("@")
        self.recording.unlink(missing_ok=True)
        if how == "attach" or clock in ATTACH_ONLY:
            self.attach(name, python, clock)
        else:
            command = [self.memsample, "run", *self.outputs(clock), "--", *self.command(name, python)]
            self.finish(command, env=self.environment(name, python))
        truth = self.truth()
        self.finish([self.memsample, "report", self.recording, "-f", "json", "--force", "-o", self.folder / "r.json"])
        return truth, json.loads((self.folder / "r.json").read_text())

    @property
    def recording(self):
        return self.folder / "r.memsample"

    def outputs(self, clock):
        return ["-q", "--force", "-o", self.folder / "r.html", "--recording", self.recording, "--clock", clock]

    def attach(self, name, python, clock):
        # The target waits until it is traced.
        environment = self.environment(name, python, TRUTH_ATTACH="1")
        target = subprocess.Popen(self.command(name, python), env=environment, stdin=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            self.finish([self.memsample, "--pid", str(target.pid), *self.outputs(clock)])
            if target.wait(SECONDS_MAX):
                raise Failed(f"the target ended with status {target.returncode}")
        finally:
            if target.poll() is None:
                target.kill()
                target.wait()


def targets(names):
    """Of a comma-separated list, or all."""
    chosen = [name for name in re.split("[, ]+", names) if name] if names else list(NEEDS)
    for name in chosen:
        if name not in NEEDS:
            raise SystemExit(f"scripts/truth: there is no target {name}: {', '.join(NEEDS)}")
    return chosen
