"""Stacks that never were: a caller that never calls that callee, in a target that does little but call.

MEMSAMPLE_STACKS says how many stacks to take of each kind (scripts/impossible: a campaign; here a short one)."""

import json
import os
import subprocess

import pytest

from harness import ROOT, TARGETS, Target, environment, stuck
from interpreters import one_of_each

COUNT = int(os.environ.get("MEMSAMPLE_STACKS", "2000"))
EDGES = ROOT / "build/tests/live/stack-edges"
# Read as it runs a thread may call on between two reads of its memory. This target does little but call, so that most reads do not hold
# together and are thrown away. Of the rest 3 to 9 % were impossible on 3.8 to 3.10, whose frames are used again at once, and 0.5 % at
# most from 3.11 on (2,000 stacks each on idle processors; on busy ones, where the target mostly waits, 0.05 % and less). Few are left
# to judge by: the bound is for what goes wrong altogether.
RUNNING_SHARE_MAX = 0.25
rates = []


PYTHONS = [pytest.param(python, id=python.name) for python in one_of_each()]


def take(pid, *options):
    """({(function, caller): how often}, {outcome: how often})."""
    command = [EDGES, *options, "-n", str(COUNT), str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + COUNT / 500)
    assert done.returncode == 0, done.stderr
    *rows, last = done.stdout.splitlines()
    edges = {tuple(row.split("\t")[1:]): int(row.split("\t")[0]) for row in rows}
    words = last.split()
    return edges, dict(zip(words[::2], map(int, words[1::2])))


@pytest.mark.parametrize("way", ["stopped", "running"])
@pytest.mark.parametrize("python", PYTHONS)
def test_no_impossible_stacks(python, way):
    if not os.access(EDGES, os.X_OK):
        pytest.skip("stack-edges is not built")
    with Target([python, TARGETS / "impossible.py"], env=environment()) as target:
        possible = {tuple(pair) for pair in json.loads(target.process.stdout.readline())}
        edges, outcomes = take(target.pid, *(["-s"] if way == "stopped" else []))
        assert not stuck(target.pid)
    wrong = {edge: count for edge, count in edges.items() if edge not in possible}
    share = sum(wrong.values()) / max(1, outcomes["good"])
    rates.append((f"{python.version} {','.join(python.build[2:])}", way, outcomes, sum(wrong.values()), share))
    if way == "stopped":  # it looked where things happen
        assert len(edges) > 0.5 * len(possible), (len(edges), len(possible))
        assert outcomes["good"] > 0.9 * COUNT, outcomes
        assert not wrong, wrong
    else:
        assert edges and outcomes["good"] > 0.005 * COUNT, outcomes
        assert share <= RUNNING_SHARE_MAX, (share, wrong)


def test_rates(capsys):
    """Prints them."""
    with capsys.disabled():
        print(f"\n\n{'stacks':24} {'taken':>9} {'torn':>8} {'moved on':>9} {'impossible':>11}")
        for name, way, outcomes, wrong, share in rates:
            print(f"{name + ' ' + way:24} {outcomes['good']:9} {outcomes['torn']:8} {outcomes['moved']:9} {wrong:8} {100 * share:6.3f} %")
