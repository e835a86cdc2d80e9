// How an owner of bytes is written: short on the page, in full on hover and on copy.
import { SPECIAL_MEANINGS } from "./data.js";
import { file_name, visible } from "./format.js";

/** "prices.py:41" */
export function place(owner) {
    if (owner.kind === "special")
        return "";
    return visible(file_name(owner.file)) + (owner.line > 0 ? `:${owner.line}` : "");
}

/** "load" or "<native>" */
export const short_name = (owner) => visible(owner.function);

/** "load  prices.py:41" */
export const label = (owner) => (owner.kind === "special" ? short_name(owner) : `${short_name(owner)}  ${place(owner)}`);

/** The whole truth, for a title and for the clipboard. */
export function full_name(owner) {
    if (owner.kind === "special")
        return `${owner.function}: ${SPECIAL_MEANINGS[owner.special] ?? ""}`;
    const module = owner.module && owner.module !== owner.file ? `\nin ${owner.module}` : "";
    return `${owner.function}\n${owner.file}${owner.line > 0 ? `:${owner.line}` : ""}${module}`;
}

/** The name that decides the colour: the same from run to run, wherever the project lies. */
export const colour_name = (owner) => `${file_name(owner.file)}:${owner.function}`;
