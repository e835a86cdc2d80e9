/* Which nodes of the call tree a page shows. Knows the profile; must not know the page. */
#include "fold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* What each node holds with everything below it, and the most of it at any point. */
struct heights {
    uint64_t *held, *most;
    uint32_t *touched; /* nodes that moved in this point */
    size_t touched_count;
    bool *is_touched;
};

static void heights_deinit(struct heights *heights)
{
    free(heights->held);
    free(heights->most);
    free(heights->touched);
    free(heights->is_touched);
}

static void move_up(const struct profile *profile, struct heights *heights,
                    const struct profile_change *change)
{
    uint64_t net =
        change->grown_bytes - change->released_bytes; /* wraps when it falls: sums agree */
    for (uint32_t node = change->node;; node = profile->nodes[node].parent) {
        heights->held[node] += net;
        if (!heights->is_touched[node]) {
            heights->is_touched[node] = true;
            heights->touched[heights->touched_count++] = node;
        }
        if (node == 0)
            return;
    }
}

/* Only at the end of a point do the sums mean anything. */
static void note_heights(struct heights *heights)
{
    for (size_t i = 0; i < heights->touched_count; i++) {
        uint32_t node = heights->touched[i];
        heights->is_touched[node] = false;
        if (heights->held[node] > heights->most[node])
            heights->most[node] = heights->held[node];
    }
    heights->touched_count = 0;
}

static int measure(const struct profile *profile, struct heights *heights)
{
    size_t count = profile->node_count;
    heights->held = calloc(count, sizeof(*heights->held));
    heights->most = calloc(count, sizeof(*heights->most));
    heights->touched = calloc(count, sizeof(*heights->touched));
    heights->is_touched = calloc(count, sizeof(*heights->is_touched));
    if (!heights->held || !heights->most || !heights->touched || !heights->is_touched)
        return -ENOMEM;
    for (size_t i = 0; i < profile->change_count; i++) {
        move_up(profile, heights, &profile->changes[i]);
        if (i + 1 == profile->change_count ||
            profile->changes[i + 1].point != profile->changes[i].point)
            note_heights(heights);
    }
    return 0;
}

static int choose_nodes(const struct profile *profile, const struct heights *heights,
                        uint64_t held_min, uint64_t moved_min, struct fold *fold)
{
    size_t count = profile->node_count;
    _cleanup_(freep) uint32_t *smaller = calloc(count, sizeof(*smaller)); /* by place: place + 1 */
    _cleanup_(freep) bool *kept = calloc(count, sizeof(*kept));
    fold->nodes = calloc(2 * count, sizeof(*fold->nodes));
    fold->place = calloc(count, sizeof(*fold->place));
    if (!smaller || !kept || !fold->nodes || !fold->place)
        return -ENOMEM;

    /* Kept nodes first: a node's place is below 2^32 and its smaller sibling comes later. */
    for (uint32_t i = 0; i < count; i++) {
        const struct profile_node *node = &profile->nodes[i];
        kept[i] = node->kind != NODE_FRAME ||
                  (kept[node->parent] &&
                   (heights->most[i] >= held_min || node->total.grown_bytes >= moved_min ||
                    node->total.freed_bytes >= moved_min));
        if (!kept[i])
            continue;
        fold->place[i] = (uint32_t)fold->count;
        fold->nodes[fold->count++] =
            (struct fold_node){.parent = fold->place[node->parent], .node = i};
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct profile_node *node = &profile->nodes[i];
        if (kept[i])
            continue;
        if (!kept[node->parent]) {
            fold->place[i] = fold->place[node->parent];
            continue;
        }
        uint32_t parent = fold->place[node->parent];
        if (!smaller[parent]) {
            fold->nodes[fold->count] = (struct fold_node){.parent = parent, .node = FOLD_SMALLER};
            smaller[parent] = (uint32_t)++fold->count;
        }
        fold->place[i] = smaller[parent] - 1;
    }
    return 0;
}

static int by_node(const void *a, const void *b)
{
    const struct profile_change *x = a, *y = b;
    return x->node < y->node ? -1 : x->node > y->node;
}

static void add_change(struct profile_change *to, const struct profile_change *from)
{
    to->grown_bytes += from->grown_bytes;
    to->released_bytes += from->released_bytes;
    to->certain_bytes += from->certain_bytes;
    to->freed_bytes += from->freed_bytes;
}

static int fold_changes(const struct profile *profile, struct fold *fold)
{
    _cleanup_(freep) size_t *last = calloc(fold->count, sizeof(*last)); /* by node: entry + 1 */
    size_t start = 0;
    uint64_t small_bytes = 0;
    fold->changes = calloc(profile->change_count + 1, sizeof(*fold->changes));
    if (!last || !fold->changes)
        return -ENOMEM;
    for (size_t i = 0; i < profile->change_count; i++) {
        struct profile_change change = profile->changes[i];
        change.node = fold->place[change.node];
        if (fold->nodes[change.node].node == FOLD_SMALLER)
            small_bytes += change.grown_bytes - change.released_bytes;
        if (last[change.node] > start) {
            add_change(&fold->changes[last[change.node] - 1], &change);
        } else {
            fold->changes[fold->change_count++] = change;
            last[change.node] = fold->change_count;
        }
        if (i + 1 < profile->change_count && profile->changes[i + 1].point == change.point)
            continue;
        qsort(fold->changes + start, fold->change_count - start, sizeof(*fold->changes), by_node);
        start = fold->change_count;
        if (small_bytes > fold->left_out_bytes)
            fold->left_out_bytes = small_bytes;
    }
    return 0;
}

/* Lines that stand in no node that is shown. */
static int count_left_out(const struct profile *profile, struct fold *fold)
{
    enum { SHOWN = 1, COUNTED = 2 };
    _cleanup_(freep) uint8_t *lines = calloc(profile->line_count + 1, 1);
    if (!lines)
        return -ENOMEM;
    for (size_t i = 0; i < fold->count; i++)
        if (fold->nodes[i].node != FOLD_SMALLER &&
            profile->nodes[fold->nodes[i].node].kind == NODE_FRAME)
            lines[profile->frames[profile->nodes[fold->nodes[i].node].frame].line_index] = SHOWN;
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct profile_node *node = &profile->nodes[i];
        if (node->kind != NODE_FRAME || fold->nodes[fold->place[i]].node != FOLD_SMALLER)
            continue;
        uint32_t line = profile->frames[node->frame].line_index;
        if (line < profile->line_count && !lines[line]) {
            lines[line] = COUNTED;
            fold->left_out_lines++;
        }
    }
    return 0;
}

void fold_deinit(struct fold *fold)
{
    free(fold->nodes);
    free(fold->place);
    free(fold->changes);
    *fold = (struct fold){0};
}

int fold_create(const struct profile *profile, uint64_t held_min, uint64_t moved_min,
                struct fold *ret_fold)
{
    _cleanup_(heights_deinit) struct heights heights = {0};
    struct fold fold = {0};
    int r = measure(profile, &heights);
    if (r >= 0)
        r = choose_nodes(profile, &heights, held_min, moved_min, &fold);
    if (r >= 0)
        r = fold_changes(profile, &fold);
    if (r >= 0)
        r = count_left_out(profile, &fold);
    if (r < 0) {
        fold_deinit(&fold);
        return r;
    }
    *ret_fold = fold;
    return 0;
}
