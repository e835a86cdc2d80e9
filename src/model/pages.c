/* Owners of pages. Must not know bytes, time, or what a node is. */
#include "pages.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

#define CHUNK_PAGES    512
#define SLOTS_MIN      64
#define CHUNKS_MAX     (1u << 19) /* 1 TiB of small pages */
#define TABLES_MAX     (1u << 17) /* 256 MiB of tables, for 256 GiB that belong to many */
#define WORK_LEAST     (UINT64_C(1) << 21)
#define PAGES_FOR_WORK 64 /* pages of a table that are as much work as finding it */

void pages_deinit(struct pages *pages)
{
    for (size_t i = 0; i < pages->slots_count; i++)
        free(pages->slots[i].owners);
    free(pages->slots);
    free(pages->owned);
    *pages = (struct pages){0};
}

static int count_owned(struct pages *pages, uint32_t node, uint64_t more, uint64_t fewer)
{
    if (node == PAGES_NOBODY)
        return 0;
    if (array_reserve(&pages->owned, &pages->owned_cap, (size_t)node + 1, sizeof(*pages->owned)) <
        0)
        return -ENOMEM;
    while (pages->owned_count <= node)
        pages->owned[pages->owned_count++] = 0;
    pages->owned[node] += more - fewer;
    return 0;
}

/* ---- chunks ---- */

static struct pages_chunk *slot_of(struct pages_chunk *slots, size_t count, uint64_t key)
{
    size_t at = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (count - 1);
    while (slots[at].key && slots[at].key != key)
        at = (at + 1) & (count - 1);
    return &slots[at];
}

static struct pages_chunk *find_chunk(const struct pages *pages, uint64_t number)
{
    if (pages->slots_count == 0)
        return NULL;
    struct pages_chunk *chunk = slot_of(pages->slots, pages->slots_count, number + 1);
    return chunk->key ? chunk : NULL;
}

static int grow_slots(struct pages *pages)
{
    size_t count = pages->slots_count ? pages->slots_count * 2 : SLOTS_MIN;
    struct pages_chunk *slots = calloc(count, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < pages->slots_count; i++)
        if (pages->slots[i].key)
            *slot_of(slots, count, pages->slots[i].key) = pages->slots[i];
    free(pages->slots);
    pages->slots = slots;
    pages->slots_count = count;
    return 0;
}

static int add_chunk(struct pages *pages, uint64_t number, struct pages_chunk **ret_chunk)
{
    if (pages->chunk_count >= CHUNKS_MAX)
        return -E2BIG;
    if (pages->chunk_count * 2 >= pages->slots_count) { /* half full: a free slot ends a search */
        int r = grow_slots(pages);
        if (r < 0)
            return r;
    }
    struct pages_chunk *chunk = slot_of(pages->slots, pages->slots_count, number + 1);
    *chunk = (struct pages_chunk){.key = number + 1, .whole = PAGES_NOBODY};
    pages->chunk_count++;
    *ret_chunk = chunk;
    return 0;
}

static int split_chunk(struct pages *pages, struct pages_chunk *chunk)
{
    if (pages->table_count >= TABLES_MAX)
        return -E2BIG;
    chunk->owners = malloc(CHUNK_PAGES * sizeof(*chunk->owners));
    if (!chunk->owners)
        return -ENOMEM;
    for (size_t i = 0; i < CHUNK_PAGES; i++)
        chunk->owners[i] = chunk->whole;
    pages->table_count++;
    pages->work += CHUNK_PAGES / PAGES_FOR_WORK;
    return 0;
}

/* ---- giving ---- */

static int give_whole(struct pages *pages, struct pages_chunk *chunk, uint32_t node)
{
    int r = chunk->owners ? 0 : count_owned(pages, chunk->whole, 0, CHUNK_PAGES);
    for (size_t i = 0; chunk->owners && r >= 0 && i < CHUNK_PAGES; i++)
        r = count_owned(pages, chunk->owners[i], 0, 1);
    if (r < 0)
        return r;
    pages->table_count -= chunk->owners != NULL;
    free(chunk->owners);
    chunk->owners = NULL;
    chunk->whole = node;
    return count_owned(pages, node, CHUNK_PAGES, 0);
}

static int give_part(struct pages *pages, struct pages_chunk *chunk, size_t first, size_t count,
                     uint32_t node)
{
    if (!chunk->owners) {
        if (chunk->whole == node)
            return 0;
        int r = split_chunk(pages, chunk);
        if (r < 0)
            return r;
    }
    pages->work += count / PAGES_FOR_WORK;
    for (size_t i = first; i < first + count; i++) {
        int r = count_owned(pages, chunk->owners[i], 0, 1);
        if (r < 0)
            return r;
        chunk->owners[i] = node;
    }
    return count_owned(pages, node, count, 0);
}

static bool may_work(struct pages *pages)
{
    return ++pages->work <= WORK_LEAST + pages->work_more;
}

int pages_give(struct pages *pages, uint64_t first, uint64_t count, uint32_t node)
{
    if (count / CHUNK_PAGES > CHUNKS_MAX)
        return -E2BIG;
    while (count > 0) {
        size_t at = first % CHUNK_PAGES, part = CHUNK_PAGES - at;
        if (part > count)
            part = (size_t)count;
        if (!may_work(pages))
            return -E2BIG;
        struct pages_chunk *chunk = find_chunk(pages, first / CHUNK_PAGES);
        int r = 0;
        if (!chunk && node != PAGES_NOBODY)
            r = add_chunk(pages, first / CHUNK_PAGES, &chunk);
        if (r >= 0 && chunk)
            r = part == CHUNK_PAGES ? give_whole(pages, chunk, node)
                                    : give_part(pages, chunk, at, part, node);
        if (r < 0)
            return r;
        first += part;
        count -= part;
    }
    return 0;
}

/* ---- asking ---- */

uint32_t pages_owner_of_row(struct pages *pages, uint64_t page, uint64_t most, bool down,
                            uint64_t *ret_count)
{
    size_t at = page % CHUNK_PAGES, left = down ? at + 1 : CHUNK_PAGES - at, count = 1;
    *ret_count = most;
    if (!may_work(pages) || most / CHUNK_PAGES > CHUNKS_MAX)
        return PAGES_NOBODY;
    const struct pages_chunk *chunk = find_chunk(pages, page / CHUNK_PAGES);
    if (left > most)
        left = (size_t)most;
    *ret_count = left;
    if (!chunk || !chunk->owners)
        return chunk ? chunk->whole : PAGES_NOBODY;
    while (count < left && chunk->owners[down ? at - count : at + count] == chunk->owners[at])
        count++;
    pages->work += count / PAGES_FOR_WORK;
    *ret_count = count;
    return chunk->owners[at];
}

uint32_t pages_owner(struct pages *pages, uint64_t page)
{
    uint64_t count;
    return pages_owner_of_row(pages, page, 1, false, &count);
}

uint64_t pages_owned(const struct pages *pages, uint32_t node)
{
    return node < pages->owned_count ? pages->owned[node] : 0;
}
