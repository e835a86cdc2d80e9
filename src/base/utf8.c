/* UTF-8 repair. */
#include "base/utf8.h"

static const uint8_t replacement[] = {0xef, 0xbf, 0xbd}; /* U+FFFD */

/* Length of the well-formed sequence at `s`, or 0 (Unicode 15, table 3-7). */
static size_t sequence_length(const uint8_t *s, size_t left)
{
    if (s[0] < 0x80)
        return s[0] ? 1 : 0;
    size_t length = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
                    : s[0] >= 0xe0 && s[0] <= 0xef ? 3
                    : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                                   : 0;
    if (length == 0 || length > left)
        return 0;
    uint8_t low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

void utf8_append(struct buffer *out, const void *text, size_t length)
{
    const uint8_t *s = text;
    for (size_t at = 0; at < length;) {
        size_t good = at;
        while (good < length) {
            size_t n = sequence_length(s + good, length - good);
            if (n == 0)
                break;
            good += n;
        }
        buffer_put(out, s + at, good - at);
        if (good < length) {
            buffer_put(out, replacement, sizeof(replacement));
            good++;
        }
        at = good;
    }
}

void utf8_append_code_point(struct buffer *out, uint32_t c)
{
    uint8_t coded[4];
    size_t length;
    if (c == 0 || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff) {
        buffer_put(out, replacement, sizeof(replacement));
        return;
    }
    if (c < 0x80) {
        coded[0] = (uint8_t)c;
        length = 1;
    } else if (c < 0x800) {
        coded[0] = (uint8_t)(0xc0 | c >> 6);
        length = 2;
    } else if (c < 0x10000) {
        coded[0] = (uint8_t)(0xe0 | c >> 12);
        length = 3;
    } else {
        coded[0] = (uint8_t)(0xf0 | c >> 18);
        length = 4;
    }
    for (size_t i = 1; i < length; i++)
        coded[i] = (uint8_t)(0x80 | (c >> (6 * (length - 1 - i)) & 0x3f));
    buffer_put(out, coded, length);
}
