/* Owners of pages. Must not know bytes, time, or what a node is. */
#include "pages.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

#define CHUNK_PAGES 512
#define CHUNKS_MAX  (1u << 21)          /* 4 TiB of small pages */
#define VISITS_MAX  (UINT64_C(1) << 31) /* bounds the work that a recording can ask for */

void pages_deinit(struct pages *pages)
{
    for (size_t i = 0; i < pages->numbers.count; i++)
        free(pages->chunks[i].owners);
    intern_deinit(&pages->numbers);
    free(pages->chunks);
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

static int find_chunk(struct pages *pages, uint64_t number, struct pages_chunk **ret_chunk)
{
    uint32_t index;
    bool added;
    if (++pages->visits > VISITS_MAX)
        return -E2BIG;
    int r = intern_add(&pages->numbers, &number, sizeof(number), &index, &added);
    if (r < 0)
        return r;
    if (array_reserve(&pages->chunks, &pages->chunks_cap, (size_t)index + 1,
                      sizeof(*pages->chunks)) < 0)
        return -ENOMEM;
    if (added)
        pages->chunks[index] = (struct pages_chunk){.whole = PAGES_NOBODY};
    *ret_chunk = &pages->chunks[index];
    return index < CHUNKS_MAX ? 0 : -E2BIG;
}

static int give_whole(struct pages *pages, struct pages_chunk *chunk, uint32_t node)
{
    int r = chunk->owners ? 0 : count_owned(pages, chunk->whole, 0, CHUNK_PAGES);
    for (size_t i = 0; chunk->owners && r >= 0 && i < CHUNK_PAGES; i++)
        r = count_owned(pages, chunk->owners[i], 0, 1);
    if (r < 0)
        return r;
    free(chunk->owners);
    *chunk = (struct pages_chunk){.whole = node};
    return count_owned(pages, node, CHUNK_PAGES, 0);
}

static int give_part(struct pages *pages, struct pages_chunk *chunk, size_t first, size_t count,
                     uint32_t node)
{
    if (!chunk->owners) {
        if (chunk->whole == node)
            return 0;
        chunk->owners = malloc(CHUNK_PAGES * sizeof(*chunk->owners));
        if (!chunk->owners)
            return -ENOMEM;
        for (size_t i = 0; i < CHUNK_PAGES; i++)
            chunk->owners[i] = chunk->whole;
    }
    for (size_t i = first; i < first + count; i++) {
        int r = count_owned(pages, chunk->owners[i], 0, 1);
        if (r < 0)
            return r;
        chunk->owners[i] = node;
    }
    return count_owned(pages, node, count, 0);
}

int pages_give(struct pages *pages, uint64_t first, uint64_t count, uint32_t node)
{
    while (count > 0) {
        struct pages_chunk *chunk;
        size_t at = first % CHUNK_PAGES, part = CHUNK_PAGES - at;
        if (part > count)
            part = (size_t)count;
        int r = find_chunk(pages, first / CHUNK_PAGES, &chunk);
        if (r >= 0)
            r = part == CHUNK_PAGES ? give_whole(pages, chunk, node)
                                    : give_part(pages, chunk, at, part, node);
        if (r < 0)
            return r;
        first += part;
        count -= part;
    }
    return 0;
}

uint32_t pages_owner(struct pages *pages, uint64_t page)
{
    struct pages_chunk *chunk;
    if (find_chunk(pages, page / CHUNK_PAGES, &chunk) < 0)
        return PAGES_NOBODY;
    return chunk->owners ? chunk->owners[page % CHUNK_PAGES] : chunk->whole;
}

uint64_t pages_owned(const struct pages *pages, uint32_t node)
{
    return node < pages->owned_count ? pages->owned[node] : 0;
}
