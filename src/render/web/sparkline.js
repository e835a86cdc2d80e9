// A small picture of one owner's bytes over time, scaled to its own largest value; a mark shows what is chosen.
import { svg } from "./dom.js";

const WIDTH = 100;
const HEIGHT = 22;
const BUCKETS = 100;

/** The largest value of each bucket: a short peak must not disappear. */
function outline(series, time) {
    const first = time[0];
    const span = time[time.length - 1] - first || 1;
    const most = new Float64Array(BUCKETS + 1).fill(-1);
    let top = 0;
    for (let p = 0; p < series.length; p++) {
        const bucket = Math.round(((time[p] - first) / span) * BUCKETS);
        most[bucket] = Math.max(most[bucket], series[p]);
        top = Math.max(top, series[p]);
    }
    let last = 0;
    let path = `M0,${HEIGHT}`;
    for (let b = 0; b <= BUCKETS; b++) {
        last = most[b] < 0 ? last : most[b];
        path += `L${b},${(HEIGHT - (top > 0 ? (HEIGHT - 1) * last / top : 0)).toFixed(1)}`;
    }
    return `${path}L${WIDTH},${HEIGHT}Z`;
}

export class Sparkline {
    constructor() {
        this.area = svg("path");
        this.mark = svg("rect", { class: "mark", y: 0, height: HEIGHT });
        this.element = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
            this.area, this.mark);
    }

    draw(series, time) {
        this.area.setAttribute("d", outline(series, time));
    }

    point_out(choice, time) {
        const first = time[0];
        const span = time[time.length - 1] - first || 1;
        const x = (point) => ((time[point] - first) / span) * WIDTH;
        this.mark.setAttribute("x", Math.max(0, x(choice.from) - 0.5).toFixed(1));
        this.mark.setAttribute("width", Math.max(1, x(choice.to) - x(choice.from)).toFixed(1));
        this.mark.setAttribute("class", `mark ${choice.kind}`);
    }
}
