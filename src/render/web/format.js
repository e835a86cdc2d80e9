// Numbers, times and paths as people read them. The same rules as src/base/units.c, so that page and terminal agree.

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/** Decimals that leave three significant digits. */
const decimals_of = (value) => (value < 9.995 ? 2 : value < 99.95 ? 1 : 0);

/** @param {number} bytes @returns {string} "0 B", "96.0 MiB", "1.92 GiB" */
export function format_bytes(bytes) {
    if (bytes < 0)
        return `−${format_bytes(-bytes)}`;
    if (bytes < 1024)
        return `${Math.round(bytes)} B`;
    let value = bytes / 1024;
    let unit = 0;
    for (; value >= 1023.5 && unit < UNITS.length - 1; unit++)
        value /= 1024;
    return `${value.toFixed(decimals_of(value))} ${UNITS[unit]}`;
}

/** For the axis: the shortest text that is still exact enough, "500 MiB", "1.5 GiB". */
export function format_tick(bytes) {
    if (bytes < 1024)
        return `${Math.round(bytes)} B`;
    let value = bytes / 1024;
    let unit = 0;
    for (; value >= 1024 && unit < UNITS.length - 1; unit++)
        value /= 1024;
    return `${Number(value.toFixed(2))} ${UNITS[unit]}`;
}

/** @param {number} s @returns {string} "0.42 s", "18.2 s", "124 s", "3 min 04 s", "2 h 05 min" */
export function format_time(s) {
    const two = (n) => String(n).padStart(2, "0");
    const whole = Math.round(s);
    if (s > 0 && s < 0.001)
        return `${(s * 1e6).toFixed(decimals_of(s * 1e6))} µs`;
    if (s > 0 && s < 0.1)
        return `${(s * 1e3).toFixed(decimals_of(s * 1e3))} ms`;
    if (s < 99.95)
        return `${s.toFixed(s > 0 && s < 0.995 ? 2 : 1)} s`;
    if (whole < 180)
        return `${whole} s`;
    if (whole < 7200)
        return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
    return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** For the axis: no decimals that say nothing. */
export function format_time_tick(s) {
    return s < 180 ? `${Number(s.toFixed(3))} s` : format_time(s);
}

/** Whole per cent from 1 up, one decimal below. */
export function format_share(part, whole) {
    const percent = whole > 0 ? (100 * part) / whole : 0;
    return `${percent.toFixed(percent > 0 && percent < 0.95 ? 1 : 0)} %`;
}

/** Rounded down: 99.7 % certain is not 100 %. */
export function format_certain(part, whole) {
    const percent = whole > 0 ? Math.floor((1000 * part) / whole) / 10 : 0;
    return `${percent < 1 ? percent : Math.floor(percent)} %`;
}

export function format_count(count) {
    return String(count).replace(/\B(?=(\d{3})+$)/g, " ");
}

/** The last part of a path; special files such as "<string>" stay whole. */
export function file_name(path) {
    const cut = path.lastIndexOf("/");
    return cut < 0 || cut === path.length - 1 ? path : path.slice(cut + 1);
}

/** Control characters would break lines or hide text; show them instead. */
export function visible(text) {
    return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g, (c) => {
        if (c === "\n")
            return "⏎";
        if (c === "\t")
            return "→";
        return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
    });
}
