// The data block: unpacking it, and answering "how many bytes, for whom, when" from it. Knows nothing of the screen.
// The format is described in data.md. Names in it come from a hostile process: they are only ever text.

export const ROOT = -1;
export const NATIVE = -2;
export const UNATTRIBUTED = -3;
export const BASELINE = -4;
export const SMALLER = -5;

const SPECIAL_NAMES = {
    [ROOT]: "all memory",
    [NATIVE]: "<native>",
    [UNATTRIBUTED]: "<unattributed>",
    [BASELINE]: "baseline",
    [SMALLER]: "smaller stacks",
};

export const SPECIAL_MEANINGS = {
    [ROOT]: "Everything that was resident.",
    [NATIVE]: "Grew in a thread that ran no Python code.",
    [UNATTRIBUTED]: "Grew while no stack could be read.",
    [BASELINE]: "The interpreter and its libraries, before the first reading.",
    [SMALLER]: "Stacks too small to be listed one by one.",
};

/**
 * What bytes are charged to: a line, a function, or one of the special owners.
 * @typedef {{id: number, kind: "line"|"function"|"special", special: number, function: string, file: string,
 *            line: number, first_line: number, user: boolean, task: boolean, function_id: number}} Owner
 * One choice on the timeline: a moment (from == to) or what happened after `from` up to `to`.
 * @typedef {{kind: "moment"|"range", from: number, to: number}} Choice
 * Bytes by node, own only (stacks that end there).
 * @typedef {{held: Float64Array, grown: Float64Array, released: Float64Array, certain: Float64Array,
 *            freed: Float64Array}} Measure  certain: part of grown; freed: given back by the node, whosever it was
 * How bytes are shown: whose they are, by what, and whether callers count.
 * @typedef {{by: "lines"|"functions", figures: "own"|"total", charge: "mine"|"innermost"}} View
 */

/** @param {string} base64 @returns {Promise<object>} */
export async function unpack(base64) {
    const packed = Uint8Array.from(atob(base64.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return JSON.parse(await new Response(stream).text());
}

/** The file of a frame that names a task of asyncio: those of the tasks that await it stand above, as its callers. */
const TASK_FILE = "<task>";

/** For data that does not say it: library code is what the user did not write, so installed packages, the standard
 * library, frozen modules. */
export function is_user_file(file) {
    return !(file.includes("/site-packages/") || file.includes("/dist-packages/") || file.includes("/lib/python3.")
        || file.startsWith("<frozen") || file === TASK_FILE);
}

/** What a change says, by the name of its figure here. */
const MOVES = {
    grown: (changes, i) => changes.grown_bytes[i],
    released: (changes, i) => changes.released_bytes[i],
    certain: (changes, i) => (changes.certain_bytes[i] < 0 ? changes.grown_bytes[i] : changes.certain_bytes[i]),
    freed: (changes, i) => changes.freed_bytes[i],
};
const MOVE_NAMES = Object.keys(MOVES);

/** Entries of `changes` by node, in the order of a walk through the tree, so that a subtree is one slice. */
function index_changes(changes, node_count, position) {
    const count = changes.point.length;
    const start = new Int32Array(node_count + 1);
    for (let i = 0; i < count; i++)
        start[position[changes.node[i]] + 1]++;
    for (let n = 0; n < node_count; n++)
        start[n + 1] += start[n];
    const fill = start.slice(0, node_count);
    const point = new Int32Array(count);
    const so_far = Object.fromEntries(MOVE_NAMES.map((name) => [name, new Float64Array(count)]));
    for (let i = 0; i < count; i++) {
        const n = position[changes.node[i]];
        const at = fill[n]++;
        point[at] = changes.point[i];
        for (const name of MOVE_NAMES)
            so_far[name][at] = MOVES[name](changes, i) + (at === start[n] ? 0 : so_far[name][at - 1]);
    }
    return { start, point, so_far };
}

/** Nodes renumbered so that a node's subtree is `[n, end[n])`. */
function walk_order(parent) {
    const count = parent.length;
    const size = new Int32Array(count).fill(1);
    for (let n = count - 1; n > 0; n--)
        size[parent[n]] += size[n];
    const position = new Int32Array(count);
    const next = new Int32Array(count);
    if (count)
        next[0] = 1;
    for (let n = 1; n < count; n++) {
        position[n] = next[parent[n]];
        next[parent[n]] += size[n];
        next[n] = position[n] + 1;
    }
    return { position, size };
}

export class Profile {
    /** @param {object} raw the JSON object of data.md */
    constructor(raw) {
        this.raw = raw;
        this.strings = raw.strings;
        const timeline = raw.timeline;
        this.point_count = timeline.time_ns.length;
        this.time = Float64Array.from(timeline.time_ns, (ns) => ns / 1e9);
        this.rss = Float64Array.from(timeline.rss_bytes);
        this.peak = timeline.peak;
        this.end = timeline.end;
        this.index_nodes(raw.nodes);
        this.index_owners(raw.frames);
        this.cache = new Map();
    }

    index_nodes(nodes) {
        const { position, size } = walk_order(nodes.parent);
        this.node_count = nodes.parent.length;
        this.parent = new Int32Array(this.node_count);
        this.frame = new Int32Array(this.node_count);
        this.subtree_end = new Int32Array(this.node_count);
        for (let n = 0; n < this.node_count; n++) {
            const at = position[n];
            this.parent[at] = n === 0 ? -1 : position[nodes.parent[n]];
            this.frame[at] = nodes.frame[n];
            this.subtree_end[at] = at + size[n];
        }
        this.changes = index_changes(this.raw.changes, this.node_count, position);
        this.index_kinds(this.raw.kinds, position);
    }

    /** Kinds of memory: what each node of its own grew in each, up to the end. */
    index_kinds(kinds, position) {
        this.kind_count = kinds ? kinds.title.length : 0;
        this.kinds = new Map();
        for (let i = 0; kinds && i < kinds.node.length; i++) {
            const node = position[kinds.node[i]];
            if (!this.kinds.has(node))
                this.kinds.set(node, new Float64Array(this.kind_count));
            this.kinds.get(node)[kinds.kind[i]] += kinds.grown_bytes[i];
        }
    }

    /** @returns {{title: string, bytes: number, mappings: number}[]} largest first; of all nodes, or of those in the slices */
    kinds_in(slices = [[0, this.node_count]]) {
        const sums = new Float64Array(this.kind_count);
        for (const [first, end] of slices)
            for (let n = first; n < end; n++)
                this.kinds.get(n)?.forEach((bytes, kind) => {
                    sums[kind] += bytes;
                });
        const { title = [], mappings = [] } = this.raw.kinds ?? {};
        return [...sums].map((bytes, kind) => ({ title: this.strings[title[kind]], bytes, mappings: mappings[kind] }))
            .filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);
    }

    index_owners(frames) {
        /** @type {Owner[]} */
        this.lines = [];
        /** @type {Owner[]} */
        this.functions = [];
        const line_of = new Map();
        const function_of = new Map();
        const add = (list, map, key, make) => {
            let id = map.get(key);
            if (id === undefined) {
                id = list.length;
                map.set(key, id);
                list.push({ id, ...make() });
            }
            return id;
        };
        const special = (number) => () => ({
            kind: "special", special: number, function: SPECIAL_NAMES[number] ?? "<unknown>", file: "", line: 0,
            first_line: 0, user: false, task: false, function_id: -1,
        });
        const frame_owners = (f) => {
            if (f < 0) {
                const function_id = add(this.functions, function_of, f, special(f));
                const line_id = add(this.lines, line_of, f, special(f));
                return { line_id, function_id, user: false };
            }
            const name = this.strings[frames.function[f]];
            const file = this.strings[frames.file[f]];
            const line = frames.line[f];
            const first_line = frames.first_line[f];
            const module = frames.module?.[f] >= 0 ? this.strings[frames.module[f]] : null;
            const user = module === null && (frames.user ? frames.user[f] === 1 : is_user_file(file));
            const shared = { special: 0, function: name, file, first_line, user, module, task: file === TASK_FILE };
            const function_id = add(this.functions, function_of, `${frames.file[f]}:${frames.function[f]}:${first_line}:${frames.module?.[f] ?? -1}`,
                () => ({ kind: "function", line: 0, function_id: -1, ...shared }));
            const line_id = add(this.lines, line_of, `${function_id}:${line}`,
                () => ({ kind: "line", line, ...shared, function_id }));
            return { line_id, function_id, user, native: module !== null, task: shared.task };
        };
        this.node_owner = { lines: new Int32Array(this.node_count), functions: new Int32Array(this.node_count) };
        this.node_mine = { lines: new Int32Array(this.node_count), functions: new Int32Array(this.node_count) };
        this.outermost = { lines: new Uint8Array(this.node_count), functions: new Uint8Array(this.node_count) };
        this.node_user = new Uint8Array(this.node_count);
        this.node_task = new Uint8Array(this.node_count);
        const user_above = new Int32Array(this.node_count).fill(-1);
        const python_above = new Int32Array(this.node_count); // what native functions do is their caller's
        const owners_by_frame = new Map();
        for (let n = 0; n < this.node_count; n++) {
            let owners = owners_by_frame.get(this.frame[n]);
            if (!owners)
                owners_by_frame.set(this.frame[n], owners = frame_owners(this.frame[n]));
            user_above[n] = owners.user ? n : n > 0 ? user_above[this.parent[n]] : -1;
            python_above[n] = owners.native ? python_above[this.parent[n]] : n;
            this.node_user[n] = owners.user ? 1 : 0;
            this.node_task[n] = owners.task ? 1 : 0;
            this.node_owner.lines[n] = owners.line_id;
            this.node_owner.functions[n] = owners.function_id;
            const mine = user_above[n] >= 0 ? user_above[n] : python_above[n];
            this.node_mine.lines[n] = this.node_owner.lines[mine];
            this.node_mine.functions[n] = this.node_owner.functions[mine];
        }
        for (const by of ["lines", "functions"])
            for (let n = 0; n < this.node_count; n++) {
                let above = this.parent[n];
                while (above >= 0 && this.node_owner[by][above] !== this.node_owner[by][n])
                    above = this.parent[above];
                this.outermost[by][n] = above < 0 ? 1 : 0;
            }
        for (const owner of this.functions)
            owner.function_id = owner.id;
        for (const owner of this.lines)
            if (owner.kind === "special")
                owner.function_id = function_of.get(owner.special);
    }

    /** @param {"lines"|"functions"} by @returns {Owner[]} */
    owners(by) {
        return by === "lines" ? this.lines : this.functions;
    }

    /** How many of the node's changes happened up to and including the point. */
    changes_until(node, point) {
        let low = this.changes.start[node];
        let high = this.changes.start[node + 1];
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.changes.point[middle] <= point)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    /** @param {Choice} choice @returns {Measure} */
    measure(choice) {
        const { start, so_far } = this.changes;
        const measure = { held: new Float64Array(this.node_count) };
        for (const name of MOVE_NAMES)
            measure[name] = new Float64Array(this.node_count);
        const from = choice.kind === "range" ? choice.from : -1;
        for (let n = 0; n < this.node_count; n++) {
            const last = this.changes_until(n, choice.to);
            if (last === start[n])
                continue;
            measure.held[n] = Math.max(0, so_far.grown[last - 1] - so_far.released[last - 1]);
            const before = from < 0 ? start[n] : this.changes_until(n, from);
            for (const name of MOVE_NAMES)
                measure[name][n] = so_far[name][last - 1] - (before > start[n] ? so_far[name][before - 1] : 0);
        }
        return measure;
    }

    /** Own bytes summed up to the root: what a node and everything it called have. */
    with_callees(own) {
        const total = own.slice();
        for (let n = this.node_count - 1; n > 0; n--)
            total[this.parent[n]] += total[n];
        return total;
    }

    /** Bytes by owner. A total counts every stack once, however often the owner stands in it.
     * @param {Float64Array} own @param {View} view @returns {Float64Array} */
    by_owner(own, view) {
        const result = new Float64Array(this.owners(view.by).length);
        if (view.figures === "own") {
            const owner = (view.charge === "mine" ? this.node_mine : this.node_owner)[view.by];
            for (let n = 0; n < this.node_count; n++)
                result[owner[n]] += own[n];
            return result;
        }
        const total = this.with_callees(own);
        const owner = this.node_owner[view.by];
        const outermost = this.outermost[view.by];
        for (let n = 0; n < this.node_count; n++)
            if (outermost[n])
                result[owner[n]] += total[n];
        return result;
    }

    /** The nodes whose bytes count for an owner, as slices of the walk. */
    slices_of(view) {
        const key = `slices ${view.by} ${view.figures} ${view.charge}`;
        if (!this.cache.has(key)) {
            const slices = this.owners(view.by).map(() => []);
            const total = view.figures === "total";
            const owner = (total || view.charge === "innermost" ? this.node_owner : this.node_mine)[view.by];
            for (let n = 0; n < this.node_count; n++)
                if (!total)
                    slices[owner[n]].push([n, n + 1]);
                else if (this.outermost[view.by][n])
                    slices[owner[n]].push([n, this.subtree_end[n]]);
            this.cache.set(key, slices);
        }
        return this.cache.get(key);
    }

    /** What a node comes to hold, or lose, at each point. */
    add_held(sum, n) {
        const { start, point, so_far } = this.changes;
        for (let i = start[n], before = 0; i < start[n + 1]; i++) {
            const held = so_far.grown[i] - so_far.released[i];
            sum[point[i]] += held - before;
            before = held;
        }
    }

    /** Bytes held by an owner at every point. @param {number} id @param {View} view @returns {Float64Array} */
    series(id, view) {
        const key = `series ${view.by} ${view.figures} ${view.charge} ${id}`;
        if (!this.cache.has(key)) {
            const held = new Float64Array(this.point_count);
            for (const [first, end] of this.slices_of(view)[id])
                for (let n = first; n < end; n++)
                    this.add_held(held, n);
            for (let p = 1; p < this.point_count; p++)
                held[p] += held[p - 1];
            this.cache.set(key, held);
        }
        return this.cache.get(key);
    }

    /** The point nearest to a time in seconds. */
    point_at(s) {
        let low = 0;
        let high = this.point_count - 1;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.time[middle] < s)
                low = middle + 1;
            else
                high = middle;
        }
        return low > 0 && s - this.time[low - 1] < this.time[low] - s ? low - 1 : low;
    }

    /** The stretch in which memory grew fastest: the best window of a twentieth of the run, without its idle edges. */
    fastest_growth() {
        const last = Math.max(1, this.end);
        const width = (this.time[last] - this.time[0]) / 20;
        let best = { from: 0, to: Math.min(1, this.point_count - 1), bytes: -Infinity };
        for (let from = 0, to = 1; from < last; from++) {
            to = Math.max(to, from + 1);
            while (to < last && this.time[to + 1] - this.time[from] <= width)
                to++;
            if (this.rss[to] - this.rss[from] > best.bytes)
                best = { from, to, bytes: this.rss[to] - this.rss[from] };
        }
        while (best.from + 1 < best.to && this.rss[best.from + 1] <= this.rss[best.from])
            best.from++;
        while (best.to - 1 > best.from && this.rss[best.to - 1] >= this.rss[best.to])
            best.to--;
        return { kind: "range", from: best.from, to: best.to };
    }

    /** The source lines known for a file: `{missing, lines: Map<number, text>}`, or undefined. */
    source(file) {
        if (!this.sources) {
            this.sources = new Map();
            for (const { file: f, missing, lines } of this.raw.sources) {
                const name = this.strings[f];
                const known = this.sources.get(name) ?? { missing: "", lines: new Map() };
                known.missing ||= missing;
                for (const [number, text] of lines)
                    known.lines.set(number, this.strings[text]);
                this.sources.set(name, known);
            }
        }
        return this.sources.get(file);
    }

    source_line(owner) {
        return (owner.line > 0 && this.source(owner.file)?.lines.get(owner.line)) || "";
    }
}
