/* The lists of the garbage collector, 3.8 to 3.13 with the GIL. Knows how objects hang in them. */
#include "task_search.h"
#include "peek.h"

#define LISTS            3           /* generations; what gc.freeze() put aside is not looked at */
#define LIST_BYTES       24          /* struct gc_generation: head, threshold, count */
#define HEAD_BYTES       16          /* PyGC_Head, since 3.8: next, prev; then the object */
#define FLAGS            UINT64_C(3) /* lowest bits of both */
#define OBJECTS_MAX      2000000
#define STATE_LISTS      24 /* of struct _gc_runtime_state to its first list (3.13) */
#define STATE_LISTS_1318 20 /* 3.13.18: PyGC_Head is aligned to 4 bytes only */

struct search {
    struct python_reader *reader;
    struct python_task_place *places;
    size_t count, max;
    size_t left; /* objects that may still be looked at */
};

static bool peek_link(struct cells *cells, remote_addr at, remote_addr *ret_node)
{
    if (!peek_u64(cells, at, ret_node))
        return false;
    *ret_node &= ~FLAGS;
    return *ret_node >= 4096;
}

/* Follows one list to its end, or to where it does not lead back: it was changed meanwhile. */
static void follow(struct search *search, remote_addr head)
{
    struct cells *cells = &search->reader->cells;
    remote_addr node, back, before = head;
    if (!peek_link(cells, head, &node))
        return;
    while (node != head && search->left && search->count < search->max) {
        if (!peek_link(cells, node + 8, &back) || back != before)
            return;
        search->left--;
        remote_addr object = node + HEAD_BYTES;
        if (objects_kind(&search->reader->tasks.objects, cells, object) == OBJECT_TASK)
            search->places[search->count++] = (struct python_task_place){.task = object};
        before = node;
        if (!peek_link(cells, node, &node))
            return;
    }
}

static bool is_list(struct cells *cells, remote_addr head)
{
    remote_addr last, back;
    return peek_link(cells, head + 8, &last) && peek_link(cells, last, &back) && back == head;
}

static void follow_lists(struct search *search, remote_addr first)
{
    for (int i = 0; i < LISTS; i++)
        follow(search, first + (remote_addr)i * LIST_BYTES);
}

int task_search(struct python_reader *reader, struct python_task_place *places, size_t max,
                size_t *ret_count)
{
    const struct python_layout *layout = &reader->runtime.layout;
    const struct threads *threads = &reader->threads;
    struct search search = {.reader = reader, .places = places, .max = max, .left = OBJECTS_MAX};
    if (reader->runtime.free_threaded || layout->minor > 13)
        return PYTHON_STACK_NO_THREAD;
    if (layout->gc.runtime_lists != PYTHON_ABSENT)
        follow_lists(&search, reader->runtime.address + layout->gc.runtime_lists);
    for (size_t i = 0; layout->gc.lists != PYTHON_ABSENT && i < threads->interpreters_count; i++) {
        remote_addr first = threads->interpreters[i].address + layout->gc.lists;
        if (layout->minor == 13)
            first += is_list(&reader->cells, first + STATE_LISTS) ? STATE_LISTS : STATE_LISTS_1318;
        follow_lists(&search, first);
    }
    *ret_count = search.count;
    return 0;
}
