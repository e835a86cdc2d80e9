"""How far a report is from the truth, and whether its books balance."""

import pathlib

from harness import total_by_line


def short(lines):
    """{"file name:line": bytes}: profilers name files in different ways."""
    found = {}
    for key, value in lines.items():
        name = pathlib.PurePath(key).name
        found[name] = found.get(name, 0) + value
    return found


def error(said, true):
    """Sum over lines of |said - true| / sum of true; None where nothing is true."""
    whole = sum(true.values())
    return sum(abs(said.get(line, 0) - value) for line, value in true.items()) / whole if whole else None


def native_held(report):
    """Held at the end by threads without Python."""
    timeline = report["timeline"]
    series = [series for series in timeline["held"]["functions"] if series["function"] == "<native>"]
    return series[0]["held_bytes"][timeline["end"]] if series else 0


def said(report):
    """({line: grown}, {line: held at the end}) as the report has them."""
    grown = total_by_line(report)
    held = total_by_line(report, "total_held_at_end_bytes")
    grown["<native>"] = report["totals"]["native_bytes"]
    held["<native>"] = native_held(report)
    return short(grown), short(held)


def imbalance(report):
    """What does not add up, or an empty string: the conditions of tests/live/test_books.py."""
    totals, timeline = report["totals"], report["timeline"]
    if totals["baseline_bytes"] + totals["grown_bytes"] - totals["released_bytes"] != totals["end_rss_bytes"]:
        return "baseline + grown - released is not the end"
    # Not what comes later: the tear-down of the interpreter may take a page or two more.
    if max(timeline["rss_bytes"][: timeline["end"] + 1]) != totals["peak_rss_bytes"]:
        return "the timeline's highest point is not the peak"
    held = [series["held_bytes"] for series in timeline["held"]["functions"]]
    for point, rss in enumerate(timeline["rss_bytes"]):
        if sum(series[point] for series in held) != rss:
            return f"what is held at point {point} is not RSS"
        if min(series[point] for series in held) < 0:
            return f"less than nothing is held at point {point}"
        if sum(timeline[part][point] for part in ("anon_bytes", "file_bytes", "shmem_bytes")) != rss:
            return f"the parts of RSS at point {point} are not RSS"
    for field, total in (("held_at_peak_bytes", "peak_rss_bytes"), ("held_at_end_bytes", "end_rss_bytes")):
        if sum(row[field] for row in report["functions"]) != totals[total]:
            return f"the sum of {field} is not {total}"
    return ""


def doubt(truth):
    """By how much the truth itself is off from what the kernel says of the whole run: the larger of grown and held."""
    shares = [abs(sum(truth[what].values()) - whole) / whole for what, whole in truth["measured"].items() if whole]
    return max(shares, default=0.0)


def line_table(truth, grown, held):
    """[(name, line, true grown, said grown, true held, said held)]."""
    names = short_names(truth)
    true_grown, true_held = short(truth["grown"]), short(truth["held"])
    return [
        (names.get(line, line), line, value, grown.get(line, 0), true_held[line], held.get(line, 0))
        for line, value in true_grown.items()
    ]


def short_names(truth):
    return {pathlib.PurePath(key).name: name for key, name in truth["names"].items()}


def score(truth, report):
    """The figures of one run."""
    grown, held = said(report)
    totals, pause = report["totals"], report["pause"]
    return {
        "clock_used": report["clock"],
        "grown_error": error(grown, short(truth["grown"])),
        "held_error": error(held, short(truth["held"])),
        "unattributed": totals["unattributed_bytes"] / max(1, totals["grown_bytes"]),
        "imbalance": imbalance(report),
        "stops": report["samples"]["stops"],
        "pause_share": pause["total_ns"] / max(1, totals["duration_ns"]),
        "seconds": totals["run_ns"] / 1e9,
        "grown_in_all": totals["grown_bytes"],
        "truth_off": doubt(truth),
        "lines": line_table(truth, grown, held),
    }
