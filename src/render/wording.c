/* Words that several outputs share. Knows the profile; must not know formats. */
#include "wording.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/paths.h"
#include "base/units.h"

/* One code point of valid UTF-8. */
static uint32_t take_code_point(const uint8_t **at)
{
    const uint8_t *s = *at;
    unsigned more = s[0] < 0x80 ? 0 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;
    uint32_t c = more ? s[0] & (0x3fu >> more) : s[0];
    for (unsigned i = 1; i <= more; i++)
        c = c << 6 | (s[i] & 0x3f);
    *at += more + 1;
    return c;
}

static bool is_hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x200b || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void wording_put_visible(struct buffer *out, const char *text)
{
    for (const uint8_t *at = (const uint8_t *)text; *at;) {
        const uint8_t *start = at;
        uint32_t c = take_code_point(&at);
        if (is_hidden(c))
            buffer_printf(out, "\\u%04x", c);
        else
            buffer_put(out, start, (size_t)(at - start));
    }
}

void wording_put_place(struct buffer *out, const struct profile_row *row)
{
    if (!row->file[0]) {
        buffer_put_text(out, row->function);
        return;
    }
    wording_put_visible(out, path_base_name(row->file));
    if (row->line > 0)
        buffer_printf(out, ":%d", row->line);
}

const char *wording_special(const struct profile_row *row)
{
    if (row->file[0])
        return NULL;
    if (strcmp(row->function, "<native>") == 0)
        return "threads that ran no Python code";
    if (strcmp(row->function, "<unattributed>") == 0)
        return "grew while no stack could be read";
    if (strcmp(row->function, "<baseline>") == 0)
        return "resident before the first reading";
    return NULL;
}

const char *wording_end_reason(const struct profile *profile)
{
    static const char *const names[END_REASONS_END] = {
        [END_EXITED] = "exited",
        [END_SIGNALED] = "signaled",
        [END_DETACHED] = "detached",
        [END_LOST] = "lost",
    };
    return profile->end_reason ? names[profile->end_reason] : "cut";
}

void wording_put_ending(struct buffer *out, const struct profile *profile)
{
    const char *signal_name = NULL;
    switch (profile->end_reason) {
    case END_EXITED:
        buffer_printf(out, "exit status %d", profile->end_status);
        return;
    case END_SIGNALED:
        signal_name = sigabbrev_np(profile->end_status);
        buffer_printf(out, "ended by signal %d", profile->end_status);
        if (signal_name)
            buffer_printf(out, " (%s)", signal_name);
        return;
    case END_DETACHED:
        buffer_put_text(out, "still running when memsample left");
        return;
    case END_LOST:
        buffer_put_text(out, "lost from sight");
        return;
    }
    buffer_put_text(out, "recording cut short");
}

const char wording_certain[] =
    "Certain: met in the act of the page fault, or grown while several samples in a row met the "
    "same line. The rest is right on average, not line by line.";

/* Rounded down: 99.7 % certain is not 100 %. */
static const char *format_certain(uint64_t certain, uint64_t grown, char text[UNITS_TEXT_MAX])
{
    double percent = grown ? 100.0 * (double)certain / (double)grown : 0;
    uint64_t tenths = (uint64_t)(10 * percent);
    if (tenths > 0 && tenths < 10)
        snprintf(text, UNITS_TEXT_MAX, "0.%u %%", (unsigned)tenths);
    else
        snprintf(text, UNITS_TEXT_MAX, "%u %%", (unsigned)(tenths / 10));
    return text;
}

static const struct profile_row *biggest_culprit(const struct profile *profile)
{
    for (size_t i = 0; i < profile->culprit_count; i++)
        if (profile->culprits[i].file[0])
            return profile->culprits[i].self.held_at_peak_bytes ? &profile->culprits[i] : NULL;
    return NULL;
}

void wording_put_answer(struct buffer *out, const struct profile *profile)
{
    char bytes[UNITS_TEXT_MAX], time[UNITS_TEXT_MAX], share[UNITS_TEXT_MAX];
    uint64_t peak_bytes = profile->totals.peak_rss_bytes;
    if (profile->program[0])
        wording_put_visible(out, profile->program);
    else
        buffer_printf(out, "process %d", profile->target.pid);
    buffer_printf(out, " held %s at its peak, %s in", units_format_bytes(peak_bytes, bytes),
                  units_format_duration(profile->totals.peak_time_ns, time));
    const struct profile_row *row = biggest_culprit(profile);
    if (row) {
        buffer_printf(out, "; %s of that came in at ",
                      units_format_share(row->self.held_at_peak_bytes, peak_bytes, share));
        wording_put_place(out, row);
        buffer_put_text(out, " (");
        wording_put_visible(out, row->function);
        buffer_put_text(out, ")");
    }
    buffer_put_text(out, ".");
}

/* The answer names a line: say so if it is not sure that it was this one. */
static void put_uncertain(struct buffer *out, const struct profile *profile)
{
    char share[UNITS_TEXT_MAX];
    const struct profile_row *row = biggest_culprit(profile);
    if (!row || row->self.certain_bytes >= row->self.grown_bytes / 2)
        return;
    if (out->length > 0)
        buffer_put_text(out, " ");
    buffer_printf(out, "Only %s of the growth at ",
                  format_certain(row->self.certain_bytes, row->self.grown_bytes, share));
    wording_put_place(out, row);
    buffer_put_text(out, " is certain to be that line's; the rest is right on average.");
}

static void put_sentence(struct buffer *out, const char *format, const char *text)
{
    if (out->length > 0)
        buffer_put_text(out, " ");
    const char *place = strstr(format, "%s");
    buffer_put(out, format, (size_t)(place - format));
    buffer_put_text(out, text);
    buffer_put_text(out, place + 2);
}

void wording_put_notes(struct buffer *out, const struct profile *profile)
{
    char text[UNITS_TEXT_MAX];
    uint64_t peak = profile->totals.peak_rss_bytes;
    if (profile->cut[0])
        put_sentence(out, "The recording %s.", profile->cut);
    if (profile->totals.peak_reserved_bytes > 64 * MIB &&
        profile->totals.peak_reserved_bytes > peak / 4)
        put_sentence(out,
                     "Up to %s more was reserved but never touched; it costs nothing until it is.",
                     units_format_bytes(profile->totals.peak_reserved_bytes, text));
    if (profile->totals.peak_swap_bytes)
        put_sentence(out, "Up to %s was swapped out and is not in these figures.",
                     units_format_bytes(profile->totals.peak_swap_bytes, text));
    if (profile->totals.high_water_bytes > peak + peak / 50)
        put_sentence(out, "The kernel saw a higher peak between two readings: %s.",
                     units_format_bytes(profile->totals.high_water_bytes, text));
    if (profile->totals.unattributed_bytes > profile->totals.grown_bytes / 20)
        put_sentence(out, "%s of the growth could not be charged to any code.",
                     units_format_share(profile->totals.unattributed_bytes,
                                        profile->totals.grown_bytes, text));
    put_uncertain(out, profile);
}

#define MODULES_SAID 3

static const char *meaning_of_clock(const char *clock)
{
    static const char *const meanings[][2] = {
        {"poll", "memory is read at a high rate, and a stack when it has moved"},
        {"trap", "the kernel stops the job in the act of a page fault"},
        {"ring", "the kernel reports page faults, and the stack is read before the thread goes on"},
        {"tick", "threads are stopped on a timer, if memory has moved"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
        if (strcmp(meanings[i][0], clock) == 0)
            return meanings[i][1];
    return NULL;
}

void wording_put_clock(struct buffer *out, const struct profile *profile)
{
    const char *meaning = meaning_of_clock(profile->target.clock);
    wording_put_visible(out, profile->target.clock);
    buffer_put_text(out, " clock");
    if (meaning)
        buffer_printf(out, ": %s", meaning);
}

void wording_put_trust(struct buffer *out, const struct profile *profile)
{
    char share[UNITS_TEXT_MAX];
    uint64_t grown = profile->totals.grown_bytes;
    buffer_printf(out, "%s of the growth certain, ",
                  format_certain(profile->totals.certain_bytes, grown, share));
    buffer_printf(out, "%s unattributed, ",
                  units_format_share(profile->totals.unattributed_bytes, grown, share));
    buffer_printf(out, "pauses %s of the run",
                  units_format_share(profile->pause.total_ns, profile->totals.run_ns, share));
    if (profile->looks == 0 && profile->totals.released_bytes > 0)
        buffer_put_text(out, "; whose memory went away is an estimate");
}

static void put_module(struct buffer *out, const struct profile_unwound_module *module)
{
    wording_put_visible(out, module->path[0] ? path_base_name(module->path) : "code in no file");
    buffer_put_text(out, " (");
    const char *between = "";
    if (module->no_info)
        buffer_printf(out, "%" PRIu64 " without unwind information", module->no_info),
            between = ", ";
    if (module->broken)
        buffer_printf(out, "%s%" PRIu64 " broken off", between, module->broken), between = ", ";
    if (module->by_pointer)
        buffer_printf(out, "%s%" PRIu64 " by frame pointers", between, module->by_pointer);
    buffer_put_text(out, ")");
}

void wording_put_native(struct buffer *out, const struct profile *profile)
{
    char share[UNITS_TEXT_MAX];
    uint64_t stacks = profile->unwound.stacks;
    if (stacks == 0)
        return;
    buffer_printf(out, "native frames of %s of the stacks unwound to the beginning",
                  units_format_share(profile->unwound.whole, stacks, share));
    if (profile->unwound.cut)
        buffer_printf(out, ", %s too deep",
                      units_format_share(profile->unwound.cut, stacks, share));
    if (profile->unwound.not_read)
        buffer_printf(out, ", %s without",
                      units_format_share(profile->unwound.not_read, stacks, share));
    if (profile->unwound.uncertain)
        buffer_printf(out, ", %s uncertain where Python's stand among them",
                      units_format_share(profile->unwound.uncertain, stacks, share));
    for (size_t i = 0; i < profile->unwound_module_count && i < MODULES_SAID; i++) {
        buffer_put_text(out, i ? ", " : "; ended early in ");
        put_module(out, &profile->unwound_modules[i]);
    }
}

char *wording_take(struct buffer *buffer)
{
    buffer_put_u8(buffer, 0);
    if (buffer->failed) {
        buffer_deinit(buffer);
        return NULL;
    }
    char *text = (char *)buffer->data;
    *buffer = (struct buffer){0};
    return text;
}
