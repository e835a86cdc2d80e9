// Puts the page together: one store of what is chosen, and views that follow it.
import { Profile, unpack } from "./data.js";
import { scheme } from "./colour.js";
import { by_id, choices, once_a_frame } from "./dom.js";
import { format_bytes, format_time } from "./format.js";
import { Icicle } from "./icicle.js";
import { Palette, function_layers, kind_layers, kind_lines } from "./layers.js";
import { Store, from_hash, moment, same_choice, step, to_hash } from "./selection.js";
import { show_summary } from "./summary.js";
import { Table } from "./table.js";
import { Timeline } from "./timeline.js";
import { show_trust } from "./trust.js";

const STEPS_WITH_SHIFT = 10;

function in_words(profile, choice, measure) {
    const at = (point) => format_time(profile.time[point]);
    const sum = (bytes) => bytes.reduce((a, b) => a + b, 0);
    if (choice.kind === "moment") {
        const name = choice.to === profile.peak ? ", the peak" : choice.to === profile.end ? ", the end" : "";
        return {
            long: `Held at ${at(choice.to)}${name}: ${format_bytes(profile.rss[choice.to])}`,
            short: `held at ${at(choice.to)}`, span: `up to ${at(choice.to)}`,
        };
    }
    const span = `between ${at(choice.from)} and ${at(choice.to)}`;
    return {
        long: `Grown ${span}: ${format_bytes(sum(measure.grown))}, and ${format_bytes(sum(measure.released))} released`,
        short: `grown ${span}`, span,
    };
}

class Page {
    constructor(profile) {
        this.profile = profile;
        this.store = new Store(from_hash(profile, location.hash));
        this.timeline = new Timeline(profile, this.store);
        this.icicle = new Icicle(profile, this.store);
        this.table = new Table(profile, this.store);
        this.changed = new Set();
        this.refresh = once_a_frame(() => this.show_changes());
        this.connect_controls();
        this.connect_keys();
        this.store.follow((_, changed) => {
            for (const name of changed)
                this.changed.add(name);
            this.refresh();
        });
        addEventListener("popstate", () => {
            const state = from_hash(profile, location.hash);
            this.icicle.went_to(state.zoom);
            this.store.set(state);
        });
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.show_all());
    }

    /** Another tree of calls: a zoom into the old one means nothing in it. */
    change_tree(patch) {
        this.icicle.forget();
        this.store.set({ ...patch, zoom: 0 });
    }

    connect_controls() {
        const { store } = this;
        this.press = {
            chart: choices(by_id("chart-choices"), (value) =>
                (value === "kinds" ? store.set({ chart: "kinds" }) : this.change_tree({ chart: "functions", charge: value }))),
            by: choices(by_id("by-choices"), (by) => store.set({ by })),
            charge: choices(by_id("charge-choices"), (charge) => this.change_tree({ charge })),
            figures: choices(by_id("figures-choices"), (figures) => store.set({ figures })),
        };
        const on = (id, name, work) => by_id(id).addEventListener(name, work);
        on("go-peak", "click", () => this.command("p"));
        on("go-end", "click", () => this.command("e"));
        on("go-growth", "click", () => this.command("g"));
        on("go-back", "click", () => this.command("ArrowLeft"));
        on("go-on", "click", () => this.command("ArrowRight"));
        on("go-clear", "click", () => this.command("Escape"));
        on("search", "input", (event) => store.set({ search: event.target.value }));
        on("inverted", "change", (event) => this.change_tree({ inverted: event.target.checked }));
        on("library", "change", (event) => this.change_tree({ library: event.target.checked }));
    }

    /** @returns {boolean} whether the key means something */
    command(key, big = false) {
        const { profile, store } = this;
        const { choice } = store.state;
        const by = big ? STEPS_WITH_SHIFT : 1;
        const commands = {
            p: () => store.set({ choice: moment(profile.peak) }),
            e: () => store.set({ choice: moment(profile.end) }),
            g: () => store.set({ choice: profile.fastest_growth() }),
            ArrowLeft: () => store.set({ choice: step(profile, choice, -by) }),
            ArrowRight: () => store.set({ choice: step(profile, choice, by) }),
            Escape: () => this.clear(),
        };
        commands[key]?.();
        return key in commands;
    }

    /** Back to how the page opened, as far as the choice goes. */
    clear() {
        this.icicle.forget();
        this.store.set({ choice: moment(this.profile.peak), mark: null, search: "", zoom: 0 });
    }

    connect_keys() {
        document.addEventListener("keydown", (event) => {
            if (event.ctrlKey || event.metaKey || event.altKey)
                return;
            const typing = event.target instanceof HTMLInputElement && event.target.type === "search";
            if (typing && event.key !== "Escape")
                return;
            if (this.command(event.key, event.shiftKey))
                event.preventDefault();
        });
        // What is shown short is copied in full.
        document.addEventListener("copy", (event) => {
            const picked = getSelection();
            const owner = (node) => (node instanceof Element ? node : node?.parentElement)?.closest("[data-full]");
            const from = owner(picked.anchorNode);
            if (from && from === owner(picked.focusNode)) {
                event.clipboardData.setData("text/plain", from.dataset.full);
                event.preventDefault();
            }
        });
    }

    layers() {
        const { chart, charge } = this.store.state;
        return { areas: function_layers(this.profile, charge), kinds: chart === "kinds" };
    }

    show_all() {
        const theme = scheme();
        const { areas, kinds } = this.layers();
        this.palette = new Palette(areas, theme);
        this.timeline.show(kinds ? kind_layers(this.profile) : areas, kinds ? kind_lines(this.profile) : [], theme);
        this.show_views();
    }

    show_views() {
        const { profile, store } = this;
        const { state } = store;
        if (!this.measure || !same_choice(this.measured, state.choice)) {
            this.measure = profile.measure(state.choice);
            this.measured = state.choice;
        }
        const words = in_words(profile, state.choice, this.measure);
        by_id("words").textContent = words.long;
        for (const id of ["stacks-caption", "lines-caption"])
            by_id(id).textContent = words.short;
        this.icicle.show(state.choice.kind === "range" ? this.measure.grown : this.measure.held, this.palette, words.short);
        this.table.show(this.measure, this.palette, words);
        this.show_controls(state);
    }

    show_controls(state) {
        this.press.chart(state.chart === "kinds" ? "kinds" : state.charge);
        this.press.by(state.by);
        this.press.charge(state.charge);
        this.press.figures(state.figures);
        by_id("inverted").checked = state.inverted;
        by_id("library").checked = state.library;
        if (by_id("search").value !== state.search)
            by_id("search").value = state.search;
    }

    show_changes() {
        const { changed } = this;
        this.changed = new Set();
        if (changed.has("chart") || changed.has("charge")) {
            this.show_all();
        } else {
            if (changed.has("choice") || changed.has("mark"))
                this.timeline.update();
            this.show_views();
        }
        this.keep_in_hash(changed);
    }

    /** A zoom is a step that the browser's Back undoes; everything else only replaces the address. */
    keep_in_hash(changed) {
        const hash = to_hash(this.profile, this.store.state);
        if (hash === location.hash.replace(/^#/, ""))
            return;
        const address = hash ? `#${hash}` : location.pathname + location.search;
        history[changed.has("zoom") ? "pushState" : "replaceState"](null, "", address);
    }
}

function say_problem(sentence) {
    by_id("problem").textContent = sentence;
    by_id("problem").hidden = false;
}

async function start() {
    const packed = by_id("memsample-data").textContent;
    if (typeof DecompressionStream === "undefined") {
        say_problem("This browser is too old for the timeline; the figures below are complete.");
        return;
    }
    let profile;
    try {
        profile = new Profile(await unpack(packed));
    } catch (error) {
        say_problem(`The data in this page cannot be read (${error.message}); the figures below are what is left.`);
        return;
    }
    by_id("static").hidden = true;
    by_id("page").hidden = false;
    show_summary(profile);
    show_trust(profile);
    new Page(profile).show_all();
    document.documentElement.dataset.ready = "1";
}

start();
