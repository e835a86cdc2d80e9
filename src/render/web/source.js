// The source around a line, with the bytes of every line beside it. What could not be read is said.
import { element } from "./dom.js";
import { format_bytes, visible } from "./format.js";

const AROUND = 6;

/** Line numbers to show: around the owner's line, or all that is known of a function and holds something. */
function numbers_around(owner, known, bytes) {
    const centres = owner.kind === "line" ? [owner.line]
        : [...bytes.keys()].filter((number) => bytes.get(number).function_id === owner.id);
    const around = owner.kind === "line" ? AROUND : 2;
    return [...known.keys()].sort((a, b) => a - b)
        .filter((number) => centres.some((centre) => Math.abs(number - centre) <= around));
}

/** @param {Map<number, {bytes: number, function_id: number}>} bytes by line of the owner's file */
export function source_view(profile, owner, bytes, words) {
    const view = element("div.source");
    if (owner.kind === "special") {
        view.append(element("p", {}, "No source: this memory belongs to no Python line."));
        return view;
    }
    view.append(element("p.path", { "data-full": owner.file }, visible(owner.file)));
    const source = profile.source(owner.file);
    const numbers = source ? numbers_around(owner, source.lines, bytes) : [];
    if (!numbers.length) {
        const why = source?.missing ? `: ${visible(source.missing)}` : " for lines this small";
        view.append(element("p", {}, `Source is not shown${why}.`));
        return view;
    }
    const most = Math.max(1, ...numbers.map((number) => bytes.get(number)?.bytes ?? 0));
    const indent = Math.min(...numbers.map((number) => source.lines.get(number)).filter((text) => text.trim())
        .map((text) => text.length - text.trimStart().length));
    const list = element("ol", { "aria-label": `Source lines with bytes ${words}` });
    numbers.forEach((number, i) => {
        if (i > 0 && numbers[i - 1] !== number - 1)
            list.append(element("li.gap", { "aria-hidden": "true" }, "⋯"));
        const size = bytes.get(number)?.bytes ?? 0;
        const bar = element("span.length");
        bar.style.width = `${(100 * size) / most}%`;
        list.append(element(number === owner.line && owner.kind === "line" ? "li.here" : "li", {},
            element("span.bytes", {}, bar, element("span", {}, size > 0 ? format_bytes(size) : "")),
            element("span.number", {}, String(number)),
            element("code", {}, source.lines.get(number).slice(Number.isFinite(indent) ? indent : 0))));
    });
    view.append(list);
    return view;
}
