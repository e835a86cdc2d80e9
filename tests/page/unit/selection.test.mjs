import assert from "node:assert/strict";
import test from "node:test";
import { Profile } from "../../../src/render/web/data.js";
import { Store, default_state, from_hash, moment, range, step, to_hash } from "../../../src/render/web/selection.js";
import { sample_data } from "../sample-data.mjs";

const profile = new Profile(sample_data({ points: 200 }));

test("the default is the peak and needs no hash", () => {
    const state = default_state(profile);
    assert.deepEqual(state.choice, moment(profile.peak));
    assert.equal(to_hash(profile, state), "");
    assert.deepEqual(from_hash(profile, ""), state);
});

test("everything that is chosen survives the hash", () => {
    const state = {
        choice: range(90, 20), chart: "kinds", charge: "innermost", by: "functions", figures: "total", sort: "-released", inverted: true,
        library: false, zoom: 12, search: "a&b=#c <ü>", mark: { by: "lines", id: 3 },
    };
    assert.deepEqual(from_hash(profile, `#${to_hash(profile, state)}`), { ...state, choice: { kind: "range", from: 20, to: 90 } });
    for (let p = 0; p < profile.point_count; p++)
        assert.deepEqual(from_hash(profile, to_hash(profile, { ...default_state(profile), choice: moment(p) })).choice, moment(p));
});

test("nonsense in the hash is ignored", () => {
    const state = default_state(profile);
    for (const hash of ["#at=x", "#at=1-2-3", "#by=__proto__", "#zoom=-4", "#mark=lines-99999", "#sort=evil", "#%", "#library=1"])
        assert.deepEqual(from_hash(profile, hash), state, hash);
});

test("steps stay inside the run and keep a range's width", () => {
    assert.deepEqual(step(profile, moment(0), -1), moment(0));
    assert.deepEqual(step(profile, moment(198), 10), moment(199));
    assert.deepEqual(step(profile, range(5, 15), -10), range(0, 10));
});

test("followers hear only of what changed", () => {
    const store = new Store(default_state(profile));
    const heard = [];
    store.follow((_, changed) => heard.push([...changed]));
    store.set({ search: "load", by: "lines" });
    store.set({ search: "load" });
    assert.deepEqual(heard, [["search"]]);
});
