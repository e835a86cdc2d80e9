/* Copies of remote memory for one capture. Knows nothing of Python. */
#include "windows.h"

#include <errno.h>
#include <stdbool.h>

#define PAGE_BYTES     4096 /* or a divisor of what the kernel uses: only mapped pages are touched */
#define LOOK_BACK      512  /* locals of the same C function may lie on both sides of the first one read */
#define LOOK_AHEAD_MAX 4096

void windows_begin(struct windows *windows, const struct memory *memory)
{
    windows->memory = memory;
    windows->chunk_start = windows->chunk_end = 0;
    windows->chunk.length = 0;
    windows->next = 0;
    for (size_t i = 0; i < WINDOWS_COUNT; i++)
        windows->small[i].length = 0;
}

void windows_set_chunk(struct windows *windows, remote_addr start, remote_addr end)
{
    windows->chunk_start = start;
    windows->chunk_end = end;
    windows->chunk.length = 0;
}

static bool holds(const struct window *window, remote_addr address, size_t length)
{
    return address >= window->start && length <= window->length &&
           address - window->start <= window->length - length;
}

/* All of the chunk up to the end of what is asked for, or as much before it as fits. */
static int read_chunk(struct windows *windows, remote_addr address, size_t length,
                      const uint8_t **ret_data)
{
    remote_addr end = address + length;
    size_t size = end - windows->chunk_start;
    if (size > WINDOW_CHUNK_BYTES)
        size = WINDOW_CHUNK_BYTES;
    windows->chunk.length = 0;
    int r = memory_read(windows->memory, end - size, windows->chunk_data, size);
    if (r < 0)
        return r;
    windows->chunk = (struct window){.start = end - size, .length = size};
    *ret_data = windows->chunk_data + (size - length);
    return 0;
}

/* What is asked for, and around it what can be had: the same page from a little before, the next page. */
static int read_small(struct windows *windows, remote_addr address, size_t length,
                      const uint8_t **ret_data)
{
    struct window *window = &windows->small[windows->next];
    uint8_t *data = windows->small_data[windows->next];
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
    windows->next = (windows->next + 1) % WINDOWS_COUNT;
    window->length = 0;
    int r = memory_read_spans(windows->memory, spans, more ? 2 : 1);
    if (r < 0)
        return r;
    if (r == 0)
        return -EFAULT;
    *window = (struct window){.start = start, .length = r == 2 ? sure + more : sure};
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
