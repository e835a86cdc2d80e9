// The table of lines or functions: held, grown, released, share, over time, where. Sortable; a row opens to its source.
import { ROOT } from "./data.js";
import { books_view, can_be_certain } from "./books.js";
import { by_id, element, keep_children } from "./dom.js";
import { format_bytes, format_certain, format_share } from "./format.js";
import { full_name, place, short_name } from "./names.js";
import { source_view } from "./source.js";
import { Sparkline } from "./sparkline.js";

const ROWS_FIRST = 15;
const ROWS_MOST = 300;
const LEAST_BYTES = 1024; // memory comes in pages: less is what is left over when lines share one

const COLUMNS = [
    { name: "held", words: "Held", title: "Resident at the chosen moment, or at the end of the range" },
    { name: "grown", words: "Grown", title: "Became resident up to the chosen moment, or in the range; below, how much of it is certain to be this line's" },
    { name: "released", words: "Released", title: "Memory of this line that went away up to the chosen moment, or in the range; below, what the line itself gave back" },
    { name: "share", words: "Share", title: "Share of everything held, or of everything grown in a range" },
    { name: "over", words: "Over time", title: "Held over the whole run; each line to its own scale" },
    { name: "where", words: "Where", title: "File, line and function" },
];

export class Table {
    /** @param {import("./data.js").Profile} profile @param {import("./selection.js").Store} store */
    constructor(profile, store) {
        this.profile = profile;
        this.store = store;
        this.body = by_id("rows");
        this.rows = new Map();
        this.open = new Set();
        this.limit = ROWS_FIRST;
        this.make_heads();
        new ResizeObserver(() => this.fit_details()).observe(this.body);
        by_id("more").addEventListener("click", () => {
            this.limit = this.limit === ROWS_FIRST ? ROWS_MOST : ROWS_FIRST;
            this.draw();
        });
    }

    make_heads() {
        this.heads = COLUMNS.map((column) => {
            const head = element(`th.${column.name}`, { scope: "col", title: column.title });
            if (column.name === "over")
                head.append(column.words);
            else
                head.append(element("button", { type: "button", onclick: () => this.sort_by(column.name) }, column.words));
            return head;
        });
        by_id("heads").replaceChildren(...this.heads);
    }

    /** What the rows are sorted by: chosen, or the figure that the choice is about. */
    order() {
        const { sort, choice } = this.store.state;
        const usual = choice.kind === "range" ? "-grown" : "-held";
        const text = sort || usual;
        return { name: text.replace("-", ""), down: text.startsWith("-") };
    }

    sort_by(name) {
        const now = this.order();
        const down = now.name === name ? !now.down : name !== "where";
        this.store.set({ sort: (down ? "-" : "") + name });
    }

    view() {
        const { by, figures, charge } = this.store.state;
        return { by, figures, charge };
    }

    /** @param {import("./data.js").Measure} measure @param {import("./layers.js").Palette} palette */
    show(measure, palette, words) {
        this.measure = measure;
        this.palette = palette;
        this.words = words;
        this.draw();
    }

    figures_now() {
        const view = this.view();
        const bytes = Object.fromEntries(Object.entries(this.measure).map(([name, own]) => [name, this.profile.by_owner(own, view)]));
        const ranged = this.store.state.choice.kind === "range";
        const main = ranged ? bytes.grown : bytes.held;
        const whole = (ranged ? this.measure.grown : this.measure.held).reduce((a, b) => a + b, 0);
        return { ...bytes, share: main, main, whole, ranged };
    }

    /** In "my code" the total of a library line would count bytes again that stand beside the user's own line. */
    is_listed(owner, figures) {
        if (!["held", "grown", "released", "freed"].some((name) => figures[name][owner.id] > 0))
            return false;
        const view = this.view();
        if (owner.special === ROOT)
            return view.figures === "own";
        if (owner.task) // a group, whose memory is that of its lines
            return view.figures === "total";
        return view.figures === "own" || view.charge === "innermost" || owner.user || owner.kind === "special";
    }

    sorted(figures) {
        const owners = this.profile.owners(this.view().by).filter((owner) => this.is_listed(owner, figures));
        const { name, down } = this.order();
        const places = new Map(name === "where" ? owners.map((owner) => [owner, `${place(owner) || "~"} ${owner.function}`]) : []);
        const compare = name === "where"
            ? (a, b) => places.get(a).localeCompare(places.get(b), "en", { numeric: true })
            : (a, b) => figures[name][a.id] - figures[name][b.id];
        return owners.sort((a, b) => (down ? -compare(a, b) : compare(a, b)) || figures.main[b.id] - figures.main[a.id] || a.id - b.id);
    }

    draw() {
        const figures = this.figures_now();
        const owners = this.sorted(figures);
        const shown = owners.slice(0, this.limit);
        const { by } = this.store.state;
        const order = this.order();
        this.heads.forEach((head, i) => {
            const { name } = COLUMNS[i];
            head.setAttribute("aria-sort", name !== order.name ? "none" : order.down ? "descending" : "ascending");
            head.classList.toggle("main", name === (figures.ranged ? "grown" : "held"));
        });
        const wanted = [];
        for (const owner of shown) {
            const key = `${by} ${owner.id}`;
            if (!this.rows.has(key))
                this.rows.set(key, this.make_row(owner, key));
            const row = this.rows.get(key);
            this.fill_row(row, figures);
            wanted.push(row.line);
            if (this.open.has(key))
                wanted.push(this.fill_detail(row, figures));
        }
        keep_children(this.body, wanted);
        this.fit_details();
        this.show_rest(owners, shown, figures);
    }

    show_rest(owners, shown, figures) {
        const more = by_id("more");
        more.hidden = owners.length <= ROWS_FIRST;
        const rest = owners.length - shown.length;
        const bytes = owners.slice(shown.length).reduce((sum, owner) => sum + figures.main[owner.id], 0);
        const size = this.view().figures === "own" && bytes > 0 ? `: ${format_bytes(bytes)}` : "";
        more.textContent = this.limit === ROWS_FIRST
            ? `Show ${Math.min(owners.length, ROWS_MOST) - ROWS_FIRST} more${size}`
            : `Show the first ${ROWS_FIRST} only`;
        const { lines, bytes: left } = this.profile.raw.left_out;
        const cut = this.limit !== ROWS_FIRST && rest > 0 ? `${rest} more are not shown${size}. ` : "";
        by_id("left-out").textContent = cut + (lines > 0
            ? `${lines} smaller lines are left out; they held ${format_bytes(left)} at most.` : "");
    }

    make_row(owner, key) {
        const cells = Object.fromEntries(COLUMNS.map(({ name }) => [name, element(`td.${name}`)]));
        const spark = new Sparkline();
        cells.over.append(spark.element);
        const sizes = Object.fromEntries(["held", "grown", "released"].map((name) => [name, cells[name].appendChild(element("span"))]));
        const certain = cells.grown.appendChild(element("small"));
        const freed = cells.released.appendChild(element("small"));
        const bar = element("span.length");
        const percent = element("span.percent");
        cells.share.append(element("span.track", {}, bar), percent);
        const swatch = element("span.swatch");
        const code = element("code");
        const name = element("span.name");
        if (owner.kind === "special")
            name.append(element("b", {}, short_name(owner)));
        else
            name.append(element("b", {}, place(owner)), " ", element("span", {}, short_name(owner)));
        const button = element("button.open", { type: "button", title: full_name(owner), "data-full": full_name(owner) }, swatch, name);
        const text = owner.kind === "special" ? "" : this.profile.source_line(owner).trim();
        code.textContent = text;
        cells.where.append(button, ...(text ? [code] : []));
        const line = element("tr", {}, ...COLUMNS.map((column) => cells[column.name]));
        const row = { owner, key, line, cells, sizes, certain, freed, spark, bar, percent, swatch, button, drawn: "" };
        line.addEventListener("click", () => this.toggle(row));
        return row;
    }

    /** One click opens the row and lights what it stands for; the next one undoes both. */
    toggle(row) {
        const { by, mark } = this.store.state;
        if (String(getSelection()).length > 0)
            return;
        const opens = !this.open.has(row.key);
        if (opens)
            this.open.add(row.key);
        else
            this.open.delete(row.key);
        const before = this.store.state;
        if (opens)
            this.store.set({ mark: { by, id: row.owner.id } });
        else if (mark && mark.by === by && mark.id === row.owner.id)
            this.store.set({ mark: null });
        if (this.store.state === before)
            this.draw();
    }

    is_lit(owner) {
        const { by, mark } = this.store.state;
        if (!mark)
            return false;
        if (mark.by === by)
            return mark.id === owner.id;
        return mark.by === "functions" ? owner.function_id === mark.id : this.profile.lines[mark.id].function_id === owner.id;
    }

    fill_row(row, figures) {
        const { owner, cells } = row;
        const size = (bytes) => (bytes >= LEAST_BYTES ? format_bytes(bytes) : "–");
        for (const name of ["held", "grown", "released"])
            row.sizes[name].textContent = size(figures[name][owner.id]);
        this.fill_small(row, figures);
        cells.held.classList.toggle("main", !figures.ranged);
        cells.grown.classList.toggle("main", figures.ranged);
        const main = figures.main[owner.id];
        row.percent.textContent = format_share(main, figures.whole);
        row.bar.style.width = `${figures.whole > 0 ? Math.min(100, (100 * main) / figures.whole) : 0}%`;
        const colour = this.palette.of(owner.function_id);
        row.swatch.style.background = colour;
        row.bar.style.background = colour;
        row.line.style.setProperty("--hue", colour);
        row.line.classList.toggle("lit", this.is_lit(owner));
        row.line.classList.toggle("library", owner.kind === "special" || !owner.user);
        row.button.setAttribute("aria-expanded", String(this.open.has(row.key)));
        const view = this.view();
        const drawn = `${view.figures} ${view.charge}`;
        if (row.drawn !== drawn) {
            row.drawn = drawn;
            row.spark.draw(this.profile.series(owner.id, view), this.profile.time);
        }
        row.spark.point_out(this.store.state.choice, this.profile.time);
    }

    fill_small(row, figures) {
        const { id } = row.owner;
        const grown = figures.grown[id];
        row.certain.textContent = grown > 0 && can_be_certain(row.owner) ? `${format_certain(figures.certain[id], grown)} certain` : "";
        row.freed.textContent = figures.freed[id] > 0 ? `freed ${format_bytes(figures.freed[id])}` : "";
    }

    /** Bytes by line of the owner's file. */
    bytes_by_line(owner) {
        const ranged = this.store.state.choice.kind === "range";
        const own = ranged ? this.measure.grown : this.measure.held;
        const sizes = this.profile.by_owner(own, { ...this.view(), by: "lines" });
        const lines = new Map();
        for (const line of this.profile.lines)
            if (line.kind === "line" && line.file === owner.file && sizes[line.id] > 0) {
                const known = lines.get(line.line);
                lines.set(line.line, { bytes: sizes[line.id] + (known?.bytes ?? 0), function_id: line.function_id });
            }
        return lines;
    }

    /** As wide as the columns that are shown: a narrow screen hides some, and others would take their place. */
    fit_details() {
        const shown = this.heads.filter((head) => head.offsetWidth > 0).length;
        for (const cell of this.body.querySelectorAll("tr.detail > td"))
            cell.colSpan = shown;
    }

    fill_detail(row, figures) {
        row.detail ??= element("tr.detail", {}, element("td"));
        const { owner } = row;
        const bytes = owner.kind === "special" ? new Map() : this.bytes_by_line(owner);
        const own = Object.fromEntries(["grown", "certain", "released", "freed"].map((name) => [name, figures[name][owner.id]]));
        row.detail.firstChild.replaceChildren(books_view(owner, own, this.words.span, this.kinds_of(owner)),
            source_view(this.profile, owner, bytes, this.words.short));
        return row.detail;
    }

    /** Kinds of memory of what the row counts. */
    kinds_of(owner) {
        return this.profile.kinds_in(this.profile.slices_of(this.store.state)[owner.id]);
    }
}
