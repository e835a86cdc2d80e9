/* Code objects in the target. Knows their fields and how to read many of them in few calls. */
#include "code.h"
#include "text.h"

#include "base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_SLOTS_MIN 1024
#define PAGE_BYTES      4096 /* smallest page: what follows an object on its page is mapped */
/* A gap below a page cannot hold a page of its own, so what lies between two code objects is
 * mapped. */
#define NEIGHBOUR_BYTES_MAX 2048
#define UNITS_MAX           (UINT64_C(1) << 28)

enum { PART_FILE, PART_FUNCTION, PART_TABLE };

int codes_init(struct codes *codes, const struct python_layout *layout)
{
    codes->layout = layout;
    codes->known = calloc(KNOWN_SLOTS_MIN, sizeof(*codes->known));
    if (!codes->known)
        return -ENOMEM;
    codes->known_slots = KNOWN_SLOTS_MIN;
    return 0;
}

void codes_deinit(struct codes *codes)
{
    for (size_t id = 0; id < codes->contents.count; id++)
        free(codes->items[id].file);
    free(codes->items);
    free(codes->known);
    intern_deinit(&codes->contents);
}

void codes_enter(struct codes *codes, remote_addr interpreter, uint64_t generation)
{
    codes->interpreter = interpreter;
    codes->generation = generation;
}

void codes_begin(struct codes *codes)
{
    codes->met_count = codes->unread_count = codes->fresh_count = codes->arena_used = 0;
    addresses_clear(&codes->addresses);
}

bool codes_meet(struct codes *codes, remote_addr address, uint32_t *ret_met)
{
    if (!addresses_add(&codes->addresses, address, ret_met))
        return *ret_met < CODES_MET_MAX;
    if (*ret_met >= CODES_MET_MAX)
        return false;
    struct code_met *met = &codes->met[codes->met_count++];
    *met = (struct code_met){.address = address,
                             .state = CODE_UNREAD,
                             .interpreter = codes->interpreter,
                             .generation = codes->generation};

    /* No code object died in this interpreter since this one was read, so it is still the same
     * (interp->code_object_generation, 3.14: Objects/codeobject.c, code_dealloc). */
    const struct code_known *known = codes_slot(codes->known, codes->known_slots, address);
    if (codes->layout->interpreter.code_generation != PYTHON_ABSENT && known->address &&
        known->interpreter == codes->interpreter && known->generation == codes->generation) {
        met->facts = known->facts;
        met->id = known->id;
        met->state = CODE_KNOWN;
    } else {
        codes->unread[codes->unread_count++] = *ret_met;
    }
    return true;
}

static bool parse_header(const struct python_layout *layout, const uint8_t *header,
                         struct code_facts *ret_facts)
{
    typeof(layout->code) at = layout->code;
    *ret_facts = (struct code_facts){
        .parts = {load_u64(header + at.filename), load_u64(header + at.qualname),
                  load_u64(header + at.linetable)},
        .first_line = (int32_t)load_u32(header + at.first_line),
    };
    /* Before 3.11 the code is an object of its own, which is not worth a read. */
    if (at.units == PYTHON_ABSENT) {
        ret_facts->units = UNITS_MAX - 1;
    } else {
        ret_facts->units = load_u64(header + at.units);
        ret_facts->first_traceable = (int32_t)load_u32(header + at.first_traceable);
    }
    if (at.tlbc != PYTHON_ABSENT)
        ret_facts->tlbc = load_u64(header + at.tlbc);
    for (int i = 0; i < CODE_PARTS; i++)
        if (ret_facts->parts[i] < PAGE_BYTES || ret_facts->parts[i] % 8 != 0)
            return false;
    return ret_facts->units < UNITS_MAX && ret_facts->first_traceable >= 0;
}

/* Whether the type of an object, so far unknown, is that of code objects: it is named "code" and
 * its type is its own type. Remembers it. 0 no, 1 yes, or a negative errno. */
static int learn_code_type(struct codes *codes, const struct memory *memory, remote_addr type)
{
    static const char wanted[] = "code";
    char name[sizeof(wanted)];
    remote_addr meta, meta_of_meta, name_at;
    int r = memory_read_u64(memory, type + codes->layout->object.type, &meta);
    if (r == 0)
        r = memory_read_u64(memory, meta + codes->layout->object.type, &meta_of_meta);
    if (r == 0)
        r = memory_read_u64(memory, type + codes->layout->object.name, &name_at);
    if (r == 0)
        r = memory_read(memory, name_at, name, sizeof(name));
    if (r < 0)
        return r == -EFAULT ? 0 : r;
    if (meta != meta_of_meta || memcmp(name, wanted, sizeof(wanted)) != 0)
        return 0;
    codes->code_type = type;
    codes->meta_type = meta;
    return 1;
}

/* 0, 1 for what is no code object and should be one, or a negative errno. */
static int check_type(struct codes *codes, const struct memory *memory, struct code_met *met,
                      remote_addr type)
{
    if (type == codes->code_type && type)
        return 0;
    if (!codes->code_type) {
        int r = learn_code_type(codes, memory, type);
        return r < 0 ? r : r == 0;
    }
    /* From 3.13 on a frame may hold another kind of object (f_executable); it must be an object
     * then. */
    if (!codes->layout->holds_any)
        return 1;
    remote_addr meta;
    int r = memory_read_u64(memory, type + codes->layout->object.type, &meta);
    if (r < 0 && r != -EFAULT)
        return r;
    if (r < 0 || meta != codes->meta_type)
        return 1;
    met->state = CODE_FOREIGN;
    return 0;
}

/* Compares a header that was just read with what is known. 0, 1 or a negative errno as codes_read.
 */
static int take_header(struct codes *codes, const struct memory *memory, uint32_t index,
                       const uint8_t *header)
{
    struct code_met *met = &codes->met[index];
    int r = check_type(codes, memory, met, load_u64(header + codes->layout->object.type));
    if (r != 0 || met->state == CODE_FOREIGN)
        return r;
    if (!parse_header(codes->layout, header, &met->facts))
        return 1;

    struct code_known *known = codes_slot(codes->known, codes->known_slots, met->address);
    if (known->address && memcmp(&known->facts, &met->facts, sizeof(met->facts)) == 0) {
        met->state = CODE_KNOWN;
        met->id = known->id;
        known->generation = met->generation;
        known->interpreter = met->interpreter;
    } else if (codes->fresh_count == CODES_FRESH_MAX) {
        met->state = CODE_LOST;
    } else {
        met->fresh = (uint32_t)codes->fresh_count++;
        met->state = CODE_FRESH;
        codes->fresh[met->fresh].met = index;
    }
    return 0;
}

/* Reads the first bytes of each part of each new code object. All or nothing. */
static int read_peeks(struct codes *codes, const struct memory *memory)
{
    /* No such object is smaller, so these are there also behind the end of its page. */
    const size_t least[CODE_PARTS] = {[PART_FILE] = codes->layout->unicode.ascii_bytes,
                                      [PART_FUNCTION] = codes->layout->unicode.ascii_bytes,
                                      [PART_TABLE] = codes->layout->bytes.data};
    struct memory_span spans[CODES_FRESH_MAX * CODE_PARTS];
    size_t n = 0;
    for (size_t i = 0; i < codes->fresh_count; i++) {
        struct code_fresh *fresh = &codes->fresh[i];
        for (int part = 0; part < CODE_PARTS; part++) {
            remote_addr at = codes->met[fresh->met].facts.parts[part];
            size_t left = PAGE_BYTES - at % PAGE_BYTES;
            size_t length = left < CODE_PEEK_BYTES ? left : CODE_PEEK_BYTES;
            fresh->peek_bytes[part] = length < least[part] ? least[part] : length;
            spans[n++] = (struct memory_span){at, fresh->peek[part], fresh->peek_bytes[part]};
        }
    }
    int r = memory_read_spans(memory, spans, n);
    return r < 0 ? r : (size_t)r < n ? -EFAULT : 0;
}

/* Finds out where a part's contents are: in what was peeked (then `data` is set), or at *ret_rest.
 * False when it cannot be what it should be. */
static bool locate_part(const struct codes *codes, struct code_fresh *fresh, int index,
                        remote_addr *ret_rest)
{
    const struct python_layout *layout = codes->layout;
    remote_addr object = codes->met[fresh->met].facts.parts[index];
    const uint8_t *peek = fresh->peek[index];
    struct code_part *part = &fresh->parts[index];
    uint64_t inline_at = layout->bytes.data;
    if (index == PART_TABLE) {
        *part = (struct code_part){.count = load_u64(peek + layout->bytes.size), .unit_bytes = 1};
        part->is_missing = part->count > CODE_TABLE_MAX;
        *ret_rest = object + layout->bytes.data;
    } else {
        struct python_text text;
        if (!python_text_parse(layout, peek, fresh->peek_bytes[index], &text))
            return false;
        *part = (struct code_part){.count = text.length, .unit_bytes = text.unit_bytes};
        if (part->count > CODE_TEXT_MAX)
            part->count = CODE_TEXT_MAX;
        inline_at = text.is_inline ? text.inline_at : UINT64_MAX;
        *ret_rest = text.is_inline ? object + text.inline_at : text.pointer;
    }
    if (part->is_missing)
        part->count = 0;
    uint64_t wanted = part->count * part->unit_bytes;
    if (inline_at <= fresh->peek_bytes[index] && wanted <= fresh->peek_bytes[index] - inline_at)
        part->data = peek + inline_at;
    return true;
}

/* Reads the contents that the peeks did not hold. 0, 1 or a negative errno as codes_read. */
static int read_rests(struct codes *codes, const struct memory *memory)
{
    struct memory_span spans[CODES_FRESH_MAX * CODE_PARTS];
    size_t n = 0;
    for (size_t i = 0; i < codes->fresh_count; i++) {
        struct code_fresh *fresh = &codes->fresh[i];
        struct code_met *met = &codes->met[fresh->met];
        for (int index = 0; index < CODE_PARTS && met->state == CODE_FRESH; index++) {
            remote_addr rest;
            struct code_part *part = &fresh->parts[index];
            if (!locate_part(codes, fresh, index, &rest))
                return 1;
            size_t length = (size_t)(part->count * part->unit_bytes);
            if (part->data || length == 0)
                continue;
            if (length > CODE_ARENA_BYTES - codes->arena_used) {
                met->state = CODE_LOST;
                continue;
            }
            part->data = codes->arena + codes->arena_used;
            spans[n++] = (struct memory_span){rest, codes->arena + codes->arena_used, length};
            codes->arena_used += length;
        }
    }
    int r = n ? memory_read_spans(memory, spans, n) : 0;
    return r < 0 ? r : (size_t)r < n ? -EFAULT : 0;
}

/* Sorts what is to be read by address (Shell sort: in place, no allocation). */
static void sort_unread(struct codes *codes)
{
    static const size_t gaps[] = {701, 301, 132, 57, 23, 10, 4, 1}; /* Ciura 2001 */
    uint32_t *unread = codes->unread;
    for (size_t g = 0; g < ARRAY_SIZE(gaps); g++) {
        for (size_t i = gaps[g]; i < codes->unread_count; i++) {
            uint32_t moving = unread[i];
            size_t at = i;
            for (; at >= gaps[g] &&
                   codes->met[unread[at - gaps[g]]].address > codes->met[moving].address;
                 at -= gaps[g])
                unread[at] = unread[at - gaps[g]];
            unread[at] = moving;
        }
    }
}

/* Reads the headers of all code objects that need it into `headers`; `places`, by number of the
 * object met, tells where each is. Neighbours share a span: one costs as much as copying several
 * KiB. */
static int read_headers(struct codes *codes, const struct memory *memory,
                        uint32_t places[CODES_MET_MAX])
{
    struct memory_span spans[CODES_MET_MAX];
    size_t n = 0, used = 0, bytes = codes->layout->code.bytes;
    sort_unread(codes);
    for (size_t i = 0; i < codes->unread_count; i++) {
        uint32_t met = codes->unread[i];
        remote_addr address = codes->met[met].address;
        size_t others = (codes->unread_count - i) * bytes; /* room that must remain */
        struct memory_span *last = n ? &spans[n - 1] : NULL;
        if (last && address - last->address <= last->length + NEIGHBOUR_BYTES_MAX &&
            used + NEIGHBOUR_BYTES_MAX + others <= sizeof(codes->headers)) {
            size_t end = address - last->address + bytes;
            places[met] = (uint32_t)(used - last->length + (end - bytes));
            if (end > last->length) {
                used += end - last->length;
                last->length = end;
            }
        } else {
            places[met] = (uint32_t)used;
            spans[n++] = (struct memory_span){address, codes->headers + used, bytes};
            used += bytes;
        }
    }
    int r = n ? memory_read_spans(memory, spans, n) : 0;
    return r < 0 ? r : (size_t)r < n ? -EFAULT : 0;
}

int codes_read(struct codes *codes, const struct memory *memory)
{
    uint32_t places[CODES_MET_MAX];
    if (codes->unread_count == 0)
        return 0;
    int r = read_headers(codes, memory, places);
    /* In the order of the frames: if there is no room for all that are new, the outermost have to
     * wait. */
    for (uint32_t i = 0; r >= 0 && i < codes->met_count; i++) {
        if (codes->met[i].state == CODE_UNREAD)
            r = take_header(codes, memory, i, codes->headers + places[i]);
        if (r > 0)
            return r;
    }
    if (r >= 0 && codes->fresh_count)
        r = read_peeks(codes, memory);
    if (r >= 0 && codes->fresh_count)
        r = read_rests(codes, memory);
    return r == -EFAULT ? 1 : r;
}
