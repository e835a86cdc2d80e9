/* What was copied of code objects, made into names that stay. Knows no remote memory: this half
 * runs when the thread has been let go, and may allocate. */
#include "code.h"
#include "lines.h"
#include "text.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

#define KEY_HEAD_BYTES 4 /* first line */

/* At most half full, so that a free slot always ends a search. */
static int grow_known(struct codes *codes)
{
    if ((codes->known_count + 1) * 2 <= codes->known_slots)
        return 0;
    if (codes->known_count >= CODES_KNOWN_MAX) {
        memset(codes->known, 0, codes->known_slots * sizeof(*codes->known));
        codes->known_count = 0;
        return 0;
    }
    size_t slots = codes->known_slots * 2;
    struct code_known *known = calloc(slots, sizeof(*known));
    if (!known)
        return -ENOMEM;
    for (size_t i = 0; i < codes->known_slots; i++)
        if (codes->known[i].address)
            *codes_slot(known, slots, codes->known[i].address) = codes->known[i];
    free(codes->known);
    codes->known = known;
    codes->known_slots = slots;
    return 0;
}

static int remember(struct codes *codes, const struct code_met *met)
{
    int r = grow_known(codes);
    if (r < 0)
        return r;
    struct code_known *slot = codes_slot(codes->known, codes->known_slots, met->address);
    if (!slot->address)
        codes->known_count++;
    *slot = (struct code_known){
        .address = met->address,
        .facts = met->facts,
        .generation = met->generation,
        .interpreter = met->interpreter,
        .id = met->id,
    };
    return 0;
}

/* Keeps what a key says. The key is: first line, file, 0, function, 0, line table. */
static int keep_contents(struct codes *codes, const struct buffer *key, size_t file_bytes,
                         size_t function_bytes, uint32_t *ret_id)
{
    /* The interned bytes may move; the texts that are handed out may not. */
    size_t texts_bytes = file_bytes + function_bytes;
    _cleanup_(freep) char *texts = malloc(texts_bytes);
    if (!texts || array_reserve(&codes->items, &codes->items_cap, codes->contents.count + 1,
                                sizeof(*codes->items)) < 0)
        return -ENOMEM;
    bool is_new;
    int r = intern_add(&codes->contents, key->data, key->length, ret_id, &is_new);
    if (r < 0 || !is_new)
        return r;
    memcpy(texts, key->data + KEY_HEAD_BYTES, texts_bytes);
    codes->items[*ret_id] = (struct code){
        .file = texts,
        .function = texts + file_bytes,
        .first_line = (int32_t)load_u32(key->data),
        .table_at = KEY_HEAD_BYTES + texts_bytes,
    };
    texts = NULL;
    return 0;
}

static int settle_fresh(struct codes *codes, struct code_met *met)
{
    const struct code_fresh *fresh = &codes->fresh[met->fresh];
    _cleanup_(buffer_deinit) struct buffer key = {0};
    size_t ends[2];
    buffer_put_u32(&key, (uint32_t)(met->facts.first_line > 0 ? met->facts.first_line : 0));
    for (int i = 0; i < 2; i++) {
        python_text_decode(&key, fresh->parts[i].data, fresh->parts[i].count,
                           fresh->parts[i].unit_bytes);
        buffer_put_u8(&key, 0);
        ends[i] = key.length;
    }
    buffer_put(&key, fresh->parts[2].data, (size_t)fresh->parts[2].count);
    if (key.failed)
        return -ENOMEM;
    return keep_contents(codes, &key, ends[0] - KEY_HEAD_BYTES, ends[1] - ends[0], &met->id);
}

static int settle_lost(struct codes *codes, struct code_met *met)
{
    static const char unknown[] = "<unknown>";
    _cleanup_(buffer_deinit) struct buffer key = {0};
    buffer_put_u32(&key, 0);
    buffer_put(&key, unknown, sizeof(unknown));
    buffer_put(&key, unknown, sizeof(unknown));
    if (key.failed)
        return -ENOMEM;
    codes->lost_count++;
    return keep_contents(codes, &key, sizeof(unknown), sizeof(unknown), &met->id);
}

int codes_settle(struct codes *codes)
{
    for (size_t i = 0; i < codes->unread_count; i++) {
        struct code_met *met = &codes->met[codes->unread[i]];
        int r = 0;
        if (met->state == CODE_FRESH) {
            r = settle_fresh(codes, met);
            if (r == 0)
                r = remember(codes, met);
        } else if (met->state == CODE_LOST) {
            r = settle_lost(codes, met);
        }
        if (r < 0)
            return r;
        if (met->state == CODE_FRESH || met->state == CODE_LOST)
            met->state = CODE_KNOWN;
    }
    return 0;
}

int32_t codes_find_line(const struct codes *codes, uint32_t id, int64_t offset)
{
    const struct code *code = &codes->items[id];
    size_t length;
    const uint8_t *key = intern_get(&codes->contents, id, &length);
    return python_line_find(codes->layout->line_table,
                            bytes_of(key + code->table_at, length - code->table_at),
                            code->first_line, offset);
}
