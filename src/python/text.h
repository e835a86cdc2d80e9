/* Python strings, from copies of their memory. */
#ifndef MEMSAMPLE_PYTHON_TEXT_H
#define MEMSAMPLE_PYTHON_TEXT_H

#include <stdbool.h>

#include "base/bytes.h"
#include "proc/memory.h"
#include "python/layout.h"

/* Where a str object keeps its characters. */
struct python_text {
    uint64_t length;     /* in code points */
    unsigned unit_bytes; /* 1, 2 or 4 */
    bool is_inline;
    uint32_t inline_at;  /* is_inline: offset of the characters in the object */
    remote_addr pointer; /* otherwise: their address */
};

/* Reads the header of a str object, `header` being its first layout->unicode.compact_bytes + 8
 * bytes (or fewer, if it proves to be a shorter kind). False when it is no str. */
bool python_text_parse(const struct python_layout *layout, const uint8_t *header, size_t length,
                       struct python_text *ret_text);

/* Appends characters of `unit_bytes` each as UTF-8. */
void python_text_decode(struct buffer *out, const uint8_t *characters, uint64_t count,
                        unsigned unit_bytes);

#endif
