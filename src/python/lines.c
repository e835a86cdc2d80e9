/* Line tables of code objects. Pure functions over bytes; knows nothing of code objects.
 *
 * Location tables (3.11 and later): an entry is a byte with bit 7 set: 4 bits of kind, 3 bits of
 * length in code units less one. Its payload depends on the kind (Objects/locations.md, 3.11;
 * Objects/codeobject.c, 3.14). The older ones are pairs of bytes, see below. */
#include "lines.h"

#define CODE_UNIT_BYTES 2
#define VARINT_BITS_MAX 30 /* lines are ints */

/* Numbers here are little-endian groups of 6 bits, bit 6 says that more follow. */
static bool take_number(struct bytes *table, uint32_t *ret_value)
{
    uint32_t value = 0;
    uint8_t byte = 0x40;
    for (unsigned shift = 0; byte & 0x40; shift += 6) {
        if (shift > VARINT_BITS_MAX || !bytes_take_u8(table, &byte))
            return false;
        value |= (uint32_t)(byte & 0x3f) << shift;
    }
    *ret_value = value;
    return true;
}

static bool skip_numbers(struct bytes *table, int count)
{
    uint32_t ignored;
    for (; count > 0; count--)
        if (!take_number(table, &ignored))
            return false;
    return true;
}

/* Reads an entry's payload. The change of line is the first thing in it. */
static bool take_payload(struct bytes *table, unsigned kind, int32_t *ret_change)
{
    const uint8_t *ignored;
    uint32_t coded;
    *ret_change = 0;
    switch (kind) {
    case 15: /* no location */
        return true;
    case 14: /* long form: end line, column, end column follow */
    case 13: /* no columns */
        if (!take_number(table, &coded))
            return false;
        *ret_change = coded & 1 ? -(int32_t)(coded >> 1) : (int32_t)(coded >> 1);
        return skip_numbers(table, kind == 14 ? 3 : 0);
    case 12:
    case 11:
    case 10: /* one line form */
        *ret_change = (int32_t)kind - 10;
        return bytes_take(table, 2, &ignored);
    default: /* short form */
        return bytes_take(table, 1, &ignored);
    }
}

bool python_line_next(struct bytes *table, struct python_line_entry *entry)
{
    uint8_t first;
    int32_t change, line;
    if (!bytes_take_u8(table, &first) || !(first & 0x80))
        return false;
    unsigned kind = (first >> 3) & 15;
    if (!take_payload(table, kind, &change) || __builtin_add_overflow(entry->line, change, &line))
        return false;
    entry->line = line;
    entry->has_line = kind != 15;
    entry->ever_had_line |= entry->has_line;
    entry->end += ((first & 7u) + 1) * CODE_UNIT_BYTES;
    return true;
}

static int32_t find_location(struct bytes table, int32_t first_line, uint64_t offset)
{
    struct python_line_entry entry = {.line = first_line};
    int32_t line = first_line;
    while (python_line_next(&table, &entry)) {
        if (entry.has_line)
            line = entry.line;
        if (offset < entry.end)
            break;
    }
    return line;
}

/* Pairs of bytes: so many bytes of code further on, the line changes by so much, signed
 * (Objects/lnotab_notes.txt, 3.9). */
static int32_t find_lnotab(struct bytes table, int32_t first_line, uint64_t offset)
{
    uint64_t at = 0;
    int32_t line = first_line;
    const uint8_t *pair;
    while (bytes_take(&table, 2, &pair)) {
        at += pair[0];
        if (at > offset || __builtin_add_overflow(line, (int8_t)pair[1], &line))
            break;
    }
    return line;
}

#define NO_LINE (-128)

/* Pairs of bytes: the line changes by so much, and the next so many bytes of code have it
 * (Objects/lnotab_notes.txt, 3.10). */
static int32_t find_range(struct bytes table, int32_t first_line, uint64_t offset)
{
    uint64_t end = 0;
    int32_t line = first_line, found = first_line;
    const uint8_t *pair;
    while (offset >= end && bytes_take(&table, 2, &pair)) {
        int8_t change = (int8_t)pair[1];
        end += pair[0];
        if (change == NO_LINE)
            continue;
        if (__builtin_add_overflow(line, change, &line))
            break;
        if (pair[0])
            found = line;
    }
    return found;
}

int32_t python_line_find(enum python_line_table kind, struct bytes table, int32_t first_line,
                         int64_t offset)
{
    int32_t line = first_line;
    if (offset < 0)
        return first_line;
    switch (kind) {
    case PYTHON_LINES_LNOTAB:
        line = find_lnotab(table, first_line, (uint64_t)offset);
        break;
    case PYTHON_LINES_RANGES:
        line = find_range(table, first_line, (uint64_t)offset);
        break;
    case PYTHON_LINES_LOCATIONS:
        line = find_location(table, first_line, (uint64_t)offset);
        break;
    }
    return line > 0 ? line : 0;
}
