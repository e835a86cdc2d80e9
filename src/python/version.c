/* Which CPython it is, when its structs do not say so themselves. */
#include "version.h"

#include <stdio.h>
#include <string.h>

const char *python_version_format(uint32_t version, bool free_threaded,
                                  char text[PYTHON_VERSION_TEXT_MAX])
{
    unsigned level = (version >> 4) & 0xf, serial = version & 0xf;
    const char *stage = level == 0xa ? "a" : level == 0xb ? "b" : level == 0xc ? "rc" : "";
    char serial_text[8] = "";
    if (*stage)
        snprintf(serial_text, sizeof(serial_text), "%u", serial);
    snprintf(text, PYTHON_VERSION_TEXT_MAX, "%u.%u.%u%s%s%s", version >> 24, (version >> 16) & 0xff,
             (version >> 8) & 0xff, stage, serial_text, free_threaded ? "t" : "");
    return text;
}

/* At most three digits, so that a number fits where PY_VERSION_HEX keeps it. */
static bool take_number(struct bytes *text, uint32_t *ret_value)
{
    uint32_t value = 0;
    size_t digits = 0;
    for (; digits < 3 && digits < text->left; digits++) {
        uint8_t c = text->data[digits];
        if (c < '0' || c > '9')
            break;
        value = value * 10 + (c - '0');
    }
    if (digits == 0 || value > 0xff)
        return false;
    *text = bytes_of(text->data + digits, text->left - digits);
    *ret_value = value;
    return true;
}

static bool take_text(struct bytes *text, const char *wanted)
{
    size_t length = strlen(wanted);
    if (text->left < length || memcmp(text->data, wanted, length) != 0)
        return false;
    *text = bytes_of(text->data + length, text->left - length);
    return true;
}

/* "3.12.1 (main, Jan  1 2024, 10:00:00) [GCC ...": Py_GetVersion joins the number, the build info
 * in parentheses and the compiler in brackets, the last two by " " or " \n"
 * (Python/getversion.c, 2.7 to 3.15). */
static bool parse_version(struct bytes text, uint32_t *ret_version)
{
    uint32_t major, minor, micro, level = 0xf, serial = 0;
    if (!take_number(&text, &major) || (major != 2 && major != 3) || !take_text(&text, ".") ||
        !take_number(&text, &minor) || !take_text(&text, ".") || !take_number(&text, &micro))
        return false;
    if (take_text(&text, "a"))
        level = 0xa;
    else if (take_text(&text, "b"))
        level = 0xb;
    else if (take_text(&text, "rc"))
        level = 0xc;
    if (level != 0xf && (!take_number(&text, &serial) || serial > 0xf))
        return false;
    take_text(&text, "+");
    if (!take_text(&text, " ("))
        return false;
    const uint8_t *close = memchr(text.data, ')', text.left);
    if (!close || close == text.data)
        return false;
    text = bytes_of(close + 1, text.left - (size_t)(close + 1 - text.data));
    take_text(&text, " ");
    take_text(&text, "\n");
    if (!take_text(&text, "["))
        return false;
    *ret_version = major << 24 | minor << 16 | micro << 8 | level << 4 | serial;
    return true;
}

bool python_version_search(const uint8_t *data, size_t length, uint32_t *ret_version)
{
    for (const uint8_t *at = data, *end = data + length; at < end; at++) {
        at = memchr(at, '.', (size_t)(end - at));
        if (!at)
            return false;
        size_t left = (size_t)(end - at) + 1;
        if (at > data && (at[-1] == '2' || at[-1] == '3') &&
            parse_version(
                bytes_of(at - 1, left < PYTHON_VERSION_LINE_MAX ? left : PYTHON_VERSION_LINE_MAX),
                ret_version))
            return true;
    }
    return false;
}
