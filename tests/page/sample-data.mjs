// A data block as src/render/web/data.md describes it, made up: a pandas job of 18 s, with names meant to break a page.

/** Small and repeatable: the tests compare figures. */
function random_from(seed) {
    let state = seed >>> 0;
    return () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
    };
}

const MIB = 1024 * 1024;
const HOME = "/home/ana/projects/pricing";
const PANDAS = "/usr/lib/python3/dist-packages/pandas/core";
const PANDAS_IO = "/usr/lib/python3/dist-packages/pandas/io/parsers";
const NUMPY = "/home/ana/.venv/lib/python3.12/site-packages/numpy/core";
const STDLIB = "/usr/lib/python3.12";

export const HOSTILE_FUNCTION = "<img src=x onerror=\"window.hacked=1\"></script><script>window.hacked=2</script>";
export const HOSTILE_FILE = `${HOME}/quotes"'&<b>\nnewline/${"very_long_directory_name/".repeat(8)}übergröße_数据_🧨.py`;

const SOURCES = {
    [`${HOME}/prices.py`]: {
        36: "def load(path):",
        37: "    \"\"\"All prices of one day.\"\"\"",
        38: "    if not path.exists():",
        39: "        raise FileNotFoundError(path)",
        40: "    log.info(\"reading %s\", path)",
        41: "    frame = pd.read_csv(path, parse_dates=[\"day\"], dtype_backend=\"numpy_nullable\")",
        42: "    frame[\"price\"] = frame[\"price\"].astype(\"float64\")",
        43: "    return frame.dropna(subset=[\"price\"])",
        44: "",
        52: "def join(left, right):",
        53: "    keys = [\"day\", \"product\"]",
        54: "    for side in (left, right):",
        55: "        side.sort_values(keys, inplace=True)",
        56: "",
        57: "    out = left.merge(right, on=keys, how=\"outer\")",
        58: "    out[\"change\"] = out.groupby(\"product\")[\"price\"].pct_change()",
        59: "    return out",
    },
    [`${HOME}/features.py`]: {
        20: "def rolling(frame, days):",
        21: "    grouped = frame.groupby(\"product\")",
        22: "    return grouped[\"price\"].rolling(days).mean().reset_index(drop=True)",
        23: "",
        30: "def one_hot(frame):",
        31: "    return pd.get_dummies(frame, columns=[\"region\", \"store\"])",
    },
    [`${HOME}/cache.py`]: {
        14: "class Cache:",
        15: "    def remember(self, key, value):",
        16: "        # never evicted: the leak of this example",
        17: "        self.seen = {**self.seen, key: value}",
        18: "        self.history.append(value.copy())",
        19: "        return value",
    },
};

/** Frames and nodes are added on first use. */
class Builder {
    constructor() {
        this.strings = [""];
        this.string_index = new Map([["", 0]]);
        this.frames = { function: [], file: [], line: [], first_line: [] };
        this.frame_index = new Map();
        this.nodes = { parent: [-1], frame: [-1] };
        this.node_index = new Map();
    }

    string(text) {
        if (!this.string_index.has(text)) {
            this.string_index.set(text, this.strings.length);
            this.strings.push(text);
        }
        return this.string_index.get(text);
    }

    frame([name, file, line, first_line]) {
        const key = `${name}\0${file}\0${line}`;
        if (!this.frame_index.has(key)) {
            this.frame_index.set(key, this.frames.line.length);
            this.frames.function.push(this.string(name));
            this.frames.file.push(this.string(file));
            this.frames.line.push(line);
            this.frames.first_line.push(first_line ?? Math.max(1, line - 5));
        }
        return this.frame_index.get(key);
    }

    node(parent, frame) {
        const key = `${parent}/${frame}`;
        if (!this.node_index.has(key)) {
            this.node_index.set(key, this.nodes.parent.length);
            this.nodes.parent.push(parent);
            this.nodes.frame.push(frame);
        }
        return this.node_index.get(key);
    }

    /** Frames from the outermost in; a number is one of the special frames. */
    stack(frames) {
        return frames.reduce((parent, frame) => this.node(parent, typeof frame === "number" ? frame : this.frame(frame)), 0);
    }
}

const JOB = [["<module>", `${HOME}/job.py`, 88, 1], ["main", `${HOME}/job.py`, 61, 50]];
const LOAD = [...JOB, ["load", `${HOME}/prices.py`, 41, 36]];
const READ = [["read_csv", `${PANDAS_IO}/readers.py`, 948], ["_read", `${PANDAS_IO}/readers.py`, 617],
    ["TextFileReader.read", `${PANDAS_IO}/readers.py`, 1748], ["CParserWrapper.read", `${PANDAS_IO}/c_parser_wrapper.py`, 234]];
const JOIN = [JOB[0], ["main", `${HOME}/job.py`, 66, 50], ["join", `${HOME}/prices.py`, 57, 52]];
const DROP = [JOB[0], ["main", `${HOME}/job.py`, 67, 50]];
const MERGE = [["DataFrame.merge", `${PANDAS}/frame.py`, 10487], ["merge", `${PANDAS}/reshape/merge.py`, 183],
    ["_MergeOperation.get_result", `${PANDAS}/reshape/merge.py`, 883]];

/** What the job does: stack, MiB, when it grows, when and how much of it goes away. */
function plan(random) {
    const steps = [
        { stack: [...LOAD, ...READ, ["_concatenate_chunks", `${PANDAS_IO}/c_parser_wrapper.py`, 382]], mib: 760, grow: [1.2, 6.4], shrink: [13.4, 13.8], loss: 0.97, freed_by: DROP },
        { stack: [...LOAD, ...READ], mib: 270, grow: [1.0, 6.2], shrink: [6.4, 7.1], loss: 0.9 },
        { stack: [...LOAD, ...READ, ["DataFrame.__init__", `${PANDAS}/frame.py`, 778], ["dict_to_mgr", `${PANDAS}/internals/construction.py`, 503]], mib: 190, grow: [5.8, 6.6], shrink: [14.0, 14.3], loss: 1 },
        { stack: [...JOB, ["load", `${HOME}/prices.py`, 42, 36], ["NDFrame.astype", `${PANDAS}/generic.py`, 6534]], mib: 84, grow: [6.6, 6.9], shrink: [14.0, 14.2], loss: 1 },
        { stack: [...JOB, ["load", `${HOME}/prices.py`, 43, 36], ["DataFrame.dropna", `${PANDAS}/frame.py`, 6421]], mib: 61, grow: [6.9, 7.1], shrink: [14.3, 14.5], loss: 0.8 },
        { stack: [...JOIN, ...MERGE, ["_reindex_and_concat", `${PANDAS}/reshape/merge.py`, 840]], mib: 312, grow: [8.0, 12.3], shrink: [13.0, 13.3], loss: 0.82 },
        { stack: [...JOIN, ...MERGE, ["_get_join_info", `${PANDAS}/reshape/merge.py`, 1133], ["get_join_indexers", `${PANDAS}/reshape/merge.py`, 2011]], mib: 148, grow: [7.6, 8.2], shrink: [12.3, 12.5], loss: 1 },
        { stack: [JOB[0], ["main", `${HOME}/job.py`, 66, 50], ["join", `${HOME}/prices.py`, 58, 52], ["pct_change", `${PANDAS}/groupby/generic.py`, 2210]], mib: 92, grow: [12.0, 12.4], shrink: [12.5, 12.8], loss: 0.9 },
        { stack: [JOB[0], ["main", `${HOME}/job.py`, 71, 50], ["one_hot", `${HOME}/features.py`, 31, 30], ["get_dummies", `${PANDAS}/reshape/encoding.py`, 214]], mib: 118, grow: [13.9, 14.6], shrink: [16.0, 16.2], loss: 1 },
        { stack: [JOB[0], ["main", `${HOME}/job.py`, 75, 50], ["fit", `${HOME}/model.py`, 29, 18], ["solve", `${HOME}/model.py`, 44, 40], ["lstsq", `${NUMPY}/linalg.py`, 2326]], mib: 174, grow: [15.0, 16.4], shrink: [17.2, 17.4], loss: 0.95 },
        { stack: [JOB[0], ["main", `${HOME}/job.py`, 78, 50], ["report", `${HOME}/report.py`, 12, 8], ["to_json", `${PANDAS}/generic.py`, 2650]], mib: 44, grow: [17.0, 17.4], shrink: [17.5, 17.6], loss: 0.7 },
        { stack: [JOB[0], ["main", `${HOME}/job.py`, 78, 50], [HOSTILE_FUNCTION, HOSTILE_FILE, 7, 3]], mib: 37, grow: [9.0, 11.0], shrink: [15.0, 15.4], loss: 0.5 },
        { stack: [JOB[0], ["<lambda>", "<string>", 1, 1]], mib: 9, grow: [3.0, 3.4], shrink: [4, 4.2], loss: 0.4 },
        { stack: [-2], mib: 96, grow: [1.1, 6.6], shrink: [16.8, 17.0], loss: 0.3 },
        { stack: [...LOAD, -2], mib: 22, grow: [2.0, 6.0], shrink: [13.5, 13.7], loss: 1 },
        { stack: [-3], mib: 7, grow: [0.3, 16.0], shrink: [16.1, 16.3], loss: 0.2 },
        { stack: [-5], mib: 3.1, grow: [0.3, 16.0], shrink: [16.1, 16.3], loss: 0.1 },
        { stack: [JOB[0], ["main", `${HOME}/job.py`, 69, 50], ["remember", `${HOME}/cache.py`, 17, 15]], mib: 66, grow: [2.0, 17.4], shrink: [18, 18], loss: 0 },
        { stack: [JOB[0], ["main", `${HOME}/job.py`, 69, 50], ["remember", `${HOME}/cache.py`, 18, 15], ["NDFrame.copy", `${PANDAS}/generic.py`, 6689]], mib: 48, grow: [2.0, 17.4], shrink: [18, 18], loss: 0 },
        { stack: [...JOB.slice(0, 1), ["<module>", `${HOME}/prices.py`, 3, 1], ["_find_and_load", "<frozen importlib._bootstrap>", 1360], ["<module>", `${PANDAS.slice(0, -5)}/__init__.py`, 46]], mib: 41, grow: [0.1, 0.9], shrink: [18, 18], loss: 0 },
        { stack: [...JOB.slice(0, 1), ["<module>", `${HOME}/prices.py`, 2, 1], ["_find_and_load", "<frozen importlib._bootstrap>", 1360], ["<module>", `${NUMPY}/__init__.py`, 24]], mib: 18, grow: [0.05, 0.4], shrink: [18, 18], loss: 0 },
    ];
    // Rolling windows: a sawtooth, ten times up and down.
    for (let i = 0; i < 10; i++)
        steps.push({ stack: [JOB[0], ["main", `${HOME}/job.py`, 70, 50], ["rolling", `${HOME}/features.py`, 22, 20], ["mean", `${PANDAS}/window/rolling.py`, 2254], ["_apply", `${PANDAS}/window/rolling.py`, 664]],
            mib: 70, grow: [8.2 + i * 0.4, 8.45 + i * 0.4], shrink: [8.46 + i * 0.4, 8.55 + i * 0.4], loss: 0.96 });
    // Many small ones, deep and shallow, to fill the tree.
    for (let i = 0; i < 120; i++) {
        const depth = 1 + Math.floor(random() * 4);
        const stack = [JOB[0], ["main", `${HOME}/job.py`, 52 + (i % 9), 50]];
        for (let d = 0; d < depth; d++)
            stack.push([`step_${(i * 7 + d * 3) % 40}`, d % 2 ? `${STDLIB}/json/decoder.py` : `${HOME}/steps/part_${i % 6}.py`, 10 + ((i * 13 + d * 5) % 80), 10]);
        const from = random() * 14;
        steps.push({ stack, mib: 0.2 + random() * 1.6, grow: [from, from + 0.5 + random()], shrink: [from + 2, from + 3], loss: random() });
    }
    return steps;
}

/** More of it for some nodes than for others, and none where no line is charged. */
const certain_of = (frame, node, grown) => (frame < 0 ? 0 : Math.floor(grown * (0.6 + (node % 5) / 12)));

/** @param {{points?: number, sure?: boolean}} [options] not sure: nothing is certain, nobody looked at the page table */
export function sample_data({ points = 600, sure = true } = {}) {
    const random = random_from(42);
    const builder = new Builder();
    const duration = 18.2;
    const time = Array.from({ length: points }, (_, p) => (duration * p) / (points - 1));
    const end = points - Math.max(3, Math.round(points / 90));
    const point_of = (s) => Math.min(end, Math.max(0, Math.round((s / duration) * (points - 1))));
    const entries = new Map();
    const held = new Map();
    const entry_of = (point, node) => {
        const key = point * 1e6 + node;
        if (!entries.has(key))
            entries.set(key, { point, node, grown: 0, released: 0, freed: 0 });
        return entries.get(key);
    };
    const change = (point, node, bytes, freed_by = node) => {
        const entry = entry_of(point, node);
        if (bytes > 0)
            entry.grown += bytes;
        else
            entry.released -= bytes;
        if (bytes < 0)
            entry_of(point, freed_by).freed -= bytes;
        held.set(node, (held.get(node) ?? 0) + bytes);
    };
    change(0, builder.stack([-4]), Math.round(11.4 * MIB));
    for (const { stack, mib, grow, shrink, loss, freed_by } of plan(random)) {
        const node = builder.stack(stack);
        const freed_at = freed_by ? builder.stack(freed_by) : node;
        const first = point_of(grow[0]);
        const last = Math.max(first + 1, point_of(grow[1]));
        const weights = Array.from({ length: last - first }, () => 0.3 + random());
        const sum = weights.reduce((a, b) => a + b);
        let grown = 0;
        for (let p = first; p < last; p++) {
            const bytes = 4096 * Math.round((mib * MIB * weights[p - first]) / sum / 4096);
            if (bytes > 0)
                change(p + 1, node, bytes);
            grown += bytes;
        }
        const from = Math.max(last + 1, point_of(shrink[0]) + 1);
        const to = Math.max(from + 1, point_of(shrink[1]) + 1);
        const each = 4096 * Math.floor((grown * loss) / (to - from) / 4096);
        if (each > 0)
            for (let p = from; p < to; p++)
                change(Math.min(p, end), node, -each, freed_at);
    }
    // The interpreter's own finalization frees most of what is left.
    for (const [node, bytes] of [...held].sort((a, b) => a[0] - b[0])) {
        const each = 4096 * Math.floor((bytes * 0.9) / (points - 1 - end) / 4096);
        if (each > 0 && builder.nodes.frame[node] !== -4)
            for (let p = end + 1; p < points; p++)
                change(p, node, -each);
    }
    const sorted = [...entries.values()].sort((a, b) => a.point - b.point || a.node - b.node);
    const rss = new Array(points).fill(0);
    let grown_bytes = 0;
    let released_bytes = 0;
    const certain = sorted.map(({ node, grown }) => (sure ? certain_of(builder.nodes.frame[node], node, grown) : 0));
    for (const { point, grown, released } of sorted) {
        rss[point] += grown - released;
        grown_bytes += grown;
        released_bytes += released;
    }
    for (let p = 1; p < points; p++)
        rss[p] += rss[p - 1];
    let peak = 0;
    for (let p = 0; p <= end; p++)
        if (rss[p] > rss[peak])
            peak = p;
    const time_ns = time.map((s) => Math.round(s * 1e9));
    const file_bytes = rss.map((bytes) => Math.min(bytes, Math.round(24 * MIB)));
    return {
        schema: "memsample-page/1",
        memsample_version: "0.1.0",
        target: {
            pid: 4242, program: "job.py", command: "python3 job.py --day '2024-03-01' \"<all>\"", python_version: "3.12.1",
            directory: HOME, kernel: "6.1.0-18-amd64", how: "run", end_reason: "exited", exit_status: 0, signal: null,
            start_unix_ns: "1709281234000000000", cut: "",
        },
        clock: { name: "poll", reason: "perf_event_open is not permitted here, so RSS is read at a high rate", tick_ns: 10000000, step_bytes: 262144, budget_percent: 2 },
        samples: { stops: 18212, samples: 17850, glimpses: 160211, torn: 41, truncated: 3, unattributed: 55, looks: sure ? 1291 : 0 },
        pause: { count: 18212, total_ns: 72848000, p50_ns: 3600, p99_ns: 21400, max_ns: 412000 },
        totals: {
            duration_ns: Math.round(duration * 1e9), baseline_bytes: Math.round(11.4 * MIB), peak_rss_bytes: rss[peak], peak_time_ns: time_ns[peak],
            end_rss_bytes: rss[end], end_time_ns: time_ns[end], grown_bytes, released_bytes, certain_bytes: certain.reduce((a, b) => a + b),
            unattributed_bytes: 7 * MIB, native_bytes: 96 * MIB,
            peak_swap_bytes: 0, peak_reserved_bytes: 3072 * MIB, high_water_bytes: rss[peak] + 3 * MIB, tracer_cpu_ns: 1240000000, tracer_rss_bytes: 14 * MIB,
        },
        strings: builder.strings,
        timeline: {
            time_ns, rss_bytes: rss, anon_bytes: rss.map((bytes, p) => bytes - file_bytes[p]), file_bytes, shmem_bytes: rss.map(() => 0),
            swap_bytes: rss.map(() => 0), reserved_bytes: time.map((s) => Math.round((s > 7 && s < 15 ? 3072 : 120) * MIB)), peak, end,
        },
        frames: builder.frames,
        nodes: builder.nodes,
        changes: {
            point: sorted.map((e) => e.point), node: sorted.map((e) => e.node),
            grown_bytes: sorted.map((e) => e.grown), released_bytes: sorted.map((e) => e.released),
            certain_bytes: certain, freed_bytes: sorted.map((e) => e.freed),
        },
        sources: [
            ...Object.entries(SOURCES).map(([file, lines]) => ({
                file: builder.string(file), missing: "", lines: Object.entries(lines).map(([line, text]) => [Number(line), builder.string(text)]),
            })),
            { file: builder.string(`${HOME}/model.py`), missing: "the file changed after the run started", lines: [] },
            { file: builder.string("<string>"), missing: "not a file", lines: [] },
        ],
        left_out: { lines: 412, bytes: Math.round(3.1 * MIB) },
        threads: { tid: [4242, 4250, 4251], name: [builder.string("MainThread"), builder.string("arrow-io <b>1</b>"), builder.string("")], grown_bytes: [grown_bytes - 100 * MIB, 96 * MIB, 4 * MIB] },
    };
}
