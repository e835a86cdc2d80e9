/* Compares the line decoder with the records that check-lines wrote. */
#include <string.h>

#include "base/cleanup.h"
#include "lines.h"
#include "proc/file.h"

/* False at the end of the records, or of what can be understood. */
static bool check_record(struct bytes *records, unsigned long *checked, unsigned long *different)
{
    uint32_t kind, first_line, table_bytes, units, wanted;
    const uint8_t *table;
    if (!bytes_take_u32(records, &kind) || kind > PYTHON_LINES_LOCATIONS ||
        !bytes_take_u32(records, &first_line) || !bytes_take_u32(records, &table_bytes) ||
        !bytes_take_u32(records, &units) || !bytes_take(records, table_bytes, &table))
        return false;
    for (uint32_t i = 0; i < units; i++) {
        if (!bytes_take_u32(records, &wanted))
            return false;
        int32_t line = python_line_find((enum python_line_table)kind, bytes_of(table, table_bytes),
                                        (int32_t)first_line, 2 * (int64_t)i);
        ++*checked;
        *different += line != (int32_t)wanted;
    }
    return true;
}

int main(int argc, char **argv)
{
    _cleanup_(freep) char *text = NULL;
    size_t length;
    int r = argc == 2 ? file_read(argv[1], &text, &length) : -1;
    if (r < 0) {
        fprintf(stderr, "usage: line-checker RECORDS (below 256 MiB)\n");
        return 2;
    }
    unsigned long codes = 0, checked = 0, different = 0;
    struct bytes records = bytes_of(text, length);
    while (check_record(&records, &checked, &different))
        codes++;
    printf("%lu code objects, %lu instructions, %lu differences, %zu bytes left over\n", codes,
           checked, different, records.left);
    return different || records.left || checked == 0;
}
