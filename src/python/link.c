/* The fields of a frame. Knows nothing of how frames are followed. */
#include "link.h"

#include "base/bytes.h"

void link_parse(const struct python_layout *layout, remote_addr address, const uint8_t *data,
                struct link *ret_link)
{
    typeof(layout->frame) at = layout->frame;
    struct link link = {
        .code = load_u64(data + at.code) & ~layout->tag_mask,
        .previous = load_u64(data + at.previous),
        .is_entry = at.is_entry != PYTHON_ABSENT && data[at.is_entry] == 1,
    };
    if (at.owner != PYTHON_ABSENT)
        link.owner = data[at.owner];
    if (at.tlbc_index != PYTHON_ABSENT)
        link.tlbc_index = load_u32(data + at.tlbc_index);
    if (at.generator != PYTHON_ABSENT)
        link.generator = load_u64(data + at.generator);
    else if (link.owner == LINK_OWNER_GENERATOR)
        link.generator = address - layout->generator.frame;
    if (at.last != PYTHON_ABSENT)
        link.offset = (int64_t)(int32_t)load_u32(data + at.last) * layout->last_unit_bytes;
    else
        link.offset = (int64_t)(load_u64(data + at.ip) - (link.code + layout->code.instructions));
    *ret_link = link;
}
