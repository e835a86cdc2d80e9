"""Which interpreters there are, as scripts/pythons finds them."""

import functools
import subprocess
import sys

from harness import ROOT

# Those on which everything is tested. What must work on others too, from OLDEST on, is in test_versions.py, test_dump.py and
# others that go through all_pythons().
MINORS = ["3.11", "3.12", "3.13", "3.14", "3.15"]
OLDEST = (3, 8)


class Python:
    def __init__(self, version, path, origin, build):
        self.version, self.path, self.origin, self.build = version, path, origin, build.split(",")
        self.minor = ".".join(version.split(".")[:2])

    @property
    def name(self):
        return "-".join([self.version, *self.build])

    def __fspath__(self):
        return self.path

    def __str__(self):
        return self.path

    @property
    def site(self):
        """Where scripts/test puts NumPy for this minor version, or None."""
        folder = ROOT / ".cache/test" / f"numpy-{self.minor}"
        return folder if folder.is_dir() else None


@functools.cache
def all_pythons():
    command = [sys.executable, str(ROOT / "scripts/pythons"), "--list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [Python(*line.split("\t")) for line in listed.splitlines()]


def one_of_each(oldest=OLDEST):
    """One interpreter of each version, with the GIL and without, release and debug build."""
    found = {}
    for python in all_pythons():
        if tuple(map(int, python.minor.split("."))) >= oldest:
            found.setdefault((python.version, *python.build[2:]), python)
    return list(found.values())


def usable(minor):
    """One interpreter of this minor version for each way of building it, self-built ones first."""
    builds = {}
    for python in sorted(all_pythons(), key=lambda python: "stripped" in python.build):
        if python.minor == minor and not {"free-threaded", "debug"} & set(python.build):
            builds.setdefault(python.build[0], python)
    return list(builds.values())
