import assert from "node:assert/strict";
import test from "node:test";
import { deflateRawSync } from "node:zlib";
import { BASELINE, NATIVE, Profile, is_user_file, unpack } from "../../../src/render/web/data.js";
import { function_layers } from "../../../src/render/web/layers.js";
import { build_tree, tree_values } from "../../../src/render/web/tree.js";
import { sample_data } from "../sample-data.mjs";

const at = (point) => ({ kind: "moment", from: point, to: point });
const between = (from, to) => ({ kind: "range", from, to });
const sum = (bytes) => bytes.reduce((a, b) => a + b, 0);

/** main:1 calls load:2, which calls pandas; main:1 calls itself; native; baseline. */
function small() {
    return new Profile({
        strings: ["", "main", "/p/job.py", "load", "read_csv", "/v/lib/python3.12/site-packages/pandas/io.py"],
        timeline: { time_ns: [0, 1e9, 2e9, 3e9], rss_bytes: [100, 400, 700, 350], peak: 2, end: 3 },
        frames: { function: [1, 3, 4], file: [2, 2, 5], line: [1, 2, 3], first_line: [1, 2, 1] },
        // 0 root, 1 baseline, 2 main, 3 native, 4 load, 5 main again, 6 read_csv: not in the order of a walk
        nodes: { parent: [-1, 0, 0, 0, 2, 4, 4], frame: [-1, BASELINE, 0, NATIVE, 1, 0, 2] },
        changes: { point: [0, 1, 1, 2, 2, 3, 3], node: [1, 6, 3, 6, 5, 6, 4], grown_bytes: [100, 200, 100, 250, 50, 0, 0], released_bytes: [0, 0, 0, 0, 0, 350, 0],
            certain_bytes: [0, 150, 0, -1, 10, 0, 0], freed_bytes: [0, 0, 0, 0, 0, 0, 350] },
        sources: [{ file: 2, missing: "", lines: [[2, 3]] }],
    });
}

/** Node 18 has no "deflate-raw", browsers do; tests in a browser cover it everywhere. */
function why_not_unpack() {
    try {
        new DecompressionStream("deflate-raw");
        return false;
    } catch {
        return "this Node has no DecompressionStream(\"deflate-raw\")";
    }
}

test("the data block unpacks", { skip: why_not_unpack() }, async () => {
    const raw = { names: ["</script>", "ü"] };
    assert.deepEqual(await unpack(`\n${deflateRawSync(JSON.stringify(raw)).toString("base64")}\n`), raw);
});

test("library code is told from the user's", () => {
    assert.equal(is_user_file("/home/ana/job.py"), true);
    for (const file of ["/v/lib/python3.12/site-packages/a.py", "/usr/lib/python3/dist-packages/a.py", "/usr/lib/python3.11/json/decoder.py", "<frozen importlib._bootstrap>"])
        assert.equal(is_user_file(file), false, file);
});

test("held, grown and released follow the choice", () => {
    const profile = small();
    assert.equal(sum(profile.measure(at(2)).held), 700);
    assert.equal(sum(profile.measure(at(3)).held), 350);
    const { grown, released, held } = profile.measure(between(1, 3));
    assert.equal(sum(grown), 300);
    assert.equal(sum(released), 350);
    assert.equal(sum(held), 350);
});

test("what is certain and who gave back follow the choice, too", () => {
    const profile = small();
    const of_load = (choice, name) => profile.by_owner(profile.measure(choice)[name], { by: "functions", figures: "own", charge: "mine" })[
        profile.functions.findIndex((owner) => owner.function === "load")];
    assert.deepEqual([at(1), at(3), between(1, 3)].map((choice) => of_load(choice, "certain")), [150, 400, 250]);
    assert.deepEqual([at(2), at(3), between(2, 3)].map((choice) => of_load(choice, "freed")), [0, 350, 350]);
    const sample = new Profile(sample_data({ points: 120 }));
    const { grown, certain, freed, released } = sample.measure(at(119));
    assert.ok(certain.every((bytes, n) => bytes >= 0 && bytes <= grown[n]));
    assert.equal(sum(freed), sum(released));
});

test("a library's bytes count for the user's line that called it, and totals count a stack once", () => {
    const profile = small();
    const { held } = profile.measure(at(2));
    const by_name = (view) => Object.fromEntries([...profile.by_owner(held, view)].map((bytes, id) => [profile.owners(view.by)[id].function, bytes]));
    assert.equal(by_name({ by: "functions", figures: "own", charge: "mine" }).load, 450);
    assert.equal(by_name({ by: "functions", figures: "own", charge: "innermost" }).load, 0);
    assert.equal(by_name({ by: "functions", figures: "own", charge: "innermost" }).read_csv, 450);
    assert.equal(by_name({ by: "functions", figures: "total", charge: "mine" }).main, 500);
    assert.equal(by_name({ by: "lines", figures: "total", charge: "innermost" }).load, 500);
});

test("a series says at every point what a measure says", () => {
    const profile = new Profile(sample_data({ points: 120 }));
    for (const by of ["lines", "functions"])
        for (const figures of ["own", "total"])
            for (const charge of ["mine", "innermost"]) {
                const view = { by, figures, charge };
                for (const point of [0, 31, profile.peak, profile.end, 119]) {
                    const bytes = profile.by_owner(profile.measure(at(point)).held, view);
                    for (const owner of profile.owners(by))
                        assert.equal(profile.series(owner.id, view)[point], bytes[owner.id]);
                }
            }
});

test("the books balance: areas, trees and lines add up to RSS at every point", () => {
    const profile = new Profile(sample_data({ points: 120 }));
    for (const charge of ["mine", "innermost"]) {
        const layers = function_layers(profile, charge);
        assert.ok(layers.filter((layer) => layer.function_id >= 0 && layer.hue >= 0).length === 8);
        assert.equal(new Set(layers.filter((layer) => layer.hue >= 0).map((layer) => layer.hue)).size, 8);
        for (let p = 0; p < profile.point_count; p++)
            assert.equal(layers.reduce((bytes, layer) => bytes + layer.held[p], 0), profile.rss[p]);
        const { held } = profile.measure(at(profile.peak));
        for (const inverted of [false, true])
            for (const library of [false, true])
                assert.equal(tree_values(build_tree(profile, { inverted, library, charge }), held)[0], profile.rss[profile.peak]);
    }
});

test("the fastest growth is where RSS rises most", () => {
    const profile = small();
    const growth = profile.fastest_growth();
    assert.equal(growth.to - growth.from, 1);
    assert.ok(profile.rss[growth.to] - profile.rss[growth.from] === 300);
});

test("an empty run and one point do not break anything", () => {
    const raw = {
        strings: [""], timeline: { time_ns: [0], rss_bytes: [0], peak: 0, end: 0 }, frames: { function: [], file: [], line: [], first_line: [] },
        nodes: { parent: [-1], frame: [-1] }, changes: { point: [], node: [], grown_bytes: [], released_bytes: [], certain_bytes: [], freed_bytes: [] }, sources: [],
    };
    const profile = new Profile(raw);
    assert.equal(sum(profile.measure(at(0)).held), 0);
    assert.deepEqual(function_layers(profile, "mine"), []);
    assert.equal(profile.fastest_growth().to, 0);
});

test("tasks stay in the tree without library frames, and are charged for what is below them", () => {
    const profile = new Profile({
        strings: ["", "main", "/p/job.py", "task fetch (work)", "<task>", "work", "_run", "/lib/python3.12/asyncio/events.py"],
        timeline: { time_ns: [0, 1e9], rss_bytes: [100, 400], peak: 1, end: 1 },
        frames: { function: [1, 3, 5, 6], file: [2, 4, 2, 7], line: [1, 0, 2, 3], first_line: [1, 0, 1, 1] },
        nodes: { parent: [-1, 0, 0, 2, 3, 4], frame: [-1, BASELINE, 0, 3, 1, 2] }, // main, _run, task, work
        changes: { point: [0, 1], node: [1, 5], grown_bytes: [100, 300], released_bytes: [0, 0], certain_bytes: [0, 0], freed_bytes: [0, 0] },
        sources: [],
    });
    const tree = build_tree(profile, { inverted: false, library: false, charge: "mine" });
    const names = (t) => profile.functions[tree.charged[t]].function;
    const values = tree_values(tree, profile.measure(at(1)).held);
    const task = tree.parent.findIndex((_, t) => t > 0 && names(t) === "task fetch (work)");
    assert.ok(task > 0);
    assert.equal(values[task], 300);
    assert.equal(names(tree.parent[task]), "main");
});
