/* Python strings (PEP 393), from copies of their memory. Knows their shapes; reads no process
 * itself. */
#include "text.h"

#include "base/utf8.h"

/* Bits of PyASCIIObject.state from layout->unicode.state_shift on, 3.3 to 3.15
 * (Include/cpython/unicodeobject.h). */
#define STATE_KIND    7u
#define STATE_COMPACT (1u << 3)
#define STATE_ASCII   (1u << 4)

bool python_text_parse(const struct python_layout *layout, const uint8_t *header, size_t length,
                       struct python_text *ret_text)
{
    typeof(layout->unicode) at = layout->unicode;
    if ((uint64_t)at.length + 8 > length || (uint64_t)at.state + 4 > length)
        return false;
    uint32_t state = load_u32(header + at.state) >> at.state_shift;
    struct python_text text = {
        .length = load_u64(header + at.length),
        .unit_bytes = state & STATE_KIND,
        .is_inline = (state & STATE_COMPACT) != 0,
        .inline_at = state & STATE_ASCII ? at.ascii_bytes : at.compact_bytes,
    };
    if ((text.unit_bytes != 1 && text.unit_bytes != 2 && text.unit_bytes != 4) ||
        text.length > INT64_MAX / 4 || ((state & STATE_ASCII) && text.unit_bytes != 1))
        return false;
    if (!text.is_inline) {
        /* Strings made by the old API and instances of subclasses of str. */
        if ((uint64_t)at.compact_bytes + 8 > length)
            return false;
        text.pointer = load_u64(header + at.compact_bytes);
    }
    *ret_text = text;
    return true;
}

void python_text_decode(struct buffer *out, const uint8_t *characters, uint64_t count,
                        unsigned unit_bytes)
{
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *at = characters + i * unit_bytes;
        uint32_t c = unit_bytes == 1   ? at[0]
                     : unit_bytes == 2 ? (uint32_t)(at[0] | at[1] << 8)
                                       : load_u32(at);
        utf8_append_code_point(out, c);
    }
}
