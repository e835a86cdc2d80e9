/* Numbers as people write and read them. */
#include "base/units.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decimals that leave three significant digits. */
static int decimals_of(double value)
{
    return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

const char *units_format_bytes(uint64_t bytes, char text[UNITS_TEXT_MAX])
{
    static const char *const names[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < KIB) {
        snprintf(text, UNITS_TEXT_MAX, "%d B", (int)bytes);
        return text;
    }
    double value = (double)bytes / (double)KIB;
    size_t unit = 0;
    for (; value >= 1023.5 && unit < 5; unit++)
        value /= (double)KIB;
    snprintf(text, UNITS_TEXT_MAX, "%.*f %s", decimals_of(value), value, names[unit]);
    return text;
}

const char *units_format_duration(uint64_t ns, char text[UNITS_TEXT_MAX])
{
    double s = (double)ns / (double)NS_PER_S;
    unsigned long whole = (unsigned long)(s + 0.5);
    if (ns < NS_PER_MS)
        snprintf(text, UNITS_TEXT_MAX, "%.*f us", decimals_of(s * 1e6), s * 1e6);
    else if (s < 0.1)
        snprintf(text, UNITS_TEXT_MAX, "%.*f ms", decimals_of(s * 1e3), s * 1e3);
    else if (s < 99.95)
        snprintf(text, UNITS_TEXT_MAX, "%.*f s", s < 0.995 ? 2 : 1, s);
    else if (whole < 180)
        snprintf(text, UNITS_TEXT_MAX, "%lu s", whole);
    else if (whole < 7200)
        snprintf(text, UNITS_TEXT_MAX, "%lu min %02lu s", whole / 60, whole % 60);
    else
        snprintf(text, UNITS_TEXT_MAX, "%lu h %02lu min", whole / 3600, whole % 3600 / 60);
    return text;
}

const char *units_format_share(uint64_t part, uint64_t whole, char text[UNITS_TEXT_MAX])
{
    double percent = whole ? 100.0 * (double)part / (double)whole : 0;
    snprintf(text, UNITS_TEXT_MAX, "%.*f %%", percent > 0 && percent < 0.95 ? 1 : 0, percent);
    return text;
}

bool units_parse_number(const char *text, double low, double high, double *ret_value)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end || errno || !isfinite(value) || value < low || value > high)
        return false;
    *ret_value = value;
    return true;
}

bool units_parse_bytes(const char *text, uint64_t *ret_bytes)
{
    static const char letters[] = "KMGT";
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || errno || !isfinite(value) || value <= 0)
        return false;
    if (*end) {
        const char *letter = strchr(letters, *end & ~0x20);
        if (letter && *letter) {
            value *= pow(1024, (double)(letter - letters + 1));
            end++;
            if (*end == 'i')
                end++;
        }
        if (*end == 'b' || *end == 'B')
            end++;
    }
    if (*end || value < 1 || value > 0x1p62)
        return false;
    *ret_bytes = (uint64_t)value;
    return true;
}
