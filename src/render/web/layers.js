// What the timeline stacks: the biggest functions, the rest, and what belongs to no function. Also the page's colours,
// because a function's colour is decided by its place here.
import { BASELINE, NATIVE, UNATTRIBUTED } from "./data.js";
import { assign_hues, grey, ground, hue_colour, mix } from "./colour.js";
import { colour_name, full_name, label } from "./names.js";

const FUNCTIONS_SHOWN = 8;
const PALER = 0.55;

/**
 * @typedef {{name: string, title: string, held: Float64Array, function_id: number, hue: number, tone: string,
 *            hatched: boolean}} Layer  hue -1: the grey `tone`; function_id -1: not one function
 */

function largest_until(series, end) {
    let most = 0;
    for (let p = 0; p <= end; p++)
        most = Math.max(most, series[p]);
    return most;
}

function add_to(sum, series) {
    for (let p = 0; p < sum.length; p++)
        sum[p] += series[p];
}

/** From the bottom of the stack to its top. @returns {Layer[]} */
export function function_layers(profile, charge) {
    const view = { by: "functions", figures: "own", charge };
    const sized = profile.functions
        .map((owner) => ({ owner, series: profile.series(owner.id, view) }))
        .map((one) => ({ ...one, most: largest_until(one.series, profile.end) }));
    const shown = sized.filter(({ owner, most }) => owner.kind === "function" && most > 0)
        .sort((a, b) => b.most - a.most || a.owner.id - b.owner.id).slice(0, FUNCTIONS_SHOWN);
    const hues = assign_hues(shown.map(({ owner }) => colour_name(owner)));
    const of_special = (special) => sized.find(({ owner }) => owner.special === special);
    const apart = [BASELINE, NATIVE, UNATTRIBUTED].map(of_special);
    const others = new Float64Array(profile.point_count);
    let other_count = 0;
    for (const one of sized)
        if (!shown.includes(one) && !apart.includes(one) && one.most > 0) {
            add_to(others, one.series);
            other_count++;
        }
    const plain = (one, tone) => one && one.most > 0 ? [{
        name: one.owner.function, title: full_name(one.owner), held: one.series, function_id: one.owner.id, hue: -1, tone,
        hatched: tone === "unattributed",
    }] : [];
    return [
        ...plain(apart[0], "baseline"),
        ...shown.map(({ owner, series }, i) => ({
            name: label(owner), title: full_name(owner), held: series, function_id: owner.id, hue: hues[i], tone: "", hatched: false,
        })),
        ...(other_count ? [{
            name: "other functions", title: `${other_count} smaller functions together`, held: others, function_id: -1, hue: -1,
            tone: "other", hatched: false,
        }] : []),
        ...plain(apart[1], "native"),
        ...plain(apart[2], "unattributed"),
    ];
}

/** The kernel's own division of resident memory. @returns {Layer[]} */
export function kind_layers(profile) {
    const timeline = profile.raw.timeline;
    const kinds = [
        ["anonymous", "anon_bytes", "Heap, stacks and other private memory", 0],
        ["file", "file_bytes", "Pages of mapped files: code, libraries, memory-mapped data", 2],
        ["shared", "shmem_bytes", "Shared memory", 1],
    ];
    return kinds.map(([name, column, title, hue]) => ({
        name, title, held: Float64Array.from(timeline[column]), function_id: -1, hue, tone: "", hatched: false,
    })).filter(({ held }) => held.some((bytes) => bytes > 0));
}

/** Lines above the stack: memory that is not resident. */
export function kind_lines(profile) {
    const timeline = profile.raw.timeline;
    const above = (column) => Float64Array.from(timeline[column], (bytes, p) => bytes + profile.rss[p]);
    return [
        { name: "reserved, not touched", title: "Anonymous memory that was asked for but never used", column: "reserved_bytes" },
        { name: "swapped out", title: "Memory of this process on the swap device", column: "swap_bytes" },
    ].filter(({ column }) => timeline[column].some((bytes) => bytes > 0))
        .map((line) => ({ ...line, bytes: timeline[line.column], stacked: above(line.column) }));
}

export const layer_colour = (layer, theme) => (layer.hue >= 0 ? hue_colour(layer.hue, theme) : grey(layer.tone, theme));

/** The colour of every function: its own if the chart shows it, a grey otherwise. */
export class Palette {
    constructor(layers, theme) {
        this.theme = theme;
        this.by_function = new Map(layers.filter((layer) => layer.function_id >= 0).map((layer) => [layer.function_id, layer_colour(layer, theme)]));
    }

    /** @param {number} function_id @param {boolean} [callee] of the function: the same hue, paler */
    of(function_id, callee = false) {
        const colour = this.by_function.get(function_id);
        if (!colour)
            return grey("frame", this.theme);
        return callee ? mix(colour, ground(this.theme), PALER) : colour;
    }
}
