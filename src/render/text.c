/* The table that every tutorial of memory_profiler teaches, one for each file that matters. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "base/paths.h"
#include "formats.h"
#include "kinds.h"
#include "source.h"
#include "wording.h"

#define SHARE_MIN     1000 /* a file or line matters from one part in this of all growth */
#define CONTEXT_LINES 2
#define FUNCTION_MAX                                                                               \
    40 /* a function is shown from its first line when the line that matters is so near */
#define FILES_MAX  50
#define NATIVE_MAX 40 /* functions */
#define KINDS_MAX  20 /* lines */

/* Rows of one file, in the order of lines. */
struct chapter {
    const char *file;
    const struct profile_row **rows;
    size_t count, cap;
    uint64_t most_bytes; /* of any line: files are sorted by it */
};

struct book {
    struct chapter *chapters;
    size_t count, cap;
};

static void book_deinit(struct book *book)
{
    for (size_t i = 0; i < book->count; i++)
        free(book->chapters[i].rows);
    free(book->chapters);
}

/* Library lines count only with what they took themselves: their callers are what a reader can
 * change. */
static uint64_t weight_of(const struct profile_row *row)
{
    return row->user ? row->total.grown_bytes : row->self.grown_bytes;
}

static int book_add(struct book *book, const struct profile_row *row)
{
    struct chapter *chapter = NULL;
    for (size_t i = 0; i < book->count && !chapter; i++)
        if (strcmp(book->chapters[i].file, row->file) == 0)
            chapter = &book->chapters[i];
    if (!chapter) {
        if (array_reserve(&book->chapters, &book->cap, book->count + 1, sizeof(*chapter)) < 0)
            return -ENOMEM;
        chapter = &book->chapters[book->count++];
        *chapter = (struct chapter){.file = row->file};
    }
    if (array_reserve(&chapter->rows, &chapter->cap, chapter->count + 1,
                      sizeof(struct profile_row *)) < 0)
        return -ENOMEM;
    chapter->rows[chapter->count++] = row;
    if (weight_of(row) > chapter->most_bytes)
        chapter->most_bytes = weight_of(row);
    return 0;
}

static int compare_lines(const void *a, const void *b)
{
    const struct profile_row *const *x = a, *const *y = b;
    return (*x)->line < (*y)->line ? -1 : (*x)->line > (*y)->line;
}

static int compare_chapters(const void *a, const void *b)
{
    const struct chapter *x = a, *y = b;
    if (x->most_bytes != y->most_bytes)
        return x->most_bytes > y->most_bytes ? -1 : 1;
    return strcmp(x->file, y->file);
}

static int gather(const struct profile *profile, struct book *book)
{
    for (size_t i = 0; i < profile->source_line_count; i++) {
        const struct profile_row *row = &profile->source_lines[i];
        if (!row->file[0] || row->module || weight_of(row) == 0 ||
            weight_of(row) < profile->totals.grown_bytes / SHARE_MIN)
            continue;
        int r = book_add(book, row);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < book->count; i++)
        qsort(book->chapters[i].rows, book->chapters[i].count, sizeof(struct profile_row *),
              compare_lines);
    if (book->count > 0)
        qsort(book->chapters, book->count, sizeof(*book->chapters), compare_chapters);
    return 0;
}

static void put_mebibytes(struct buffer *out, int width, int64_t bytes)
{
    buffer_printf(out, "%*.1f MiB", width - 4, (double)bytes / (double)MIB);
}

static void put_contents(struct buffer *out, const struct source *source, int32_t line)
{
    struct buffer text = {0};
    if (source_put_line(source, line, &text) && text.length > 0) {
        buffer_put_u8(&text, 0);
        if (!text.failed) {
            buffer_put_text(out, "   ");
            const char *at = (const char *)text.data;
            for (; *at == '\t'; at++) /* the indentation is part of the source */
                buffer_put_text(out, "        ");
            wording_put_visible(out, at);
        }
    }
    buffer_put_text(out, "\n");
    buffer_deinit(&text);
}

static void put_row(struct buffer *out, const struct profile_row *row, const struct source *source)
{
    buffer_printf(out, "%6d ", row->line);
    put_mebibytes(out, 12, (int64_t)row->last_rss_bytes);
    buffer_put_text(out, " ");
    put_mebibytes(out, 12, (int64_t)row->total.held_at_end_bytes);
    buffer_printf(out, "  %10llu", (unsigned long long)row->sample_count);
    put_contents(out, source, row->line);
}

/* Lines around those that matter, so that a reader sees where he is. */
static void put_gap(struct buffer *out, const struct source *source, int32_t from, int32_t to)
{
    for (int32_t line = from; line <= to && (size_t)line <= source->line_count; line++) {
        buffer_printf(out, "%6d %12s %12s  %10s", line, "", "", "");
        put_contents(out, source, line);
    }
}

/* The first line to show before `row`, when `shown` is the last one above it. */
static int32_t start_before(const struct profile *profile, const struct profile_row *row,
                            int32_t shown)
{
    int32_t start = row->line > CONTEXT_LINES ? row->line - CONTEXT_LINES : 1;
    for (size_t i = 0; i < profile->frame_count; i++) {
        const struct profile_frame *frame = &profile->frames[i];
        if (frame->line == row->line && frame->file == row->file && frame->first_line > 0 &&
            frame->first_line < start && row->line - frame->first_line <= FUNCTION_MAX)
            start = frame->first_line;
    }
    return start > shown ? start : shown + 1;
}

static void put_rows(const struct profile *profile, const struct chapter *chapter,
                     const struct source *source, struct buffer *out)
{
    int32_t shown = 0;
    for (size_t i = 0; i < chapter->count; i++) {
        const struct profile_row *row = chapter->rows[i];
        int32_t start = start_before(profile, row, shown);
        if (shown > 0 && start - shown <= CONTEXT_LINES + 1)
            start = shown + 1; /* a gap smaller than its mark */
        else if (shown > 0 && source->line_count > 0)
            buffer_put_text(out, "   ...\n");
        put_gap(out, source, start, row->line - 1);
        put_row(out, row, source);
        shown = row->line;
    }
    put_gap(out, source, shown + 1, shown + CONTEXT_LINES);
}

static int put_chapter(const struct profile *profile, const struct chapter *chapter,
                       struct buffer *out)
{
    struct source source;
    int r = source_open(profile, chapter->file, &source);
    if (r < 0)
        return r;
    buffer_put_text(out, "\nFilename: ");
    wording_put_visible(out, chapter->file);
    if (source.missing[0])
        buffer_printf(out, " (%s)", source.missing);
    buffer_put_text(out, "\n\nLine #    Mem usage    Increment  Occurrences   Line Contents\n"
                         "=============================================================\n");
    put_rows(profile, chapter, &source, out);
    source_close(&source);
    return 0;
}

static void put_trust(const struct profile *profile, struct buffer *out)
{
    buffer_put_text(out, "By the ");
    wording_put_clock(out, profile);
    buffer_put_text(out, " (");
    wording_put_visible(out, profile->target.clock_reason);
    buffer_put_text(out, ").\n");
    wording_put_trust(out, profile);
    buffer_put_text(out, profile->unwound.stacks ? "; " : "");
    wording_put_native(out, profile);
    buffer_printf(out, ". %s\n", wording_certain);
}

static void put_head(const struct profile *profile, struct buffer *out)
{
    char bytes[4][UNITS_TEXT_MAX];
    wording_put_answer(out, profile);
    buffer_printf(out, "\nEnd %s, grown %s, released %s, resident at the start %s.\n",
                  units_format_bytes(profile->totals.end_rss_bytes, bytes[0]),
                  units_format_bytes(profile->totals.grown_bytes, bytes[1]),
                  units_format_bytes(profile->totals.released_bytes, bytes[2]),
                  units_format_bytes(profile->totals.baseline_bytes, bytes[3]));
    struct buffer notes = {0};
    wording_put_notes(&notes, profile);
    buffer_put(out, notes.data, notes.length);
    if (notes.length > 0)
        buffer_put_text(out, "\n");
    buffer_deinit(&notes);
    put_trust(profile, out);
    buffer_put_text(out,
                    "Mem usage: the process's resident memory when the line was last sampled. "
                    "Increment: resident memory that came in at the line or in what it called, "
                    "and was still there at the end. Occurrences: samples.\n");
}

static void put_specials(const struct profile *profile, struct buffer *out)
{
    char grown[UNITS_TEXT_MAX], held[UNITS_TEXT_MAX];
    bool any = false;
    for (size_t i = 0; i < profile->function_count; i++)
        any |= wording_special(&profile->functions[i]) != NULL;
    if (!any)
        return;
    buffer_put_text(out, "\nNot in any file:\n");
    for (size_t i = 0; i < profile->function_count; i++) {
        const struct profile_row *row = &profile->functions[i];
        const char *meaning = wording_special(row);
        if (meaning)
            buffer_printf(out, "  %-16s grown %s, held at the end %s (%s)\n", row->function,
                          units_format_bytes(row->self.grown_bytes, grown),
                          units_format_bytes(row->self.held_at_end_bytes, held), meaning);
    }
}

/* What lines had done: functions of libraries, by what came in while they ran. */
static void put_native(const struct profile *profile, struct buffer *out)
{
    char self[UNITS_TEXT_MAX], total[UNITS_TEXT_MAX];
    bool any = false;
    for (size_t i = 0, shown = 0; i < profile->function_count && shown < NATIVE_MAX; i++) {
        const struct profile_row *row = &profile->functions[i];
        if (!row->module || row->total.grown_bytes < profile->totals.grown_bytes / SHARE_MIN)
            continue;
        if (!any)
            buffer_put_text(out, "\nNative functions:\n     itself  with callees\n");
        any = true;
        shown++;
        buffer_printf(out, "  %9s      %9s  ", units_format_bytes(row->self.grown_bytes, self),
                      units_format_bytes(row->total.grown_bytes, total));
        wording_put_visible(out, row->function);
        buffer_put_text(out, "  in ");
        wording_put_visible(out, row->module[0] ? path_base_name(row->module) : "no file");
        buffer_put_text(out, "\n");
    }
}

/* What kind of memory each of the heaviest lines took. */
static void put_kinds(const struct profile *profile, struct buffer *out)
{
    if (!profile->has_kinds)
        return;
    buffer_put_text(out, "\nKinds of memory that grew: ");
    kinds_put_all(out, profile);
    buffer_put_text(out, ".\n");
    for (size_t i = 0; i < profile->culprit_count && i < KINDS_MAX; i++) {
        const struct profile_row *row = &profile->culprits[i];
        struct buffer text = {0};
        kinds_put(&text, &row->kinds, NULL);
        if (text.length && row->total.grown_bytes >= profile->totals.grown_bytes / SHARE_MIN) {
            buffer_put_text(out, "  ");
            wording_put_place(out, row);
            buffer_put_text(out, "  ");
            buffer_put(out, text.data, text.length);
            buffer_put_text(out, "\n");
        }
        buffer_deinit(&text);
    }
}

static void buffer_deinitp(struct buffer *buffer)
{
    buffer_deinit(buffer);
}

int text_render(struct profile *profile, FILE *out, struct error *error)
{
    _cleanup_(book_deinit) struct book book = {0};
    _cleanup_(buffer_deinitp) struct buffer text = {0};
    int r = gather(profile, &book);
    put_head(profile, &text);
    for (size_t i = 0; r >= 0 && i < book.count && i < FILES_MAX; i++)
        r = put_chapter(profile, &book.chapters[i], &text);
    if (r >= 0 && book.count > FILES_MAX)
        buffer_printf(&text, "\n%zu more files are left out.\n", book.count - FILES_MAX);
    put_specials(profile, &text);
    put_native(profile, &text);
    put_kinds(profile, &text);
    if (r < 0 || text.failed)
        return error_set(error, -ENOMEM, "out of memory while the report was made");
    errno = 0;
    if (fwrite(text.data, 1, text.length, out) != text.length)
        return error_set(error, errno ? -errno : -EIO, "cannot write the report: %s",
                         strerror(errno ? errno : EIO));
    return 0;
}
