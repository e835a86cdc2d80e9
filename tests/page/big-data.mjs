// The largest page that memsample writes, and a bit: 1,000 points, 5,000 nodes in deep stacks, 100,000 changes.
import { sample_data } from "./sample-data.mjs";

const POINTS = 1000;
const MORE_NODES = 4600;
const MORE_CHANGES = 90000;

export function big_data() {
    const data = sample_data({ points: POINTS });
    let state = 7;
    const random = (below) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
    };
    const { nodes, frames, strings, timeline } = data;
    const first = nodes.parent.length;
    for (let i = 0; i < MORE_NODES; i++) {
        strings.push(`function_${i % 900}`, `/home/ana/projects/pricing/module_${i % 60}.py`);
        frames.function.push(strings.length - 2);
        frames.file.push(strings.length - 1);
        frames.line.push(10 + (i % 200));
        frames.first_line.push(5);
        const count = nodes.parent.length;
        nodes.parent.push(i < 2000 ? random(count) : count - 1 - random(60));
        nodes.frame.push(frames.line.length - 1);
    }
    const { changes } = data;
    const rows = changes.point.map((point, i) => [point, changes.node[i], changes.grown_bytes[i], changes.released_bytes[i],
        changes.certain_bytes[i], changes.freed_bytes[i]]);
    for (let i = 0; i < MORE_CHANGES; i++)
        rows.push([random(timeline.end), first + random(MORE_NODES), 4096 * (1 + random(12)), 0, 4096 * random(2), 0]);
    rows.sort((a, b) => a[0] - b[0]);
    data.changes = {
        point: rows.map((row) => row[0]), node: rows.map((row) => row[1]), grown_bytes: rows.map((row) => row[2]), released_bytes: rows.map((row) => row[3]),
        certain_bytes: rows.map((row) => row[4]), freed_bytes: rows.map((row) => row[5]),
    };
    timeline.rss_bytes.fill(0);
    for (const [point, , grown, released] of rows)
        timeline.rss_bytes[point] += grown - released;
    for (let p = 1; p < POINTS; p++)
        timeline.rss_bytes[p] += timeline.rss_bytes[p - 1];
    timeline.peak = timeline.rss_bytes.indexOf(Math.max(...timeline.rss_bytes));
    return data;
}
