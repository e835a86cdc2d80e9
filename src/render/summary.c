/* What a run ends with on the terminal. */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "render/render.h"
#include "kinds.h"
#include "source.h"
#include "wording.h"

#define ROWS_MAX  8
#define SHARE_MIN 100 /* rows below one part in this of the peak are left out, but for the first   \
                       */
#define WIDTH_MIN    60
#define WIDTH_MAX    200
#define PLACE_MAX    32
#define FUNCTION_MAX 24

/* Letters, as far as a terminal is concerned: near enough for names in code. */
static int letters_of(const char *text, size_t length)
{
    int letters = 0;
    for (size_t i = 0; i < length; i++)
        letters += ((uint8_t)text[i] & 0xc0) != 0x80;
    return letters;
}

/* Cuts text to `most` letters; the end tells places apart, the beginning tells code apart. */
static void put_clipped(struct buffer *out, const struct buffer *text, int most, bool keep_end)
{
    const char *data = (const char *)text->data;
    int letters = letters_of(data, text->length);
    if (letters <= most) {
        buffer_put(out, data, text->length);
        return;
    }
    size_t at = 0, cut = keep_end ? (size_t)(letters - most + 1) : (size_t)most - 1;
    for (; cut > 0 && at < text->length; cut--)
        do
            at++;
        while (at < text->length && ((uint8_t)data[at] & 0xc0) == 0x80);
    if (keep_end) {
        buffer_put_text(out, "…");
        buffer_put(out, data + at, text->length - at);
    } else {
        buffer_put(out, data, at);
        buffer_put_text(out, "…");
    }
}

static void put_padded(struct buffer *out, const struct buffer *text, int width, bool keep_end)
{
    size_t start = out->length;
    put_clipped(out, text, width, keep_end);
    if (out->failed)
        return;
    for (int i = letters_of((const char *)out->data + start, out->length - start); i < width; i++)
        buffer_put_u8(out, ' ');
}

/* One row's cells. */
struct cells {
    struct buffer place, name, code;
};

static void cells_fill(const struct profile *profile, const struct profile_row *row,
                       struct cells *cells)
{
    struct source source;
    const char *meaning = wording_special(row);
    wording_put_place(&cells->place, row);
    if (meaning) {
        wording_put_visible(&cells->code, meaning);
        return;
    }
    wording_put_visible(&cells->name, row->file[0] ? row->function : "");
    if (source_open(profile, row->file, &source) < 0)
        return;
    struct buffer line = {0};
    if (source_put_line(&source, row->line, &line)) {
        buffer_put_u8(&line, 0);
        const char *text = line.failed ? "" : (const char *)line.data;
        wording_put_visible(&cells->code, text + strspn(text, " \t\f"));
    }
    buffer_deinit(&line);
    source_close(&source);
}

static void cells_deinit(struct cells *cells)
{
    buffer_deinit(&cells->place);
    buffer_deinit(&cells->name);
    buffer_deinit(&cells->code);
}

static int widest(const struct buffer *text, int so_far, int most)
{
    int letters = letters_of((const char *)text->data, text->length);
    letters = letters > so_far ? letters : so_far;
    return letters < most ? letters : most;
}

static size_t count_rows(const struct profile *profile)
{
    size_t count = 0;
    for (; count < profile->culprit_count && count < ROWS_MAX; count++) {
        uint64_t held = profile->culprits[count].self.held_at_peak_bytes;
        if (held == 0 || (count > 0 && held < profile->totals.peak_rss_bytes / SHARE_MIN))
            break;
    }
    return count;
}

static void put_rows(struct buffer *out, const struct profile *profile, int width)
{
    struct cells cells[ROWS_MAX] = {0};
    size_t count = count_rows(profile);
    int place = 0, name = 0;
    for (size_t i = 0; i < count; i++) {
        cells_fill(profile, &profile->culprits[i], &cells[i]);
        place = widest(&cells[i].place, place, PLACE_MAX);
        name = widest(&cells[i].name, name, FUNCTION_MAX);
    }
    int code = width - (4 + 9 + 7 + 2 + place + 2 + name + 2);
    for (size_t i = 0; i < count; i++) {
        char bytes[UNITS_TEXT_MAX], share[UNITS_TEXT_MAX];
        uint64_t held = profile->culprits[i].self.held_at_peak_bytes;
        buffer_printf(out, "    %9s %6s  ", units_format_bytes(held, bytes),
                      units_format_share(held, profile->totals.peak_rss_bytes, share));
        put_padded(out, &cells[i].place, place, true);
        buffer_put_text(out, "  ");
        put_padded(out, &cells[i].name, name, true);
        if (code >= 8 && cells[i].code.length > 0) {
            buffer_put_text(out, "  ");
            put_clipped(out, &cells[i].code, code, false);
        }
        while (out->length > 0 && !out->failed && out->data[out->length - 1] == ' ')
            out->length--;
        buffer_put_text(out, "\n");
        cells_deinit(&cells[i]);
    }
}

static void put_head(struct buffer *out, const struct profile *profile)
{
    char a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX], c[UNITS_TEXT_MAX];
    buffer_put_text(out, "memsample: ");
    if (profile->program[0])
        wording_put_visible(out, profile->program);
    else
        buffer_printf(out, "process %d", profile->target.pid);
    buffer_printf(out, " (pid %d", profile->target.pid);
    if (profile->target.inner_pid)
        buffer_printf(out, ", %d to itself", profile->target.inner_pid);
    if (profile->python_version[0])
        buffer_printf(out, ", Python %s", profile->python_version);
    buffer_printf(out, ") %s %s, ", profile->target.attached ? "was watched for" : "ran",
                  units_format_duration(profile->totals.run_ns, a));
    wording_put_ending(out, profile);
    buffer_printf(out, "\n  peak  %s at %s    end  %s",
                  units_format_bytes(profile->totals.peak_rss_bytes, a),
                  units_format_duration(profile->totals.peak_time_ns, b),
                  units_format_bytes(profile->totals.end_rss_bytes, c));
    buffer_printf(out, "    grown  %s, released  %s\n",
                  units_format_bytes(profile->totals.grown_bytes, a),
                  units_format_bytes(profile->totals.released_bytes, b));
}

/* Sentences may be long: break them at spaces. What follows the lead is as far to the right as the
 * beginning. */
static void put_sentences(struct buffer *out, const struct profile *profile, int width,
                          const char *lead, void (*put)(struct buffer *, const struct profile *))
{
    struct buffer text = {0};
    put(&text, profile);
    size_t room = (size_t)width - strlen(lead);
    for (size_t at = 0; at < text.length && !text.failed;) {
        size_t length = text.length - at;
        if (length > room) {
            length = room;
            while (length > 0 && text.data[at + length] != ' ')
                length--;
            if (length == 0)
                length = text.length - at;
        }
        if (at == 0)
            buffer_put_text(out, lead);
        else
            buffer_printf(out, "%*s", (int)strlen(lead), "");
        buffer_put(out, text.data + at, length);
        buffer_put_text(out, "\n");
        at += length + 1;
    }
    buffer_deinit(&text);
}

void render_summary(const struct profile *profile, const char *page, int width, FILE *out)
{
    struct buffer text = {0};
    width = width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
    put_head(&text, profile);
    if (count_rows(profile) > 0)
        buffer_put_text(&text, "  held at the peak\n");
    put_rows(&text, profile, width);
    put_sentences(&text, profile, width, "  kinds  ", kinds_put_all);
    put_sentences(&text, profile, width, "  note  ", wording_put_notes);
    put_sentences(&text, profile, width, "  trust  ", wording_put_clock);
    put_sentences(&text, profile, width, "         ", wording_put_trust);
    put_sentences(&text, profile, width, "         ", wording_put_native);
    if (page) {
        buffer_put_text(&text, "  page   ");
        wording_put_visible(&text, page);
        buffer_put_text(&text, "\n");
    }
    if (!text.failed)
        fwrite(text.data, 1, text.length, out);
    buffer_deinit(&text);
}
