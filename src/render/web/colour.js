// One function, one colour, on every part of the page and from run to run: the hue comes from the name.
// Eight hues after Okabe and Ito, told apart by colour-blind people; everything else is grey.

const HUES = {
    light: ["#0072b2", "#e69f00", "#009e73", "#56b4e9", "#d55e00", "#cc79a7", "#d9c52c", "#6a51a3"],
    dark: ["#3a97d3", "#eaab24", "#1fae85", "#7cc6f0", "#e4703a", "#d48db4", "#e3d55b", "#9a86d6"],
};
const GREYS = {
    light: { other: "#a9afb8", native: "#838b97", baseline: "#ccd1d8", unattributed: "#bfc5cd", frame: "#dde1e6", root: "#e8ebef" },
    dark: { other: "#69717d", native: "#8b94a1", baseline: "#434a55", unattributed: "#59616d", frame: "#3a414b", root: "#2c323b" },
};

export const HUE_COUNT = HUES.light.length;

export const scheme = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

/** FNV-1a: short, and spreads similar names. */
export function hash_name(text) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < text.length; i++)
        hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    return (hash ^ (hash >>> 15)) >>> 0;
}

/** Hues for the functions of the chart, biggest first: each its own by name, or the next free one if that is taken.
 * @param {string[]} names @returns {number[]} */
export function assign_hues(names) {
    const taken = new Set();
    return names.map((name) => {
        let hue = hash_name(name) % HUE_COUNT;
        while (taken.has(hue) && taken.size < HUE_COUNT)
            hue = (hue + 3) % HUE_COUNT; // 3 and 8 have no common factor, so every hue is reached
        taken.add(hue);
        return hue;
    });
}

/** What the page's panels are painted with. */
export const ground = (theme) => (theme === "dark" ? "#1b2028" : "#ffffff");

export const hue_colour = (hue, theme) => HUES[theme][hue];
export const grey = (name, theme) => GREYS[theme][name];

const parts = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

/** @param {number} share of b @returns {string} */
export function mix(a, b, share) {
    const [x, y] = [parts(a), parts(b)];
    return `#${x.map((v, i) => Math.round(v + (y[i] - v) * share).toString(16).padStart(2, "0")).join("")}`;
}

export function luminance(colour) {
    const [r, g, b] = parts(colour).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(a, b) {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
}

/** Black or white, whichever can be read: one of them always has at least 4.58 : 1. */
export const text_on = (colour) => (contrast(colour, "#000000") >= contrast(colour, "#ffffff") ? "#000000" : "#ffffff");
