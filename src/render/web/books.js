// What a line did with memory, in words: what came in through it and how sure that is, what of it went away, and what it
// gave back itself.
import { BASELINE, NATIVE, SMALLER, UNATTRIBUTED } from "./data.js";
import { element } from "./dom.js";
import { format_bytes, format_certain } from "./format.js";

const KINDS_SAID = 4;
const NAMES = { line: "this line", function: "this function" };
const SPECIAL_NAMES = { [NATIVE]: "these threads", [BASELINE]: "the baseline", [UNATTRIBUTED]: "no known line", [SMALLER]: "these stacks" };

/** Special owners take what no line is charged with: nothing there to be sure of. */
export const can_be_certain = (owner) => owner.kind !== "special";

function about_growth(owner, grown, certain) {
    if (owner.special === BASELINE)
        return "there before the first reading";
    if (owner.special === NATIVE)
        return "by threads that ran no Python code";
    if (!can_be_certain(owner))
        return "charged to no line";
    if (certain === 0)
        return "none of it certain: right on average";
    return certain === grown ? "all of it certain" : `${format_certain(certain, grown)} of it certain, the rest right on average`;
}

/** "1.2 GiB arenas of glibc's malloc, 310 MiB anonymous mappings" @param {{title: string, bytes: number}[]} kinds */
export const kinds_in_words = (kinds) => kinds.slice(0, KINDS_SAID).map(({ title, bytes }) => `${format_bytes(bytes)} in ${title}`).join(", ");

/** @param {{grown: number, certain: number, released: number, freed: number}} bytes @param {string} span "up to 3.0 s"
 *  @param {{title: string, bytes: number}[]} kinds of memory, over the whole run */
export function books_view(owner, bytes, span, kinds = []) {
    const it = NAMES[owner.kind] ?? SPECIAL_NAMES[owner.special] ?? "it";
    const facts = [
        ["Grown", bytes.grown, bytes.grown > 0 ? about_growth(owner, bytes.grown, bytes.certain) : ""],
        ["Released", bytes.released, `memory of ${it} that went away, whoever gave it back`],
        ["Freed", bytes.freed, `given back by ${it}, as far as seen, whosever memory it was`],
    ];
    return element("div.books", {}, element("p.span", {}, span.charAt(0).toUpperCase() + span.slice(1)),
        element("dl", {}, ...facts.flatMap(([name, size, meaning]) => [
            element("dt", {}, name), element("dd.bytes", {}, size > 0 ? format_bytes(size) : "–"), element("dd", {}, meaning),
        ])),
        ...(kinds.length ? [element("p.kinds", {}, `Kinds of memory, over the whole run: ${kinds_in_words(kinds)}.`)] : []));
}
