/* Copies of remote memory for one capture. Knows nothing of Python. */
#include "windows.h"

#include <errno.h>

#define PAGE_BYTES 4096 /* or a divisor of what the kernel uses: only mapped pages are touched */
#define LOOK_BACK                                                                                  \
    512 /* locals of the same C function may lie on both sides of the first one read */
#define LOOK_AHEAD_MAX 4096
#define WISH_BYTES_MAX (20 << 10)
#define CHUNK_SLACK    768 /* for some frames more than last time */

static void wish(struct windows *windows, struct window *window, uint8_t *data, remote_addr start,
                 size_t length, struct memory_span spans[WINDOWS_WISHES_MAX])
{
    size_t at = windows->wishes_count;
    if (length == 0 || length > WISH_BYTES_MAX || at == WINDOWS_WISHES_MAX)
        return;
    windows->wishes_count++;
    windows->wishes[at].window = window;
    windows->wishes[at].start = start;
    windows->wishes[at].length = length;
    spans[at] = (struct memory_span){.address = start, .into = data, .length = length};
}

size_t windows_begin(struct windows *windows, const struct memory *memory, bool again,
                     struct memory_span spans[WINDOWS_WISHES_MAX])
{
    struct window *chunk = &windows->chunk;
    windows->memory = memory;
    windows->wishes_count = 0;
    if (again && !windows->chunk_moved && chunk->used_end && chunk->start == windows->chunk_start) {
        size_t length = chunk->used_end + CHUNK_SLACK;
        if (length > windows->chunk_end - chunk->start)
            length = windows->chunk_end - chunk->start;
        wish(windows, chunk, windows->chunk_data, chunk->start, length, spans);
    }
    chunk->length = 0;
    for (size_t i = 0; i < WINDOWS_COUNT; i++) {
        struct window *window = &windows->small[i];
        if (again && window->length && window->used_end)
            wish(windows, window, windows->small_data[i], window->start + window->used_start,
                 window->used_end - window->used_start, spans);
        window->length = 0;
    }
    windows->chunk_start = windows->chunk_end = 0;
    windows->chunk_moved = false;
    windows->next = 0;
    return windows->wishes_count;
}

void windows_grant(struct windows *windows, size_t count)
{
    /* Unused so far: a piece that this capture does not need is not wished for again. */
    for (size_t i = 0; i < count && i < windows->wishes_count; i++)
        *windows->wishes[i].window = (struct window){.start = windows->wishes[i].start,
                                                     .length = windows->wishes[i].length,
                                                     .used_start = SIZE_MAX};
}

void windows_set_chunk(struct windows *windows, remote_addr start, remote_addr end)
{
    windows->chunk_moved = windows->chunk_start != 0;
    windows->chunk_start = start;
    windows->chunk_end = end;
    if (windows->chunk.start != start)
        windows->chunk.length = 0;
}

static bool holds(struct window *window, remote_addr address, size_t length)
{
    if (address < window->start || length > window->length ||
        address - window->start > window->length - length)
        return false;
    size_t at = address - window->start;
    if (at < window->used_start)
        window->used_start = at;
    if (at + length > window->used_end)
        window->used_end = at + length;
    return true;
}

/* All of the chunk up to the end of what is asked for, or as much before it as fits. */
static int read_chunk(struct windows *windows, remote_addr address, size_t length,
                      const uint8_t **ret_data)
{
    remote_addr end = address + length;
    size_t size = end - windows->chunk_start;
    if (size > WINDOW_CHUNK_BYTES)
        size = WINDOW_CHUNK_BYTES;
    remote_addr start = end - size;
    /* Only the end is new when the stack has grown since a wish was granted. */
    size_t known = windows->chunk.start == start ? windows->chunk.length : 0;
    if (known > size)
        known = 0;
    windows->chunk.length = 0;
    int r = memory_read(windows->memory, start + known, windows->chunk_data + known, size - known);
    if (r < 0)
        return r;
    windows->chunk = (struct window){
        .start = start, .length = size, .used_start = size - length, .used_end = size};
    *ret_data = windows->chunk_data + (size - length);
    return 0;
}

/* An empty window, or the next in turn. */
static size_t choose_victim(struct windows *windows)
{
    for (size_t i = 0; i < WINDOWS_COUNT; i++)
        if (windows->small[i].length == 0)
            return i;
    windows->next = (windows->next + 1) % WINDOWS_COUNT;
    return windows->next;
}

/* What is asked for, and around it what can be had: the same page from a little before, the next
 * page. */
static int read_small(struct windows *windows, remote_addr address, size_t length,
                      const uint8_t **ret_data)
{
    size_t victim = choose_victim(windows);
    struct window *window = &windows->small[victim];
    uint8_t *data = windows->small_data[victim];
    remote_addr page = address & ~(remote_addr)(PAGE_BYTES - 1);
    remote_addr start = address - page > LOOK_BACK ? address - LOOK_BACK : page;
    remote_addr end = (address + length + PAGE_BYTES - 1) & ~(remote_addr)(PAGE_BYTES - 1);
    size_t sure = end - start, more = LOOK_AHEAD_MAX - (end - address) % LOOK_AHEAD_MAX;
    if (sure + more > WINDOW_BYTES)
        more = WINDOW_BYTES - sure;

    struct memory_span spans[] = {
        {.address = start, .into = data, .length = sure},
        {.address = end, .into = data + sure, .length = more},
    };
    window->length = 0;
    int r = memory_read_spans(windows->memory, spans, more ? 2 : 1);
    if (r < 0)
        return r;
    if (r == 0)
        return -EFAULT;
    *window = (struct window){.start = start,
                              .length = r == 2 ? sure + more : sure,
                              .used_start = address - start,
                              .used_end = address - start + length};
    *ret_data = data + (address - start);
    return 0;
}

int windows_get(struct windows *windows, remote_addr address, size_t length,
                const uint8_t **ret_data)
{
    if (length > WINDOW_REQUEST_MAX || address > UINT64_MAX - WINDOW_CHUNK_BYTES)
        return -EFAULT;
    if (holds(&windows->chunk, address, length)) {
        *ret_data = windows->chunk_data + (address - windows->chunk.start);
        return 0;
    }
    for (size_t i = 0; i < WINDOWS_COUNT; i++) {
        if (holds(&windows->small[i], address, length)) {
            *ret_data = windows->small_data[i] + (address - windows->small[i].start);
            return 0;
        }
    }
    if (address >= windows->chunk_start && address < windows->chunk_end &&
        read_chunk(windows, address, length, ret_data) == 0)
        return 0;
    return read_small(windows, address, length, ret_data);
}
