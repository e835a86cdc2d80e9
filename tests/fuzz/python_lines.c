/* Line tables and string headers of a hostile process. Input: first line, offset, string header,
 * table. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "lines.h"
#include "text.h"

#define HEADER_BYTES 80

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_text(const struct python_layout *layout, struct bytes header)
{
    struct python_text text;
    if (!python_text_parse(layout, header.data, header.left, &text) || !text.is_inline ||
        text.inline_at > header.left ||
        text.length > (header.left - text.inline_at) / text.unit_bytes)
        return;
    _cleanup_(buffer_deinit) struct buffer out = {0};
    python_text_decode(&out, header.data + text.inline_at, text.length, text.unit_bytes);
    assert(out.length >= text.length && out.length <= 4 * text.length);
    assert(out.length == 0 || !memchr(out.data, 0, out.length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct python_layout layout;
    struct bytes input = bytes_of(data, size);
    uint32_t first_line, offset;
    const uint8_t *header;
    if (!bytes_take_u32(&input, &first_line) || !bytes_take_u32(&input, &offset))
        return 0;
    size_t header_bytes = input.left < HEADER_BYTES ? input.left : HEADER_BYTES;
    if (!bytes_take(&input, header_bytes, &header) ||
        !python_layout_init(0x030800f0 + (first_line % 5 << 16), false, NULL, 0, &layout))
        return 0;
    fuzz_text(&layout, bytes_of(header, header_bytes));

    enum python_line_table kind = layout.line_table;
    int32_t line = python_line_find(kind, input, (int32_t)first_line, (int32_t)offset);
    assert(line >= 0 || (int32_t)offset < 0);
    int32_t inside = python_line_find(kind, input, (int32_t)first_line, offset % 4096);
    assert(inside >= 0);
    return 0;
}
