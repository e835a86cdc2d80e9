// Fills a built page.html with the sample data, as src/render/html.c does with a real recording.
// Usage: node make-page.mjs TEMPLATE OUTPUT [big|unsure|DATA.json]
import { readFileSync, writeFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import { big_data } from "./big-data.mjs";
import { sample_data } from "./sample-data.mjs";

const [template, output, what] = process.argv.slice(2);
if (!output) {
    process.stderr.write("Usage: node make-page.mjs TEMPLATE OUTPUT [big|unsure|DATA.json]\n");
    process.exit(1);
}
const made = { big: big_data, unsure: () => sample_data({ sure: false }) };
const data = !what ? sample_data() : made[what]?.() ?? JSON.parse(readFileSync(what, "utf8"));
const summary = `<h1>job.py held 1.92 GiB at its peak, 12.4 s in; 73 % of that came in at prices.py:41 (load).</h1>
<dl><div><dt>Peak</dt><dd>1.92 GiB</dd></div><div><dt>End</dt><dd>231 MiB</dd></div>
<div><dt>Grown</dt><dd>5.30 GiB</dd></div><div><dt>Released</dt><dd>5.09 GiB</dd></div></dl>
<table><thead><tr><th>Held at the peak</th><th>Share</th><th>Line</th></tr></thead>
<tbody><tr><td>1.41 GiB</td><td>73 %</td><td>prices.py:41 load</td></tr>
<tr><td>312 MiB</td><td>16 %</td><td>prices.py:57 join</td></tr></tbody></table>`;
writeFileSync(output, readFileSync(template, "utf8")
    .replace("<!--memsample:title-->", () => "job.py, 1.92 GiB at the peak - memsample")
    .replace("<!--memsample:summary-->", () => summary)
    .replace("<!--memsample:data-->", () => deflateRawSync(JSON.stringify(data)).toString("base64")));
