"""Adds up what the test runners wrote. usage: summary.py NAME=FILE...

FILE is meson's testlog.json, pytest's junit.xml or node's .tap; one that is missing or empty counts as one failure.
Ends with the plain line "N passed, N failed, N skipped" and status 1 if anything failed.
"""

import json
import re
import sys
import xml.etree.ElementTree as xml

MESON = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}


def of_meson(path):
    with open(path) as file:
        for line in file:
            test = json.loads(line)
            yield MESON.get(test["result"], "failed"), test["name"], "meson test: skipped by the test itself"


def of_pytest(path):
    for case in xml.parse(path).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            yield "failed", name, ""
        elif skipped is not None:
            yield "skipped", name, skipped.get("message") or ""
        else:
            yield "passed", name, ""


def of_node(path):
    """Only tests at the top level: what is inside one counts as part of it."""
    with open(path) as file:
        for line in file:
            found = re.match(r"(not )?ok \d+ - (.*?)(?: # (SKIP|TODO)(.*))?$", line)
            if found:
                bad, name, mark, reason = found.groups()
                yield "skipped" if mark else "failed" if bad else "passed", name, (reason or "").strip()


READERS = {"xml": of_pytest, "json": of_meson, "tap": of_node}


def main(arguments):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    failed, reasons = [], {}
    for argument in arguments:
        runner, _, path = argument.partition("=")
        try:
            results = list(READERS[path.rpartition(".")[2]](path))
        except (OSError, ValueError, KeyError, xml.ParseError) as error:
            results = [("failed", f"no results in {path}: {error}", "")]
        if not results:
            results = [("failed", f"no test ran: {path} is empty", "")]
        for result, name, reason in results:
            counts[result] += 1
            if result == "failed":
                failed.append(f"{runner}: {name}")
            elif result == "skipped":
                reasons.setdefault(f"{runner}: {reason}", []).append(name)
    for reason, names in reasons.items():
        print(f"skipped {len(names)} ({reason}): {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}")
    for name in failed:
        print(f"failed {name}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
