/* Which source lines a page shows, with what stands around them. Knows the profile and source
 * files; must not know the rest of the page. */
#include "excerpts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source.h"

#define LINES_MAX 40 /* that matter most */
#define CONTEXT   3  /* lines around each */

/* A line worth showing. */
struct place {
    const char *file;
    int32_t line;
    uint64_t weight;
};

static int by_weight(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->weight > y->weight ? -1 : x->weight < y->weight;
}

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int r = strcmp(x->file, y->file);
    return r ? r : x->line < y->line ? -1 : x->line > y->line;
}

static uint64_t most(const struct figures *figures)
{
    uint64_t most = figures->grown_bytes;
    if (figures->held_at_peak_bytes > most)
        most = figures->held_at_peak_bytes;
    return figures->held_at_end_bytes > most ? figures->held_at_end_bytes : most;
}

/* The heaviest lines, in the order of files and lines. */
static int choose_places(const struct profile *profile, struct place **ret_places,
                         size_t *ret_count)
{
    struct place *places = calloc(profile->line_count + 1, sizeof(*places));
    size_t count = 0;
    if (!places)
        return -ENOMEM;
    for (size_t i = 0; i < profile->line_count; i++) {
        const struct profile_row *row = &profile->lines[i];
        uint64_t weight = most(row->user ? &row->total : &row->self);
        if (row->file[0] && row->line > 0 && !row->module && weight > 0)
            places[count++] = (struct place){row->file, row->line, weight};
    }
    qsort(places, count, sizeof(*places), by_weight);
    if (count > LINES_MAX)
        count = LINES_MAX;
    qsort(places, count, sizeof(*places), by_place);
    *ret_places = places;
    *ret_count = count;
    return 0;
}

static void put_lines(struct emit *emit, const struct source *source, const struct place *places,
                      size_t count)
{
    int32_t next = 1;
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        int32_t line = places[i].line - CONTEXT;
        for (line = line > next ? line : next; line <= places[i].line + CONTEXT; line++) {
            struct buffer text = {0};
            if (source_put_line(source, line, &text)) {
                emit_raw(emit, first ? "[" : ",[");
                emit_integer(emit, line);
                emit_raw(emit, ",");
                emit_integer(emit, emit_string_id(emit, text.length ? (const char *)text.data : "",
                                                  text.length));
                emit_raw(emit, "]");
                first = false;
            }
            buffer_deinit(&text);
        }
        next = line;
    }
}

void excerpts_put(struct emit *emit, const struct profile *profile)
{
    _cleanup_(freep) struct place *places = NULL;
    size_t count = 0;
    int r = choose_places(profile, &places, &count);
    emit_name(emit, "sources");
    emit_raw(emit, "[");
    for (size_t i = 0, n; r >= 0 && i < count; i += n) {
        struct source source;
        for (n = 1; i + n < count && strcmp(places[i + n].file, places[i].file) == 0;)
            n++;
        r = source_open(profile, places[i].file, &source);
        if (r < 0)
            break;
        emit_raw(emit, i > 0 ? ",{" : "{");
        emit_named_integer(emit, "file",
                           (uint64_t)emit_string_id(emit, places[i].file, strlen(places[i].file)));
        emit_named_string(emit, "missing", source.missing);
        emit_name(emit, "lines");
        emit_raw(emit, "[");
        put_lines(emit, &source, &places[i], n);
        emit_raw(emit, "]}");
        source_close(&source);
    }
    emit_raw(emit, "]");
    if (r < 0 && emit->result >= 0)
        emit->result = r;
}
