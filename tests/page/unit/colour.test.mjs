import assert from "node:assert/strict";
import test from "node:test";
import { HUE_COUNT, assign_hues, contrast, grey, ground, hue_colour, mix, text_on } from "../../../src/render/web/colour.js";

test("text on every colour can be read", () => {
    for (const theme of ["light", "dark"]) {
        const colours = Array.from({ length: HUE_COUNT }, (_, hue) => hue_colour(hue, theme));
        const greys = ["other", "native", "baseline", "unattributed", "frame", "root"].map((name) => grey(name, theme));
        const paler = colours.map((colour) => mix(colour, ground(theme), 0.55));
        for (const colour of [...colours, ...greys, ...paler])
            assert.ok(contrast(colour, text_on(colour)) >= 4.5, `${theme} ${colour}`);
    }
});

test("hues are stable by name and do not repeat among eight", () => {
    const names = ["a:load", "b:join", "c:fit", "d:x", "e:y", "f:z", "g:w", "h:v"];
    const hues = assign_hues(names);
    assert.equal(new Set(hues).size, 8);
    assert.deepEqual(assign_hues(names), hues);
    assert.equal(assign_hues(["a:load"])[0], hues[0]);
});
