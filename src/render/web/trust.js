// How the figures came about, for whoever doubts them.
import { by_id, element } from "./dom.js";
import { format_bytes, format_certain, format_count, format_share, format_time, visible } from "./format.js";

const CLOCKS = {
    poll: "RSS was read at a high rate, and the stack of the thread that faulted when it had moved",
    trap: "the kernel stopped threads in the act of a page fault, and their stacks were read as they stood",
    ring: "the kernel reported page faults, and the stack was read on the thread's own processor, before it went on",
    tick: "threads were stopped at a steady rate, if memory had moved",
};

/** What made threads stand still: with the ring clock hardly ever a stop. */
const STOPS = {
    ring: ["Stood still", "while memsample ran in its place; stopped only where that was not enough"],
    other: ["Stops", "the other stacks were read as the thread ran or slept"],
};

const time = (ns) => format_time(ns / 1e9);

function group(title, facts) {
    const known = facts.filter(([, value]) => value !== "" && value !== null && value !== undefined);
    if (!known.length)
        return "";
    return element("section", {}, element("h3", {}, title),
        element("dl", {}, ...known.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])));
}

function threads_of(profile) {
    const { tid, name, grown_bytes } = profile.raw.threads;
    const rows = tid.map((id, i) => ({ id, name: profile.strings[name[i]], bytes: grown_bytes[i] })).sort((a, b) => b.bytes - a.bytes);
    return rows.map((row) => [visible(row.name) || "unnamed", `${format_bytes(row.bytes)} grown (tid ${row.id})`]);
}

function kinds_of(profile) {
    const kinds = profile.kinds_in().map(({ title, bytes, mappings }) =>
        [title, format_bytes(bytes) + (mappings > 1 ? `, in ${format_count(mappings)} mappings` : "")]);
    const huge = profile.raw.kinds?.huge_bytes ?? 0;
    return huge > 0 ? [...kinds, ["in huge pages", format_bytes(huge)]] : kinds;
}

function certainty(profile) {
    const { samples, totals } = profile.raw;
    const released = samples.looks > 0
        ? `measured: ${format_count(samples.looks)} looks at the page table said which pages were gone`
        : "an estimate: nobody could look at the page table, so what came last was taken to go first";
    return group("How sure it is", [
        ["Certain", `${format_bytes(totals.certain_bytes)}, ${format_certain(totals.certain_bytes, totals.grown_bytes)} of the growth: `
            + "met in the act of the page fault, or grown while several samples in a row met the same line"],
        ["The rest", "right on average, not line by line: another line may have had its turn between two samples"],
        ["Released, held", `by line, ${released}`],
        ["Freed", "an estimate: the line that was met next after memory had gone"],
    ]);
}

export function show_trust(profile) {
    const { target, clock, samples, pause, totals } = profile.raw;
    const paused = format_share(pause.total_ns, totals.run_ns ?? totals.duration_ns);
    const unattributed = format_share(totals.unattributed_bytes, totals.grown_bytes);
    const certain = format_certain(totals.certain_bytes, totals.grown_bytes);
    const [stood_still, how] = STOPS[clock.name] ?? STOPS.other;
    by_id("trust-short").textContent = `${clock.name} clock, ${certain} of the growth certain, ${unattributed} unattributed, pauses ${paused} of the run`;
    const started = Number(target.start_unix_ns) / 1e6;
    by_id("trust-body").replaceChildren(
        certainty(profile),
        group("Clock", [
            ["Clock", `${clock.name}${CLOCKS[clock.name] ? `: ${CLOCKS[clock.name]}` : ""}`],
            ["Why this one", visible(clock.reason)],
            ["Step", `at least ${format_bytes(clock.step_bytes)} of growth between samples`],
            ["Tick", clock.tick_ns > 0 ? time(clock.tick_ns) : ""],
            ["Budget for pauses", `${clock.budget_percent} % of the run`],
        ]),
        group("Samples and pauses", [
            ["Samples", `${format_count(samples.samples)} (moments at which a stack was read)`],
            [stood_still, `${format_count(samples.stops)} times (${how})`],
            ["Glimpses", samples.glimpses > 0 ? `${format_count(samples.glimpses)} (faults in between: the kernel's own record told the line)` : ""],
            ["Native frames", visible(profile.raw.native ?? "")],
            ["Torn stacks", `${format_count(samples.torn)} (changed while they were read)`],
            ["Cut stacks", `${format_count(samples.truncated)} (too deep to read whole)`],
            ["Without a stack", `${format_count(samples.unattributed)}, ${format_bytes(totals.unattributed_bytes)}, ${unattributed} of the growth`],
            ["Pauses", `${paused} of the run: half under ${time(pause.p50_ns)}, 99 % under ${time(pause.p99_ns)}, longest ${time(pause.max_ns)}`],
            ["memsample itself", `${time(totals.tracer_cpu_ns)} of CPU, ${format_bytes(totals.tracer_rss_bytes)} resident`],
        ]),
        group("Kinds of memory that grew", kinds_of(profile)),
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
