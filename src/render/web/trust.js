// How the figures came about, for whoever doubts them.
import { by_id, element } from "./dom.js";
import { format_bytes, format_count, format_share, format_time, visible } from "./format.js";

const CLOCKS = {
    poll: "RSS was read at a high rate, and the stack of the thread that faulted when it had moved",
    trap: "the kernel stopped threads in the act of a page fault",
    tick: "threads were stopped at a steady rate, if memory had moved",
};

const time = (ns) => format_time(ns / 1e9);

function group(title, facts) {
    const known = facts.filter(([, value]) => value !== "" && value !== null && value !== undefined);
    return element("section", {}, element("h3", {}, title),
        element("dl", {}, ...known.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])));
}

function threads_of(profile) {
    const { tid, name, grown_bytes } = profile.raw.threads;
    const rows = tid.map((id, i) => ({ id, name: profile.strings[name[i]], bytes: grown_bytes[i] })).sort((a, b) => b.bytes - a.bytes);
    return rows.map((row) => [visible(row.name) || "unnamed", `${format_bytes(row.bytes)} grown (tid ${row.id})`]);
}

export function show_trust(profile) {
    const { target, clock, samples, pause, totals } = profile.raw;
    const paused = format_share(pause.total_ns, totals.run_ns ?? totals.duration_ns);
    const unattributed = format_share(totals.unattributed_bytes, totals.grown_bytes);
    by_id("trust-short").textContent = `${clock.name} clock, pauses ${paused} of the run, ${unattributed} of the growth unattributed`;
    const started = Number(target.start_unix_ns) / 1e6;
    by_id("trust-body").replaceChildren(
        group("Clock", [
            ["Clock", `${clock.name}${CLOCKS[clock.name] ? `: ${CLOCKS[clock.name]}` : ""}`],
            ["Why this one", visible(clock.reason)],
            ["Step", `at least ${format_bytes(clock.step_bytes)} of growth between samples`],
            ["Tick", clock.tick_ns > 0 ? time(clock.tick_ns) : ""],
            ["Budget for pauses", `${clock.budget_percent} % of the run`],
        ]),
        group("Samples and pauses", [
            ["Samples", `${format_count(samples.samples)} (moments at which a stack was read)`],
            ["Stops", `${format_count(samples.stops)} (the other stacks were read as the thread ran or slept)`],
            ["Torn stacks", `${format_count(samples.torn)} (changed while they were read)`],
            ["Cut stacks", `${format_count(samples.truncated)} (too deep to read whole)`],
            ["Without a stack", `${format_count(samples.unattributed)}, ${format_bytes(totals.unattributed_bytes)}, ${unattributed} of the growth`],
            ["Pauses", `${paused} of the run: half under ${time(pause.p50_ns)}, 99 % under ${time(pause.p99_ns)}, longest ${time(pause.max_ns)}`],
            ["memsample itself", `${time(totals.tracer_cpu_ns)} of CPU, ${format_bytes(totals.tracer_rss_bytes)} resident`],
        ]),
        group("Run", [
            ["Command", visible(target.command)],
            ["Directory", visible(target.directory)],
            ["Started", Number.isFinite(started) && started > 0 ? new Date(started).toLocaleString() : ""],
            ["Duration", time(totals.run_ns ?? totals.duration_ns)],
            ["Python", target.python_version],
            ["Kernel", visible(target.kernel)],
            ["Before the first reading", `${format_bytes(totals.baseline_bytes)} (baseline: interpreter and libraries)`],
            ["Highest by the kernel's count", totals.high_water_bytes > 0 ? format_bytes(totals.high_water_bytes) : ""],
            ["Most swapped out", format_bytes(totals.peak_swap_bytes)],
            ["Most reserved, not touched", format_bytes(totals.peak_reserved_bytes)],
        ]),
        group("Growth by thread", threads_of(profile)),
    );
}
