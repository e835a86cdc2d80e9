// The icicle: calls from the root on top, width is bytes. Click zooms, search lights, arrows walk.
import { hierarchy, partition } from "d3-hierarchy";
import { grey, ground, mix, text_on } from "./colour.js";
import { by_id, element, keep_children } from "./dom.js";
import { format_bytes, format_share } from "./format.js";
import { full_name, place, short_name } from "./names.js";
import { build_tree, tree_values } from "./tree.js";

const ROW_PX = 24;
const DIMMED = 0.64; // by mixing, not by opacity: the text must stay readable
const LEAST_PX = 1.5;
const MOST_FRAMES = 1500;
const NAME_FROM_PX = 34;
const PLACE_FROM_PX = 120;
const SOURCE_FROM_PX = 330;

export class Icicle {
    /** @param {import("./data.js").Profile} profile @param {import("./selection.js").Store} store */
    constructor(profile, store) {
        this.profile = profile;
        this.store = store;
        this.root = by_id("icicle");
        this.crumbs = by_id("crumbs");
        this.trees = new Map();
        this.frames = new Map();
        this.trail = [];
        this.focused = -1;
        by_id("zoom-back").addEventListener("click", () => this.back());
        this.root.addEventListener("keydown", (event) => this.key(event));
        new ResizeObserver(() => this.width !== this.root.clientWidth && this.palette && this.draw()).observe(this.root);
    }

    tree() {
        const { inverted, library, charge } = this.store.state;
        const key = `${inverted} ${library} ${charge}`;
        if (!this.trees.has(key))
            this.trees.set(key, build_tree(this.profile, { inverted, library, charge }));
        return this.trees.get(key);
    }

    /** @param {number} t @param {"lines"|"functions"} [by] */
    owner_of(t, by = "lines") {
        return this.profile.owners(by)[this.profile.node_owner[by][this.tree().origin[t]]];
    }

    zoom_to(t) {
        const { zoom } = this.store.state;
        if (t === zoom)
            return;
        this.trail.push(zoom);
        this.store.set({ zoom: t });
    }

    /** Undoes a zoom; after a reload, when nothing is remembered, goes up one frame. */
    back() {
        const { zoom } = this.store.state;
        if (zoom > 0)
            this.store.set({ zoom: this.trail.pop() ?? this.tree().parent[zoom] });
    }

    /** The tree is another one: numbers of its frames mean nothing any more. */
    forget() {
        this.trail = [];
        this.focused = -1;
    }

    /** The browser's own Back undid a zoom. */
    went_to(zoom) {
        if (this.trail[this.trail.length - 1] === zoom)
            this.trail.pop();
    }

    /** @param {Float64Array} own bytes by node @param {import("./layers.js").Palette} palette */
    show(own, palette, words) {
        this.own = own;
        this.palette = palette;
        this.words = words;
        this.draw();
    }

    matches() {
        const wanted = this.store.state.search.trim().toLowerCase();
        if (!wanted)
            return null;
        const { origin } = this.tree();
        const by_line = this.profile.lines.map((owner) =>
            owner.function.toLowerCase().includes(wanted) || `${owner.file}:${owner.line}`.toLowerCase().includes(wanted));
        return Uint8Array.from(origin, (n, t) => (t > 0 && by_line[this.profile.node_owner.lines[n]] ? 1 : 0));
    }

    /** 2: lit itself, 1: below a lit frame, whose bytes it shares, 0: neither. Null if nothing is to be lit. */
    lights(tree, found) {
        const { mark } = this.store.state;
        if (!found && !mark)
            return null;
        const lights = new Uint8Array(tree.parent.length);
        for (let t = 1; t < lights.length; t++)
            if (found ? found[t] : this.profile.node_owner[mark.by][tree.origin[t]] === mark.id)
                lights[t] = 2;
            else if (lights[tree.parent[t]])
                lights[t] = 1;
        return lights;
    }

    draw() {
        const tree = this.tree();
        const values = tree_values(tree, this.own);
        const zoom = this.store.state.zoom < tree.parent.length ? this.store.state.zoom : 0;
        this.width = this.root.clientWidth;
        const least = (values[zoom] * LEAST_PX) / Math.max(1, this.width);
        const whole = hierarchy(zoom, (t) => tree.children[t].filter((child) => values[child] > least));
        whole.each((node) => {
            node.value = values[node.data];
        });
        whole.sort((a, b) => b.value - a.value || a.data - b.data);
        partition().size([1, whole.height + 1])(whole);
        const shown = whole.descendants().slice(0, MOST_FRAMES);
        const found = this.matches();
        this.place_frames(shown, values, this.lights(tree, found));
        this.show_crumbs(tree, values, zoom);
        this.show_matched(tree, values, zoom, found);
        by_id("zoom-back").disabled = zoom === 0;
        by_id("stacks-hint").textContent = values[zoom] > 0
            ? "Width is bytes. Click a frame to zoom in; arrow keys walk the frames."
            : "Nothing here for what is chosen.";
    }

    place_frames(shown, values, lights) {
        const old = this.frames;
        this.frames = new Map();
        this.layout = new Map(shown.map((node) => [node.data, node]));
        if (!this.layout.has(this.focused))
            this.focused = shown[0].data;
        let depth = 0;
        for (const node of shown) {
            const t = node.data;
            const frame = old.get(t) ?? this.make_frame(t);
            this.frames.set(t, frame);
            this.style_frame(frame, node, values, lights);
            depth = Math.max(depth, node.depth);
        }
        keep_children(this.root, [...this.frames.values()]);
        this.root.style.height = `${(depth + 1) * ROW_PX}px`;
    }

    make_frame(t) {
        const frame = element("div.frame", { role: "treeitem" }, element("b"), element("span"), element("code"));
        frame.addEventListener("click", () => this.pick(t));
        frame.addEventListener("focus", () => {
            this.frames.get(this.focused)?.setAttribute("tabindex", "-1");
            this.focused = t;
            frame.setAttribute("tabindex", "0");
        });
        return frame;
    }

    style_frame(frame, node, values, lights) {
        const t = node.data;
        const tree = this.tree();
        const owner = this.owner_of(t);
        const width = (node.x1 - node.x0) * this.width;
        const style = frame.style;
        style.left = `${100 * node.x0}%`;
        style.width = `${100 * (node.x1 - node.x0)}%`;
        style.top = `${node.depth * ROW_PX}px`;
        frame.classList.toggle("lit", lights !== null && lights[t] === 2);
        const { theme } = this.palette;
        const full = t === 0 ? grey("root", theme) : this.palette.of(tree.charged[t], tree.callee[t] === 1);
        const colour = lights !== null && t > 0 && lights[t] === 0 ? mix(full, ground(theme), DIMMED) : full;
        style.background = colour;
        style.color = text_on(colour);
        frame.classList.toggle("hatched", owner.special === -3);
        frame.classList.toggle("tiny", width < NAME_FROM_PX);
        const [name, where, source] = frame.children;
        name.textContent = width >= NAME_FROM_PX ? short_name(owner) : "";
        where.textContent = width >= PLACE_FROM_PX ? place(owner) : "";
        source.textContent = width >= SOURCE_FROM_PX ? this.profile.source_line(owner).trim() : "";
        const size = `${format_bytes(values[t])}, ${format_share(values[t], values[0])}`;
        frame.title = `${full_name(owner)}\n${size} of all ${this.words}`;
        frame.dataset.full = full_name(owner);
        frame.setAttribute("aria-label", `${short_name(owner)} ${place(owner)}, ${size}`);
        frame.setAttribute("aria-level", String(node.depth + 1));
        frame.setAttribute("tabindex", t === this.focused ? "0" : "-1");
    }

    pick(t) {
        const { by } = this.store.state;
        const owner = this.owner_of(t, by);
        if (t > 0)
            this.store.set({ mark: { by, id: owner.id } });
        this.zoom_to(t);
        this.frames.get(t)?.focus({ preventScroll: true });
    }

    show_crumbs(tree, values, zoom) {
        const path = [];
        for (let t = zoom; t >= 0; t = tree.parent[t])
            path.unshift(t);
        this.crumbs.hidden = zoom === 0;
        this.crumbs.replaceChildren(...path.map((t, i) => {
            const owner = this.owner_of(t);
            const words = t === 0 ? "all memory" : short_name(owner);
            if (i === path.length - 1)
                return element("span", { "aria-current": "true", title: full_name(owner) }, words, " ",
                    element("span.size", {}, `${format_bytes(values[t])}, ${format_share(values[t], values[0])}`));
            return element("button.link", { type: "button", title: full_name(owner), onclick: () => this.zoom_to(t) }, words);
        }));
    }

    /** Each stack counts once: only the outermost match on a path adds its bytes. */
    show_matched(tree, values, zoom, found) {
        const output = by_id("matched");
        if (!found) {
            output.textContent = "";
            return;
        }
        let bytes = 0;
        const walk = [zoom];
        while (walk.length) {
            const t = walk.pop();
            if (found[t])
                bytes += values[t];
            else
                walk.push(...tree.children[t]);
        }
        output.textContent = `matched ${format_share(bytes, values[zoom])}, ${format_bytes(bytes)}`;
    }

    key(event) {
        const node = this.layout?.get(this.focused);
        if (!node || event.ctrlKey || event.metaKey || event.altKey)
            return;
        const siblings = node.parent?.children ?? [node];
        const at = siblings.indexOf(node);
        const moves = {
            ArrowUp: node.parent, ArrowDown: node.children?.[0], ArrowLeft: siblings[at - 1], ArrowRight: siblings[at + 1],
            Home: this.layout.values().next().value,
        };
        if (event.key in moves) {
            const next = moves[event.key];
            if (next && this.frames.has(next.data))
                this.frames.get(next.data).focus();
        } else if (event.key === "Enter" || event.key === " ") {
            this.pick(this.focused);
        } else if (event.key === "Backspace") {
            this.back();
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }
}
