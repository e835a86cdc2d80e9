// The timeline: stacked areas, the RSS line on top, flags for peak and end; choosing a moment or a range with the
// pointer, and the legend of sizes at the moment under it.
import uPlot from "uplot";
import { mix } from "./colour.js";
import { by_id, element, once_a_frame } from "./dom.js";
import { format_bytes, format_share, format_tick, format_time, format_time_tick } from "./format.js";
import { layer_colour } from "./layers.js";
import { moment, range } from "./selection.js";

const DRAG_STARTS_AT_PX = 4;
const FONT = "12px system-ui, sans-serif";
// Ticks at powers of two: 256 MiB, 512 MiB, 768 MiB, 1 GiB.
const BINARY_STEPS = Array.from({ length: 52 }, (_, i) => 2 ** i);

function hatch(colour, ground) {
    const tile = document.createElement("canvas");
    const side = Math.round(6 * devicePixelRatio);
    tile.width = tile.height = side;
    const pen = tile.getContext("2d");
    pen.fillStyle = ground;
    pen.fillRect(0, 0, side, side);
    pen.strokeStyle = colour;
    pen.lineWidth = side / 4;
    pen.beginPath();
    for (const shift of [-side, 0, side]) {
        pen.moveTo(shift - 1, side + 1);
        pen.lineTo(shift + side + 1, -1);
    }
    pen.stroke();
    return pen.createPattern(tile, "repeat");
}

function page_colours() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    return { text: of("--text"), dim: of("--dim"), ground: of("--panel"), grid: of("--line"), accent: of("--accent") };
}

export class Timeline {
    /** @param {import("./data.js").Profile} profile @param {import("./selection.js").Store} store */
    constructor(profile, store) {
        this.profile = profile;
        this.store = store;
        this.root = by_id("chart");
        this.legend = by_id("legend");
        this.hovered = null;
        this.chart = null;
        this.show_legend = once_a_frame(() => this.fill_legend());
        new ResizeObserver(() => this.resize()).observe(this.root);
    }

    /** New areas, or new colours. */
    show(layers, lines, theme) {
        this.layers = layers;
        this.lines = lines;
        this.theme = theme;
        this.colours = page_colours();
        this.chart?.destroy();
        this.chart = new uPlot(this.options(), this.columns(), this.root);
        this.follow_pointer(this.chart.over);
        this.fill_legend();
        this.describe();
    }

    /** Drawn from the top of the stack down, each area down to zero, so that the lower ones cover the rest. */
    columns() {
        const running = new Float64Array(this.profile.point_count);
        const stacked = this.layers.map((layer) => {
            for (let p = 0; p < running.length; p++)
                running[p] += layer.held[p];
            return running.slice();
        });
        return [this.profile.time, ...stacked.reverse(), ...this.lines.map((line) => line.stacked), this.profile.rss];
    }

    fill_of(layer) {
        const { ground } = this.colours;
        const mark = this.store.state.mark;
        const marked = mark && (mark.by === "functions" ? mark.id : this.profile.lines[mark.id].function_id);
        const lit = mark === null || !this.layers.some((one) => one.function_id === marked) || layer.function_id === marked;
        const colour = mix(layer_colour(layer, this.theme), ground, lit ? 0 : 0.72);
        return layer.hatched ? hatch(colour, mix(colour, ground, 0.6)) : colour;
    }

    size() {
        const width = Math.max(200, this.root.clientWidth);
        return { width, height: width < 560 ? 260 : 384 };
    }

    options() {
        const { text, dim, grid, ground } = this.colours;
        const axis = { stroke: dim, font: FONT, ticks: { stroke: grid, width: 1, size: 5 }, grid: { stroke: grid, width: 1 } };
        return {
            ...this.size(),
            padding: [26, 14, 0, 0],
            legend: { show: false },
            cursor: { y: false, points: { show: false }, drag: { x: false, y: false, setScale: false } },
            scales: { x: { time: false }, y: { range: (_, _low, high) => [0, Math.max(high, 1) * 1.04] } },
            axes: [
                { ...axis, grid: { show: false }, values: (_, ticks) => ticks.map(format_time_tick), size: 32, space: 70 },
                { ...axis, values: (_, ticks) => ticks.map(format_tick), incrs: BINARY_STEPS, size: 72, space: 44 },
            ],
            series: [
                {},
                ...[...this.layers].reverse().map((layer) => ({
                    label: layer.name, stroke: ground, width: 0.75, fill: () => this.fill_of(layer), points: { show: false },
                })),
                ...this.lines.map((line) => ({ label: line.name, stroke: dim, width: 1.25, dash: [5, 4], points: { show: false } })),
                { label: "RSS", stroke: text, width: 1.5, points: { show: false } },
            ],
            hooks: {
                draw: [(chart) => this.draw_marks(chart)],
                setCursor: [(chart) => {
                    const hovered = chart.cursor.left >= 0 ? chart.cursor.idx : null;
                    if (hovered !== this.hovered) {
                        this.hovered = hovered;
                        this.show_legend();
                    }
                }],
            },
        };
    }

    draw_marks(chart) {
        const { ctx: pen, bbox } = chart;
        const { profile, colours } = this;
        const scale = devicePixelRatio;
        const x_of = (point) => Math.round(chart.valToPos(profile.time[point], "x", true)) + 0.5;
        const y_of = (bytes) => chart.valToPos(bytes, "y", true);
        const bottom = bbox.top + bbox.height;
        pen.save();
        pen.font = `${12 * scale}px system-ui, sans-serif`;
        pen.lineWidth = scale;

        const veil = (left, right, strength) => {
            pen.globalAlpha = strength;
            pen.fillStyle = colours.ground;
            pen.fillRect(left, bbox.top, Math.max(0, right - left), bbox.height);
            pen.globalAlpha = 1;
        };
        if (profile.end < profile.point_count - 1)
            veil(x_of(profile.end), bbox.left + bbox.width, 0.55);
        const { choice } = this.store.state;
        if (choice.kind === "range") {
            veil(bbox.left, x_of(choice.from), 0.62);
            veil(x_of(choice.to), bbox.left + bbox.width, 0.62);
        }

        const upright = (x, colour, dash) => {
            pen.strokeStyle = colour;
            pen.setLineDash(dash.map((length) => length * scale));
            pen.beginPath();
            pen.moveTo(x, bbox.top - 4 * scale);
            pen.lineTo(x, bottom);
            pen.stroke();
            pen.setLineDash([]);
        };
        const flag = (point, words, taken_from, taken_to) => {
            const x = x_of(point);
            const width = pen.measureText(words).width;
            const rightmost = bbox.left + bbox.width + 12 * scale - width;
            let left = Math.min(Math.max(x - width / 2, bbox.left), rightmost);
            upright(x, colours.dim, [2, 3]);
            if (left < taken_to && left + width > taken_from)
                left = taken_to;
            if (left > rightmost)
                return [taken_from, taken_to]; // no room; to the left of the other flag it would mislead
            pen.fillStyle = colours.text;
            pen.textBaseline = "alphabetic";
            pen.textAlign = "left";
            pen.fillText(words, left, bbox.top - 10 * scale);
            return [left - 12 * scale, left + width + 12 * scale];
        };
        const at = (point) => format_bytes(profile.rss[point]);
        const [from, to] = flag(profile.peak, `peak ${at(profile.peak)}`, 1, 0);
        if (profile.end !== profile.peak)
            flag(profile.end, `end ${at(profile.end)}`, from, to);

        pen.lineWidth = 1.5 * scale;
        upright(x_of(choice.to), colours.accent, []);
        if (choice.kind === "range")
            upright(x_of(choice.from), colours.accent, []);
        for (const point of new Set([choice.from, choice.to])) {
            pen.beginPath();
            pen.arc(x_of(point), y_of(profile.rss[point]), 4.5 * scale, 0, 2 * Math.PI);
            pen.fillStyle = colours.accent;
            pen.fill();
            pen.strokeStyle = colours.ground;
            pen.stroke();
        }
        pen.restore();
    }

    follow_pointer(over) {
        let start = null;
        const point_of = (event) => {
            const box = over.getBoundingClientRect();
            return this.chart.posToIdx(Math.max(0, Math.min(box.width, event.clientX - box.left)));
        };
        const set_range = (event) => this.store.set({ choice: range(start.point, point_of(event)) });
        over.addEventListener("pointerdown", (event) => {
            if (event.button !== 0)
                return;
            start = { x: event.clientX, point: point_of(event), dragged: false };
            over.setPointerCapture(event.pointerId);
        });
        over.addEventListener("pointermove", (event) => {
            if (!start)
                return;
            start.dragged ||= Math.abs(event.clientX - start.x) >= DRAG_STARTS_AT_PX;
            if (start.dragged)
                set_range(event);
        });
        over.addEventListener("pointerup", (event) => {
            if (!start)
                return;
            if (start.dragged)
                set_range(event);
            else
                this.store.set({ choice: moment(point_of(event)) });
            start = null;
        });
        over.addEventListener("pointercancel", () => {
            start = null;
        });
    }

    resize() {
        const size = this.size();
        if (this.chart && this.chart.width !== size.width)
            this.chart.setSize(size);
    }

    /** What is chosen or lit has changed; the areas are the same. */
    update() {
        this.chart.redraw(true, false);
        this.show_legend();
        this.describe();
    }

    describe() {
        const { choice } = this.store.state;
        const { profile, root } = this;
        root.setAttribute("aria-valuemin", "0");
        root.setAttribute("aria-valuemax", String(profile.point_count - 1));
        root.setAttribute("aria-valuenow", String(choice.to));
        root.setAttribute("aria-valuetext", `${format_time(profile.time[choice.to])}, ${format_bytes(profile.rss[choice.to])} resident`);
    }

    fill_legend() {
        const point = this.hovered ?? this.store.state.choice.to;
        const rss = this.profile.rss[point];
        const items = this.layers
            .map((layer) => ({ layer, bytes: layer.held[point] }))
            .sort((a, b) => b.bytes - a.bytes);
        const head = element("li.head", {},
            element("span.name", {}, `At ${format_time(this.profile.time[point])}`), element("span.bytes", {}, format_bytes(rss)));
        this.legend.replaceChildren(head, ...items.map(({ layer, bytes }) => this.legend_item(layer, bytes, rss)),
            ...this.lines.map((line) => element("li.plain", { title: line.title },
                element("span.swatch.dashed"), element("span.name", {}, line.name), element("span.bytes", {}, format_bytes(line.bytes[point])))));
    }

    legend_item(layer, bytes, rss) {
        const swatch = element("span.swatch");
        const colour = layer_colour(layer, this.theme);
        swatch.style.background = layer.hatched
            ? `repeating-linear-gradient(135deg, ${colour} 0 2px, ${mix(colour, this.colours.ground, 0.6)} 2px 5px)` : colour;
        const bar = element("span.length");
        bar.style.width = `${rss > 0 ? Math.min(100, (100 * Math.max(0, bytes)) / rss) : 0}%`;
        bar.style.background = colour;
        const none = bytes > 0 ? "" : ".none";
        const content = [swatch, element("span.name", {}, layer.name), element("span.bytes", {}, format_bytes(bytes)), bar];
        const title = `${layer.title}\n${format_share(bytes, rss)} of what was resident`;
        if (layer.function_id < 0)
            return element(`li.plain${none}`, { title }, ...content);
        const { mark } = this.store.state;
        const pressed = mark !== null && mark.by === "functions" && mark.id === layer.function_id;
        return element(`li${none}`, { title }, element("button", {
            type: "button", "aria-pressed": String(pressed), "data-full": layer.title,
            onclick: () => this.store.set({ mark: pressed ? null : { by: "functions", id: layer.function_id } }),
        }, ...content));
    }
}
