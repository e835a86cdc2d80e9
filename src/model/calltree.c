/* Stacks to nodes. Must not know memory or time. */
#include "calltree.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

static int add_node(struct calltree *tree, struct profile_node node, uint32_t *ret_node)
{
    if (array_reserve(&tree->nodes, &tree->nodes_cap, tree->count + 1, sizeof(*tree->nodes)) < 0 ||
        array_reserve(&tree->seen, &tree->seen_cap, tree->count + 1, sizeof(*tree->seen)) < 0)
        return -ENOMEM;
    tree->nodes[tree->count] = node;
    tree->seen[tree->count] = (struct calltree_seen){0};
    *ret_node = (uint32_t)tree->count++;
    return 0;
}

void calltree_deinit(struct calltree *tree)
{
    free(tree->nodes);
    free(tree->seen);
    free(tree->by_stack);
    free(tree->by_stack_truncated);
    free(tree->path);
    free(tree->child);
    free(tree->marks);
    intern_deinit(&tree->children);
    *tree = (struct calltree){0};
}

int calltree_init(struct calltree *tree, const struct recording *recording)
{
    static const enum profile_node_kind kinds[CALLTREE_SPECIALS] = {
        [CALLTREE_ROOT] = NODE_ROOT,
        [CALLTREE_BASELINE] = NODE_BASELINE,
        [CALLTREE_NATIVE] = NODE_NATIVE,
        [CALLTREE_UNATTRIBUTED] = NODE_UNATTRIBUTED,
    };
    *tree = (struct calltree){.recording = recording};
    tree->by_stack = calloc(recording->stack_count, sizeof(*tree->by_stack));
    if (!tree->by_stack)
        return -ENOMEM;
    for (size_t i = 0; i < CALLTREE_SPECIALS; i++) {
        uint32_t index;
        if (add_node(tree, (struct profile_node){.kind = kinds[i]}, &index) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int truncated_root(struct calltree *tree, uint32_t *ret_node)
{
    if (!tree->truncated_root) {
        struct profile_node node = {.kind = NODE_FRAME,
                                    .parent = CALLTREE_ROOT,
                                    .frame = (uint32_t)tree->recording->frame_count};
        uint32_t index;
        int r = add_node(tree, node, &index);
        if (r < 0)
            return r;
        tree->truncated_root = index + 1;
        tree->by_stack_truncated =
            calloc(tree->recording->stack_count, sizeof(*tree->by_stack_truncated));
        if (!tree->by_stack_truncated)
            return -ENOMEM;
    }
    *ret_node = tree->truncated_root - 1;
    return 0;
}

/* Stacks with native frames ------------------------------------------------------------------- */

/* The frames of a stack as they are shown, innermost first, into tree->path and tree->marks. */
static int unfold(struct calltree *tree, uint32_t stack_id, size_t *ret_count)
{
    const struct recording *recording = tree->recording;
    size_t count = 0;
    for (; stack_id; stack_id = recording->stacks[stack_id].parent_id) {
        uint32_t frame = recording->stacks[stack_id].frame_id;
        size_t first = tree->frames->first[frame], end = tree->frames->first[frame + 1];
        if (array_reserve(&tree->path, &tree->path_cap, count + (end - first),
                          sizeof(*tree->path)) < 0 ||
            array_reserve(&tree->marks, &tree->marks_cap, count + (end - first),
                          sizeof(*tree->marks)) < 0)
            return -ENOMEM;
        while (end > first) {
            uint32_t id = tree->frames->ids[--end];
            const struct profile_frame *shown = &tree->profile_frames[id];
            tree->path[count] = id;
            tree->marks[count++] = (struct internals_frame){.native = shown->module,
                                                            .interpreter = shown->interpreter,
                                                            .function = shown->function};
        }
    }
    if (!tree->internals)
        internals_mark(tree->marks, count);
    *ret_count = count;
    return 0;
}

static int child_of(struct calltree *tree, uint32_t frame, uint32_t *node)
{
    const uint32_t key[] = {*node, frame};
    uint32_t number;
    bool added;
    int r = array_reserve(&tree->child, &tree->child_cap, tree->children.count + 1,
                          sizeof(*tree->child));
    if (r >= 0)
        r = intern_add(&tree->children, key, sizeof(key), &number, &added);
    if (r >= 0 && added)
        r = add_node(tree,
                     (struct profile_node){.kind = NODE_FRAME, .parent = *node, .frame = frame},
                     &tree->child[number]);
    if (r >= 0)
        *node = tree->child[number];
    return r;
}

static int unfolded_node(struct calltree *tree, uint32_t stack_id, bool truncated,
                         uint32_t *ret_node)
{
    uint32_t node = CALLTREE_NATIVE;
    size_t count = 0;
    int r = unfold(tree, stack_id, &count);
    for (size_t i = 0; i < count && r >= 0 && node != CALLTREE_ROOT; i++)
        if (!tree->marks[i].native)
            node = CALLTREE_ROOT;
    if (r >= 0 && truncated)
        r = truncated_root(tree, &node);
    while (count > 0 && r >= 0)
        if (!tree->marks[--count].hidden)
            r = child_of(tree, tree->path[count], &node);
    *ret_node = node;
    return r;
}

int calltree_node(struct calltree *tree, uint32_t stack_id, bool truncated, uint32_t *ret_node)
{
    const struct recording_stack *stacks = tree->recording->stacks;
    uint32_t node = CALLTREE_ROOT;
    if (truncated) {
        int r = truncated_root(tree, &node);
        if (r < 0)
            return r;
    }
    uint32_t *by_stack = truncated ? tree->by_stack_truncated : tree->by_stack;
    if (tree->recording->module_count && stack_id && !by_stack[stack_id]) {
        int r = unfolded_node(tree, stack_id, truncated, &node);
        if (r < 0)
            return r;
        by_stack[stack_id] = node + 1;
    }

    /* Up to the nearest caller that has a node, then down again. */
    uint32_t known = stack_id;
    size_t depth = 0;
    for (; known && !by_stack[known]; known = stacks[known].parent_id) {
        if (array_reserve(&tree->path, &tree->path_cap, depth + 1, sizeof(*tree->path)) < 0)
            return -ENOMEM;
        tree->path[depth++] = known;
    }
    if (known)
        node = by_stack[known] - 1;
    while (depth > 0) {
        uint32_t stack = tree->path[--depth];
        struct profile_node made = {
            .kind = NODE_FRAME, .parent = node, .frame = stacks[stack].frame_id};
        int r = add_node(tree, made, &node);
        if (r < 0)
            return r;
        by_stack[stack] = node + 1;
    }
    *ret_node = node;
    return 0;
}
