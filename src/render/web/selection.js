// What is chosen, in one place: every view reads it here and follows its changes. Kept in the address's hash, so that
// a reload or a shared link shows the same. Knows the profile's times, nothing of the screen.

/**
 * @typedef {import("./data.js").Choice} Choice
 * @typedef {{choice: Choice, chart: "functions"|"kinds", charge: "mine"|"innermost", by: "lines"|"functions",
 *            figures: "own"|"total", sort: string, inverted: boolean, library: boolean, zoom: number, search: string,
 *            mark: null | {by: "lines"|"functions", id: number}}} State
 */

const FLAGS = {
    chart: ["functions", "kinds"],
    charge: ["mine", "innermost"],
    by: ["lines", "functions"],
    figures: ["own", "total"],
};
const SORTS = new Set(["held", "grown", "released", "share", "where"].flatMap((name) => [name, `-${name}`]));

/** @param {number} point @returns {Choice} */
export const moment = (point) => ({ kind: "moment", from: point, to: point });

/** @param {number} a @param {number} b @returns {Choice} a range in order, or the moment when both ends are one */
export function range(a, b) {
    return a === b ? moment(a) : { kind: "range", from: Math.min(a, b), to: Math.max(a, b) };
}

export const same_choice = (a, b) => a.kind === b.kind && a.from === b.from && a.to === b.to;

/** @returns {State} */
export function default_state(profile) {
    return {
        choice: moment(profile.peak), chart: "functions", charge: "mine", by: "lines", figures: "own", sort: "",
        inverted: false, library: true, zoom: 0, search: "", mark: null,
    };
}

const seconds = (s) => String(Number(s.toFixed(6)));

function choice_to_text(profile, choice) {
    if (choice.kind === "range")
        return `${seconds(profile.time[choice.from])}-${seconds(profile.time[choice.to])}`;
    if (choice.to === profile.peak)
        return "peak";
    return choice.to === profile.end ? "end" : seconds(profile.time[choice.to]);
}

function choice_from_text(profile, text) {
    if (text === "peak" || text === "end")
        return moment(profile[text]);
    const match = /^(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?$/.exec(text);
    if (!match)
        return null;
    const from = profile.point_at(Number(match[1]));
    return match[2] === undefined ? moment(from) : range(from, profile.point_at(Number(match[2])));
}

/** Only what differs from the default: short links. @param {State} state */
export function to_hash(profile, state) {
    const usual = default_state(profile);
    const fields = new URLSearchParams();
    if (!same_choice(state.choice, usual.choice))
        fields.set("at", choice_to_text(profile, state.choice));
    for (const name of Object.keys(FLAGS))
        if (state[name] !== usual[name])
            fields.set(name, state[name]);
    if (state.sort)
        fields.set("sort", state.sort);
    if (state.inverted)
        fields.set("inverted", "1");
    if (!state.library)
        fields.set("library", "0");
    if (state.zoom)
        fields.set("zoom", String(state.zoom));
    if (state.search)
        fields.set("search", state.search);
    if (state.mark)
        fields.set("mark", `${state.mark.by}-${state.mark.id}`);
    return fields.toString();
}

/** Anything that makes no sense is left at its default. @returns {State} */
export function from_hash(profile, hash) {
    const state = default_state(profile);
    const fields = new URLSearchParams(hash.replace(/^#/, ""));
    state.choice = choice_from_text(profile, fields.get("at") ?? "peak") ?? state.choice;
    for (const [name, values] of Object.entries(FLAGS))
        if (values.includes(fields.get(name)))
            state[name] = fields.get(name);
    if (SORTS.has(fields.get("sort")))
        state.sort = fields.get("sort");
    state.inverted = fields.get("inverted") === "1";
    state.library = fields.get("library") !== "0";
    state.zoom = /^\d{1,7}$/.test(fields.get("zoom") ?? "") ? Number(fields.get("zoom")) : 0;
    state.search = (fields.get("search") ?? "").slice(0, 200);
    const mark = /^(lines|functions)-(\d{1,7})$/.exec(fields.get("mark") ?? "");
    if (mark && Number(mark[2]) < profile.owners(mark[1]).length)
        state.mark = { by: mark[1], id: Number(mark[2]) };
    return state;
}

export class Store {
    /** @param {State} state */
    constructor(state) {
        this.state = state;
        this.followers = [];
    }

    /** @param {(state: State, changed: Set<string>) => void} follower */
    follow(follower) {
        this.followers.push(follower);
    }

    /** @param {Partial<State>} patch */
    set(patch) {
        const changed = new Set();
        for (const [name, value] of Object.entries(patch))
            if (JSON.stringify(this.state[name]) !== JSON.stringify(value))
                changed.add(name);
        if (!changed.size)
            return;
        this.state = { ...this.state, ...patch };
        for (const follower of this.followers)
            follower(this.state, changed);
    }
}

/** The choice one key press away. */
export function step(profile, choice, by) {
    const last = profile.point_count - 1;
    const move = Math.max(-choice.from, Math.min(last - choice.to, by));
    return { ...choice, from: choice.from + move, to: choice.to + move };
}
