import assert from "node:assert/strict";
import test from "node:test";
import { file_name, format_bytes, format_certain, format_count, format_share, format_tick, format_time, visible } from "../../../src/render/web/format.js";

const MIB = 1024 ** 2;

test("bytes have three significant digits and binary units", () => {
    assert.deepEqual([0, 412, 1024, 1536, 96 * MIB, 231 * MIB, 1.92 * 1024 * MIB, 1023.6 * MIB].map(format_bytes),
        ["0 B", "412 B", "1.00 KiB", "1.50 KiB", "96.0 MiB", "231 MiB", "1.92 GiB", "1.00 GiB"]);
    assert.equal(format_bytes(-3 * MIB), "−3.00 MiB");
});

test("axis labels are short", () => {
    assert.deepEqual([0, 256 * MIB, 1.5 * 1024 * MIB].map(format_tick), ["0 B", "256 MiB", "1.5 GiB"]);
});

test("times agree with the terminal", () => {
    assert.deepEqual([0, 0.00087, 0.0124, 0.42, 1, 18.23, 99.96, 124, 184, 7500].map(format_time),
        ["0.0 s", "870 µs", "12.4 ms", "0.42 s", "1.0 s", "18.2 s", "100 s", "124 s", "3 min 04 s", "2 h 05 min"]);
});

test("shares are whole from one per cent up", () => {
    assert.deepEqual([[73.4, 100], [0.4, 100], [0, 100], [1, 0], [100, 100]].map(([a, b]) => format_share(a, b)),
        ["73 %", "0.4 %", "0 %", "0 %", "100 %"]);
});

test("nothing uncertain is rounded up to certain", () => {
    assert.deepEqual([[997, 1000], [1000, 1000], [999999, 1000000], [19, 1000], [9.9, 1000], [0, 100], [0, 0]].map(([a, b]) => format_certain(a, b)),
        ["99 %", "100 %", "99 %", "1 %", "0.9 %", "0 %", "0 %"]);
});

test("counts are grouped", () => {
    assert.deepEqual([7, 1234, 18212, 1234567].map(format_count), ["7", "1 234", "18 212", "1 234 567"]);
});

test("paths lose their left side", () => {
    assert.equal(file_name("/a/b/c.py"), "c.py");
    assert.equal(file_name("<string>"), "<string>");
    assert.equal(file_name(""), "");
});

test("control characters are shown, not obeyed", () => {
    assert.equal(visible("a\nb\u0000c\u202ed"), "a⏎b\\u0000c\\u202ed");
    assert.equal(visible("übergröße 数据 🧨"), "übergröße 数据 🧨");
});
