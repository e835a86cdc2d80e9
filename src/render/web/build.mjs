// Makes page.html: one file, nothing from outside, with a policy that names the two inline parts by their hash.
// Usage: node build.mjs OUTPUT [DEPFILE]
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const PLACEHOLDERS = ["<!--memsample:title-->", "<!--memsample:summary-->", "<!--memsample:data-->"];

function fail(sentence) {
    process.stderr.write(`${sentence}\n`);
    process.exit(1);
}

async function load_esbuild() {
    try {
        const esbuild = await import("esbuild");
        await import("uplot");
        await import("d3-hierarchy");
        return esbuild;
    } catch {
        return fail("The page's libraries are not installed: run scripts/deps first.");
    }
}

/** The hash is of the exact bytes between the tags. */
const hash_of = (text) => `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'`;

async function bundle(esbuild) {
    const result = await esbuild.build({
        entryPoints: { script: join(here, "main.js"), style: join(here, "style.css") },
        absWorkingDir: here,
        outdir: "out",
        bundle: true,
        write: false,
        minify: true,
        metafile: true,
        charset: "utf8",
        format: "iife",
        target: ["chrome103", "firefox113", "safari16.4"], // the first with DecompressionStream("deflate-raw")
        legalComments: "none",
        logLevel: "warning",
    });
    const text_of = (ending) => result.outputFiles.find((file) => file.path.endsWith(ending)).text.trim();
    return { script: text_of(".js"), style: text_of(".css"), inputs: Object.keys(result.metafile.inputs) };
}

function assemble(template, { script, style }) {
    for (const text of [script, style])
        if (/<\/(script|style)|<!--/i.test(text))
            fail("The bundle contains a tag that would end its own element.");
    const policy = ["default-src 'none'", `script-src ${hash_of(script)}`, `style-src ${hash_of(style)}`,
        "img-src data:", "base-uri 'none'", "form-action 'none'"].join("; ");
    // Functions, because "$&" in minified code must not be taken for a pattern.
    const page = template
        .replace("{{policy}}", () => policy)
        .replace("{{style}}", () => style)
        .replace("{{script}}", () => script);
    for (const placeholder of PLACEHOLDERS)
        if (page.split(placeholder).length !== 2)
            fail(`The page must contain ${placeholder} exactly once.`);
    return page;
}

const [output, depfile] = process.argv.slice(2);
if (!output)
    fail("Usage: node build.mjs OUTPUT [DEPFILE]");
const parts = await bundle(await load_esbuild());
const page = assemble(await readFile(join(here, "template.html"), "utf8"), parts);
await writeFile(output, page);
if (depfile) {
    const inputs = [...parts.inputs.map((path) => resolve(here, path)), join(here, "template.html"), join(here, "build.mjs")];
    const escaped = inputs.map((path) => path.replace(/[ #]/g, "\\$&"));
    await writeFile(depfile, `${relative(process.cwd(), resolve(output))}: ${escaped.join(" ")}\n`);
}
