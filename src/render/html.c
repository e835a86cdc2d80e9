/* The page: the template with three places filled. Names come from a hostile process: in markup
 * everything is escaped, and the data block is base64.
 *
 * A page is at most 2 MB however long the run: when the data are too many, stacks that held little
 * are folded first and the timeline made coarser, and the page says what it left out. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "data.h"
#include "fold.h"
#include "formats.h"
#include "template.h"
#include "wording.h"

#define PAGE_BYTES_MAX (1900 * 1000) /* under the 2 MB that users were promised */
#define POINTS_MAX     1000
#define SHARE_MIN      1000 /* stacks matter from one part in this of the peak, or of all growth */
#define ATTEMPTS_MAX   16
#define ROWS_MAX       20 /* of the table for readers without JavaScript */

static void buffer_deinitp(struct buffer *buffer)
{
    buffer_deinit(buffer);
}

static void put_escaped(struct buffer *out, const char *text)
{
    struct buffer plain = {0};
    wording_put_visible(&plain, text);
    for (size_t i = 0; i < plain.length; i++) {
        uint8_t c = plain.data[i];
        if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
            buffer_printf(out, "&#%d;", c);
        else
            buffer_put_u8(out, c);
    }
    out->failed |= plain.failed;
    buffer_deinit(&plain);
}

/* Escapes what `put` says about the profile. */
static void put_wording(struct buffer *out, const struct profile *profile,
                        void (*put)(struct buffer *, const struct profile *))
{
    struct buffer plain = {0};
    put(&plain, profile);
    buffer_put_u8(&plain, 0);
    if (!plain.failed)
        put_escaped(out, (const char *)plain.data);
    out->failed |= plain.failed;
    buffer_deinit(&plain);
}

static void put_title(struct buffer *out, const struct profile *profile)
{
    char peak[UNITS_TEXT_MAX];
    put_escaped(out, profile->program[0] ? profile->program : "process");
    buffer_printf(out, ": %s at its peak - memsample",
                  units_format_bytes(profile->totals.peak_rss_bytes, peak));
}

static void put_figure(struct buffer *out, const char *name, uint64_t bytes)
{
    char text[UNITS_TEXT_MAX];
    buffer_printf(out, "<div><dt>%s</dt><dd>%s</dd></div>", name, units_format_bytes(bytes, text));
}

static void put_row(struct buffer *out, const struct profile *profile,
                    const struct profile_row *row)
{
    char text[UNITS_TEXT_MAX];
    buffer_printf(out, "<tr><td>%s</td>", units_format_bytes(row->self.held_at_peak_bytes, text));
    buffer_printf(
        out, "<td>%s</td>",
        units_format_share(row->self.held_at_peak_bytes, profile->totals.peak_rss_bytes, text));
    buffer_printf(out, "<td>%s</td><td>", units_format_bytes(row->self.held_at_end_bytes, text));
    put_escaped(out, row->file[0] ? row->function : "");
    buffer_put_text(out, "</td><td>");
    if (row->file[0]) {
        put_escaped(out, row->file);
        buffer_printf(out, ":%d", row->line);
    } else {
        put_escaped(out, row->function);
    }
    buffer_put_text(out, "</td></tr>\n");
}

static void put_summary(struct buffer *out, const struct profile *profile)
{
    buffer_put_text(out, "\n<h1>");
    put_wording(out, profile, wording_put_answer);
    buffer_put_text(out, "</h1>\n<p>");
    put_wording(out, profile, wording_put_notes);
    buffer_put_text(out, "</p>\n<dl>");
    put_figure(out, "Peak", profile->totals.peak_rss_bytes);
    put_figure(out, "End", profile->totals.end_rss_bytes);
    put_figure(out, "Grown", profile->totals.grown_bytes);
    put_figure(out, "Released", profile->totals.released_bytes);
    buffer_put_text(out, "</dl>\n<table>\n<tr><th>At the peak</th><th>Share</th><th>At the end</th>"
                         "<th>Function</th><th>Line</th></tr>\n");
    for (size_t i = 0; i < profile->culprit_count && i < ROWS_MAX; i++)
        if (profile->culprits[i].self.held_at_peak_bytes > 0)
            put_row(out, profile, &profile->culprits[i]);
    buffer_put_text(out, "</table>\n<p>Resident memory, by the ");
    put_wording(out, profile, wording_put_clock);
    buffer_put_text(out, ".</p>\n<p>");
    put_wording(out, profile, wording_put_trust);
    buffer_printf(out,
                  ". %s</p>\n<p>Turn JavaScript on for the timeline and the call stacks.</p>\n",
                  wording_certain);
}

/* Makes the data block so small that it fits beside the rest of the page. */
static int put_data(struct buffer *out, struct profile *profile, size_t bytes_max)
{
    size_t points_max = POINTS_MAX;
    uint64_t held_min = profile->totals.peak_rss_bytes / SHARE_MIN;
    uint64_t moved_min = profile->totals.grown_bytes / SHARE_MIN;
    int r = -EFBIG;
    for (unsigned attempt = 0; r == -EFBIG && attempt < ATTEMPTS_MAX; attempt++) {
        struct fold fold = {0};
        r = profile_thin(profile, points_max);
        if (r >= 0)
            r = fold_create(profile, held_min + 1, moved_min + 1, &fold);
        if (r >= 0)
            r = data_put_packed(profile, &fold, bytes_max, out);
        fold_deinit(&fold);
        if (attempt % 2) {
            points_max /= 2;
        } else {
            held_min *= 2;
            moved_min *= 2;
        }
    }
    return r;
}

/* Copies the template up to `mark` and steps over it; false when there is no such mark. */
static bool copy_until(struct buffer *out, struct bytes *template, const char *mark)
{
    size_t length = strlen(mark);
    const uint8_t *at = memmem(template->data, template->left, mark, length), *skipped;
    if (!at)
        return false;
    size_t before = (size_t)(at - template->data);
    buffer_put(out, template->data, before);
    return bytes_take(template, before + length, &skipped);
}

static int put_page(struct buffer *page, struct profile *profile)
{
    struct bytes template = bytes_of(template_data, template_length);
    if (!copy_until(page, &template, "<!--memsample:title-->"))
        return -EINVAL;
    put_title(page, profile);
    if (!copy_until(page, &template, "<!--memsample:summary-->"))
        return -EINVAL;
    put_summary(page, profile);
    if (!copy_until(page, &template, "<!--memsample:data-->"))
        return -EINVAL;
    size_t used = page->length + template.left;
    int r = put_data(page, profile, PAGE_BYTES_MAX > used ? PAGE_BYTES_MAX - used : 0);
    if (r < 0)
        return r;
    buffer_put(page, template.data, template.left);
    return page->failed ? -ENOMEM : 0;
}

int html_render(struct profile *profile, FILE *out, struct error *error)
{
    _cleanup_(buffer_deinitp) struct buffer page = {0};
    int r = put_page(&page, profile);
    if (r == -EFBIG)
        return error_set(error, r, "the recording has more in it than fits on a page");
    if (r == -EINVAL)
        return error_set(error, r, "this memsample was built with a page that lacks its marks");
    if (r < 0)
        return error_set(error, r, "out of memory while the page was made");
    errno = 0;
    if (fwrite(page.data, 1, page.length, out) != page.length)
        return error_set(error, errno ? -errno : -EIO, "cannot write the page: %s",
                         strerror(errno ? errno : EIO));
    return 0;
}
