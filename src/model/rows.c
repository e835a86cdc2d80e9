/* Figures of nodes, and the tables made from them. Knows the finished tree; must not know events.
 *
 * A row's total takes each stack once, although the row may stand in it several times: it adds up
 * the nodes that have no caller in the same row. A walk through the tree keeps count of the rows
 * above it. */
#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/intern.h"

#define NONE UINT32_MAX

static void add_figures(struct figures *to, const struct figures *from)
{
    to->grown_bytes += from->grown_bytes;
    to->released_bytes += from->released_bytes;
    to->held_at_peak_bytes += from->held_at_peak_bytes;
    to->held_at_end_bytes += from->held_at_end_bytes;
    to->certain_bytes += from->certain_bytes;
    to->freed_bytes += from->freed_bytes;
}

static void add_kinds(struct profile_kinds *to, const struct profile_kinds *from)
{
    for (size_t i = 0; i < PLACE_KINDS_END; i++)
        to->grown_bytes[i] += from->grown_bytes[i];
    to->huge_bytes += from->huge_bytes;
}

/* Node figures -------------------------------------------------------------------------------- */

static void fill_node_figures(struct profile *profile)
{
    for (size_t i = 0; i < profile->change_count; i++) {
        const struct profile_change *change = &profile->changes[i];
        struct figures *self = &profile->nodes[change->node].self;
        if (change->point > profile->end_point)
            break;
        self->grown_bytes += change->grown_bytes;
        self->released_bytes += change->released_bytes;
        self->certain_bytes += change->certain_bytes;
        self->freed_bytes += change->freed_bytes;
        self->held_at_end_bytes += change->grown_bytes - change->released_bytes;
        if (change->point <= profile->peak_point)
            self->held_at_peak_bytes += change->grown_bytes - change->released_bytes;
    }
    profile->nodes[CALLTREE_BASELINE].self.grown_bytes = 0;
    for (size_t i = 0; i < profile->node_count; i++)
        profile->nodes[i].total = profile->nodes[i].self;
    for (size_t i = profile->node_count; i-- > 1;)
        add_figures(&profile->nodes[profile->nodes[i].parent].total, &profile->nodes[i].total);
}

/* Rows ---------------------------------------------------------------------------------------- */

/* A table under construction. */
struct table {
    struct intern keys;
    struct profile_row *rows;
    size_t cap;
    uint32_t *active; /* by row: how often it stands on the path of the walk */
    size_t active_cap;
};

static void table_deinit(struct table *table)
{
    intern_deinit(&table->keys);
    free(table->rows);
    free(table->active);
}

struct row_key {
    const char *file, *function; /* the recording has each text once */
    int64_t line;
    const char *module;
};

static int table_row(struct table *table, struct row_key key, bool user, uint32_t *ret_index)
{
    bool added;
    int r = intern_add(&table->keys, &key, sizeof(key), ret_index, &added);
    if (r < 0 || !added)
        return r;
    size_t count = table->keys.count;
    if (array_reserve(&table->rows, &table->cap, count, sizeof(*table->rows)) < 0 ||
        array_reserve(&table->active, &table->active_cap, count, sizeof(*table->active)) < 0)
        return -ENOMEM;
    table->rows[count - 1] = (struct profile_row){.file = key.file,
                                                  .function = key.function,
                                                  .line = (int32_t)key.line,
                                                  .user = user,
                                                  .module = key.module};
    table->active[count - 1] = 0;
    return 0;
}

static const char *special_name(enum profile_node_kind kind)
{
    return kind == NODE_NATIVE     ? "<native>"
           : kind == NODE_BASELINE ? "<baseline>"
                                   : "<unattributed>";
}

/* What stands where during the walk. */
struct walk {
    struct profile *profile;
    const struct calltree_seen *seen;
    struct profile_kinds *kinds; /* by node: with everything below; NULL: not known */
    struct figures
        *own; /* by node; NULL: there are no native frames, and it is the node's own self */
    struct table lines, functions, source_lines, culprits;
    uint32_t *line_of, *function_of, *source_line_of; /* by node: rows; NONE for the root */
    uint32_t *mine;              /* by node: the node of its innermost user line, or NONE */
    struct calltree_seen *below; /* by node: with everything below */
    uint32_t *first_child, *next_sibling;
};

static void walk_deinit(struct walk *walk)
{
    table_deinit(&walk->lines);
    table_deinit(&walk->functions);
    table_deinit(&walk->source_lines);
    table_deinit(&walk->culprits);
    free(walk->line_of);
    free(walk->function_of);
    free(walk->source_line_of);
    free(walk->mine);
    free(walk->below);
    free(walk->own);
    free(walk->kinds);
    free(walk->first_child);
    free(walk->next_sibling);
}

static int walk_init(struct walk *walk, struct profile *profile, const struct calltree_seen *seen)
{
    size_t count = profile->node_count;
    *walk = (struct walk){.profile = profile, .seen = seen};
    walk->line_of = calloc(count, sizeof(uint32_t));
    walk->function_of = calloc(count, sizeof(uint32_t));
    walk->source_line_of = calloc(count, sizeof(uint32_t));
    walk->mine = calloc(count, sizeof(uint32_t));
    walk->below = calloc(count, sizeof(*walk->below));
    walk->first_child = calloc(count, sizeof(uint32_t));
    walk->next_sibling = calloc(count, sizeof(uint32_t));
    return walk->line_of && walk->function_of && walk->source_line_of && walk->mine &&
                   walk->below && walk->first_child && walk->next_sibling
               ? 0
               : -ENOMEM;
}

static int rows_of_frames(struct walk *walk)
{
    struct profile *profile = walk->profile;
    for (size_t i = 0; i < profile->frame_count; i++) {
        struct profile_frame *frame = &profile->frames[i];
        struct row_key line = {frame->file, frame->function, frame->line, frame->module};
        struct row_key function = {frame->file, frame->function, frame->first_line, frame->module};
        int r = table_row(&walk->lines, line, frame->user, &frame->line_index);
        if (r >= 0)
            r = table_row(&walk->functions, function, frame->user, &frame->function_index);
        if (r < 0)
            return r;
    }
    return 0;
}

static int special_rows(struct walk *walk, uint32_t index)
{
    struct row_key key = {"", special_name(walk->profile->nodes[index].kind), 0, NULL};
    int r = table_row(&walk->lines, key, false, &walk->line_of[index]);
    if (r >= 0)
        r = table_row(&walk->functions, key, false, &walk->function_of[index]);
    return r < 0 ? r : table_row(&walk->source_lines, key, false, &walk->source_line_of[index]);
}

static int rows_of_node(struct walk *walk, uint32_t index)
{
    const struct profile *profile = walk->profile;
    const struct profile_node *node = &profile->nodes[index];
    walk->mine[index] = NONE;
    if (node->kind != NODE_FRAME)
        return special_rows(walk, index);
    const struct profile_frame *frame = &profile->frames[node->frame];
    /* The row is called after the function that was met first; the key must not depend on it. */
    bool named = frame->file[0] && !frame->module; /* all of a binary file is one "line" */
    struct row_key key = {frame->file, named ? NULL : frame->function, frame->line, frame->module};
    walk->line_of[index] = frame->line_index;
    walk->function_of[index] = frame->function_index;
    walk->mine[index] = frame->user ? index : walk->mine[node->parent];
    int r = table_row(&walk->source_lines, key, frame->user, &walk->source_line_of[index]);
    if (r < 0)
        return r;
    struct profile_row *row = &walk->source_lines.rows[walk->source_line_of[index]];
    if (!row->function)
        row->function = frame->function;
    return 0;
}

static int rows_of_nodes(struct walk *walk)
{
    walk->line_of[0] = walk->function_of[0] = walk->source_line_of[0] = walk->mine[0] = NONE;
    for (uint32_t i = 1; i < walk->profile->node_count; i++) {
        int r = rows_of_node(walk, i);
        if (r < 0)
            return r;
    }
    return 0;
}

static void see_below(struct calltree_seen *to, const struct calltree_seen *from)
{
    to->samples += from->samples;
    if (from->last_ns >= to->last_ns && from->samples) {
        to->last_ns = from->last_ns;
        to->last_rss_bytes = from->last_rss_bytes;
    }
}

static void link_children(struct walk *walk)
{
    const struct profile_node *nodes = walk->profile->nodes;
    for (size_t i = 0; i < walk->profile->node_count; i++)
        walk->below[i] = walk->seen[i];
    for (uint32_t i = (uint32_t)walk->profile->node_count; i-- > 1;) {
        uint32_t parent = nodes[i].parent;
        walk->next_sibling[i] = walk->first_child[parent]; /* 0, the root, is nobody's sibling */
        walk->first_child[parent] = i;
        see_below(&walk->below[parent], &walk->below[i]);
    }
}

/* What counts as a node's own: that of native functions below counts for the Python frame as well.
 */
static void enter_row(struct walk *walk, struct table *table, uint32_t row_index, uint32_t node)
{
    const struct figures *self = walk->own ? &walk->own[node] : &walk->profile->nodes[node].self;
    struct profile_row *row = &table->rows[row_index];
    add_figures(&row->self, self);
    if (table->active[row_index]++ > 0)
        return;
    struct calltree_seen seen = {row->sample_count, row->last_time_ns, row->last_rss_bytes};
    see_below(&seen, &walk->below[node]);
    row->sample_count = seen.samples;
    row->last_time_ns = seen.last_ns;
    row->last_rss_bytes = seen.last_rss_bytes;
    add_figures(&row->total, &walk->profile->nodes[node].total);
    if (walk->kinds)
        add_kinds(&row->kinds, &walk->kinds[node]);
}

static int fill_kinds(struct walk *walk)
{
    const struct profile *profile = walk->profile;
    if (!profile->node_kinds)
        return 0;
    walk->kinds = calloc(profile->node_count, sizeof(*walk->kinds));
    if (!walk->kinds)
        return -ENOMEM;
    for (size_t i = profile->node_count; i-- > 0;) {
        add_kinds(&walk->kinds[i], &profile->node_kinds[i]);
        if (i)
            add_kinds(&walk->kinds[profile->nodes[i].parent], &walk->kinds[i]);
    }
    return 0;
}

static int fill_own(struct walk *walk)
{
    const struct profile *profile = walk->profile;
    bool any = false;
    for (size_t i = 0; i < profile->frame_count && !any; i++)
        any = profile->frames[i].module;
    if (!any)
        return 0;
    walk->own = calloc(profile->node_count, sizeof(*walk->own));
    if (!walk->own)
        return -ENOMEM;
    for (uint32_t i = 0; i < profile->node_count; i++) {
        uint32_t python = profile_python_node(profile, i);
        add_figures(&walk->own[i], &profile->nodes[i].self);
        if (python != i)
            add_figures(&walk->own[python], &profile->nodes[i].self);
    }
    return 0;
}

static void enter_node(struct walk *walk, uint32_t node)
{
    if (node == 0)
        return;
    enter_row(walk, &walk->lines, walk->line_of[node], node);
    enter_row(walk, &walk->functions, walk->function_of[node], node);
    enter_row(walk, &walk->source_lines, walk->source_line_of[node], node);
}

static void leave_node(struct walk *walk, uint32_t node)
{
    if (node == 0)
        return;
    walk->lines.active[walk->line_of[node]]--;
    walk->functions.active[walk->function_of[node]]--;
    walk->source_lines.active[walk->source_line_of[node]]--;
}

static void walk_tree(struct walk *walk)
{
    uint32_t node = 0;
    enter_node(walk, node);
    for (;;) {
        if (walk->first_child[node]) {
            node = walk->first_child[node];
            enter_node(walk, node);
            continue;
        }
        while (node && !walk->next_sibling[node]) {
            leave_node(walk, node);
            node = walk->profile->nodes[node].parent;
        }
        if (!node)
            return;
        leave_node(walk, node);
        node = walk->next_sibling[node];
        enter_node(walk, node);
    }
}

/* The outermost of the callers in a row that stand on the same line of the same file. */
static uint32_t whole_line(const struct walk *walk, uint32_t node)
{
    const struct profile_node *nodes = walk->profile->nodes;
    while (nodes[node].parent &&
           walk->source_line_of[nodes[node].parent] == walk->source_line_of[node])
        node = nodes[node].parent;
    return node;
}

static int find_culprits(struct walk *walk)
{
    const struct profile *profile = walk->profile;
    for (uint32_t i = 1; i < profile->node_count; i++) {
        const struct figures *self = &profile->nodes[i].self;
        if (!self->grown_bytes && !self->held_at_peak_bytes && !self->held_at_end_bytes &&
            !self->released_bytes && !self->freed_bytes && !walk->seen[i].samples)
            continue;
        uint32_t charged = walk->mine[i] == NONE ? profile_python_node(profile, i) : walk->mine[i],
                 index;
        charged = whole_line(walk, charged);
        const struct profile_row *line = &walk->lines.rows[walk->line_of[charged]];
        int r = table_row(&walk->culprits,
                          (struct row_key){line->file, line->function, line->line, line->module},
                          line->user, &index);
        if (r < 0)
            return r;
        struct profile_row *row = &walk->culprits.rows[index];
        struct calltree_seen seen = {row->sample_count, row->last_time_ns, row->last_rss_bytes};
        see_below(&seen, &walk->seen[i]);
        row->sample_count = seen.samples;
        row->last_time_ns = seen.last_ns;
        row->last_rss_bytes = seen.last_rss_bytes;
        add_figures(&row->self, self);
        row->total = row->self;
        if (profile->node_kinds)
            add_kinds(&row->kinds, &profile->node_kinds[i]);
    }
    return 0;
}

/* Sorting ------------------------------------------------------------------------------------- */

static int compare_u64_down(uint64_t a, uint64_t b)
{
    return a > b ? -1 : a < b;
}

static int compare_rows(const void *a, const void *b)
{
    const struct profile_row *const *x = a, *const *y = b;
    int r = compare_u64_down((*x)->total.held_at_peak_bytes, (*y)->total.held_at_peak_bytes);
    if (r == 0)
        r = compare_u64_down((*x)->total.grown_bytes, (*y)->total.grown_bytes);
    if (r == 0)
        r = strcmp((*x)->file, (*y)->file);
    if (r == 0)
        r = (*x)->line < (*y)->line ? -1 : (*x)->line > (*y)->line;
    if (r == 0)
        r = strcmp((*x)->function, (*y)->function);
    return r ? r : *x < *y ? -1 : *x > *y;
}

/* Moves the table's rows out in order. ret_places (by old index) says where each went; rows that
 * stand in no stack at all are left out, their place is NONE. */
static int sort_table(struct table *table, struct profile_row **ret_rows, size_t *ret_count,
                      uint32_t **ret_places)
{
    size_t count = table->keys.count, kept = 0;
    _cleanup_(freep) struct profile_row **order = calloc(count + 1, sizeof(struct profile_row *));
    _cleanup_(freep) uint32_t *places = calloc(count + 1, sizeof(*places));
    struct profile_row *rows = calloc(count + 1, sizeof(*rows));
    if (!order || !places || !rows) {
        free(rows);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const struct profile_row *row = &table->rows[i];
        places[i] = NONE;
        if (row->sample_count || row->total.grown_bytes || row->total.held_at_peak_bytes ||
            row->total.held_at_end_bytes || row->total.released_bytes || row->total.freed_bytes)
            order[kept++] = &table->rows[i];
    }
    qsort(order, kept, sizeof(struct profile_row *), compare_rows);
    for (size_t i = 0; i < kept; i++) {
        rows[i] = *order[i];
        places[order[i] - table->rows] = (uint32_t)i;
    }
    *ret_rows = rows;
    *ret_count = kept;
    if (ret_places)
        *ret_places = take_pointer(places);
    return 0;
}

static int finish_tables(struct walk *walk)
{
    struct profile *profile = walk->profile;
    _cleanup_(freep) uint32_t *lines = NULL, *functions = NULL;
    int r = sort_table(&walk->lines, &profile->lines, &profile->line_count, &lines);
    if (r >= 0)
        r = sort_table(&walk->functions, &profile->functions, &profile->function_count, &functions);
    if (r >= 0)
        r = sort_table(&walk->culprits, &profile->culprits, &profile->culprit_count, NULL);
    if (r >= 0)
        r = sort_table(&walk->source_lines, &profile->source_lines, &profile->source_line_count,
                       NULL);
    if (r < 0)
        return r;
    for (size_t i = 0; i < profile->frame_count; i++) {
        profile->frames[i].line_index = lines[profile->frames[i].line_index];
        profile->frames[i].function_index = functions[profile->frames[i].function_index];
    }
    return 0;
}

int rows_build(struct profile *profile, const struct calltree_seen *seen)
{
    _cleanup_(walk_deinit) struct walk walk;
    fill_node_figures(profile);
    int r = walk_init(&walk, profile, seen);
    if (r >= 0)
        r = rows_of_frames(&walk);
    if (r >= 0)
        r = rows_of_nodes(&walk);
    if (r < 0)
        return r;
    r = fill_own(&walk);
    if (r >= 0)
        r = fill_kinds(&walk);
    if (r < 0)
        return r;
    link_children(&walk);
    walk_tree(&walk);
    r = find_culprits(&walk);
    return r < 0 ? r : finish_tables(&walk);
}
