// The first answer: one sentence, four figures, and one more sentence when the figures alone would mislead.
import { element, by_id } from "./dom.js";
import { format_bytes, format_certain, format_share, format_time, visible } from "./format.js";
import { moment } from "./selection.js";
import { place, short_name } from "./names.js";

/** The user's line that held most at the peak. */
function biggest_at_peak(profile) {
    const { held } = profile.measure(moment(profile.peak));
    const bytes = profile.by_owner(held, { by: "lines", figures: "own", charge: "mine" });
    const lines = profile.lines.filter((owner) => owner.kind === "line" && bytes[owner.id] > 0);
    const owner = lines.reduce((best, one) => (!best || bytes[one.id] > bytes[best.id] ? one : best), null);
    return owner && { owner, bytes: bytes[owner.id] };
}

/** The sentence names a line: say so if it is not sure that it was this one. */
function uncertain(profile) {
    const biggest = biggest_at_peak(profile);
    if (!biggest)
        return [];
    const view = { by: "lines", figures: "own", charge: "mine" };
    const measure = profile.measure(moment(profile.end));
    const [grown, certain] = [measure.grown, measure.certain].map((own) => profile.by_owner(own, view)[biggest.owner.id]);
    return certain < grown / 2
        ? [`Only ${format_certain(certain, grown)} of the growth at ${place(biggest.owner)} is certain to be that line's; the rest is right on average.`]
        : [];
}

/** "job.py held 1.92 GiB at its peak, 12.4 s in; 73 % of that came in at prices.py:41 (load)." */
function sentence(profile) {
    const { target } = profile.raw;
    const rss = profile.rss[profile.peak];
    const parts = [element("b", {}, visible(target.program || `process ${target.pid}`)), " held ", element("b.figure", {}, format_bytes(rss)),
        " at its peak, ", element("span.figure", {}, format_time(profile.time[profile.peak])), " in"];
    const biggest = biggest_at_peak(profile);
    if (!biggest)
        return [...parts, "."];
    const { owner, bytes } = biggest;
    return [...parts, "; ", element("b.figure", {}, format_share(bytes, rss)), " of that came in at ",
        element("b.code", { title: owner.file, "data-full": `${owner.file}:${owner.line}` }, place(owner)),
        ` (${short_name(owner)}).`];
}

function ending(target) {
    if (target.end_reason === "exited")
        return `exit status ${target.exit_status}`;
    if (target.end_reason === "signaled")
        return `ended by signal ${target.signal}`;
    if (target.end_reason === "detached")
        return "still running when memsample left";
    return target.end_reason === "lost" ? "lost from sight" : "recording cut short";
}

function notes(profile) {
    const { totals, target } = profile.raw;
    const peak = profile.rss[profile.peak];
    const said = [];
    if (target.cut)
        said.push(`The recording ${visible(target.cut)}.`);
    if (totals.peak_reserved_bytes > Math.max(peak / 4, 64 * 1024 * 1024))
        said.push(`Up to ${format_bytes(totals.peak_reserved_bytes)} more was reserved but never touched; it costs nothing until it is.`);
    if (totals.peak_swap_bytes > 0)
        said.push(`Up to ${format_bytes(totals.peak_swap_bytes)} was swapped out and is not in these figures.`);
    if (totals.high_water_bytes > peak * 1.02)
        said.push(`The kernel saw a higher peak between two readings: ${format_bytes(totals.high_water_bytes)}.`);
    if (totals.unattributed_bytes > 0.05 * totals.grown_bytes)
        said.push(`${format_share(totals.unattributed_bytes, totals.grown_bytes)} of the growth could not be charged to any code.`);
    return [...said, ...uncertain(profile)];
}

function figures(profile) {
    const { totals } = profile.raw;
    return [
        ["Peak", profile.rss[profile.peak], `resident at ${format_time(profile.time[profile.peak])}`],
        ["End", profile.rss[profile.end], "resident before the interpreter shut down"],
        ["Grown", totals.grown_bytes, "became resident, all growth added up"],
        ["Released", totals.released_bytes, "given back, all releases added up"],
    ];
}

export function show_summary(profile) {
    const { target, totals } = profile.raw;
    const ended = target.end_reason === "detached" || target.end_reason === "lost" ? "resident when memsample left" : undefined;
    const facts = [
        `pid ${target.pid}`, target.inner_pid && `${target.inner_pid} to itself`, target.python_version && `Python ${target.python_version}`,
        `${target.how === "attach" ? "watched for" : "ran"} ${format_time((totals.run_ns ?? totals.duration_ns) / 1e9)}`, ending(target),
    ].filter(Boolean);
    by_id("facts").replaceChildren(element("b", {}, "memsample"), ...facts.map((fact) => `  ·  ${fact}`));
    by_id("sentence").replaceChildren(...sentence(profile));
    by_id("figures").replaceChildren(...figures(profile).map(([name, bytes, meaning]) => element("div", {},
        element("dt", {}, name), element("dd", {}, format_bytes(bytes)), element("dd.meaning", {}, name === "End" && ended ? ended : meaning))));
    const said = notes(profile);
    by_id("notes").hidden = !said.length;
    by_id("notes").textContent = said.join(" ");
    by_id("footer").textContent = `memsample ${profile.raw.memsample_version}. Bytes are resident memory: what the machine pays for, not what was asked for.`;
}
