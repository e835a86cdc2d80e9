/* /proc/PID/smaps: a line as in maps for each mapping, then lines of counters. */
#include "cli/mappings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "proc/file.h"

/* "7f00-7f10 r-xp 00000000 08:01 123   /usr/lib/x": false for a counter line. */
static bool parse_head(char *line, struct mapping *ret_mapping)
{
    uint64_t start, end;
    int name_at = 0;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*4s %*x %*x:%*x %*u%n", &start, &end, &name_at) !=
            2 ||
        name_at == 0 || end <= start)
        return false;
    char *name = line + name_at;
    *ret_mapping = (struct mapping){
        .name = name + strspn(name, " "), .start = start, .end = end, .size_bytes = end - start};
    return true;
}

static void parse_counter(const char *line, struct mapping *mapping)
{
    char key[32];
    uint64_t kib;
    if (sscanf(line, "%31[A-Za-z_]: %" SCNu64, key, &kib) != 2)
        return;
    uint64_t bytes = kib * KIB;
    if (strcmp(key, "Rss") == 0)
        mapping->rss_bytes += bytes;
    else if (strcmp(key, "Anonymous") == 0)
        mapping->anonymous_bytes += bytes;
    else if (strcmp(key, "Swap") == 0)
        mapping->swap_bytes += bytes;
}

static int add(struct mappings *mappings, const struct mapping *mapping)
{
    int r = array_reserve(&mappings->items, &mappings->cap, mappings->count + 1, sizeof(*mapping));
    if (r == 0)
        mappings->items[mappings->count++] = *mapping;
    return r;
}

static int by_name(const void *left, const void *right)
{
    const struct mapping *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order ? order : (a->start > b->start) - (a->start < b->start);
}

static int by_size(const void *left, const void *right)
{
    const struct mapping *a = left, *b = right;
    if (a->rss_bytes != b->rss_bytes)
        return a->rss_bytes < b->rss_bytes ? 1 : -1;
    return (a->start > b->start) - (a->start < b->start);
}

static void sum_up(struct mappings *mappings)
{
    size_t kept = 0;
    if (mappings->count == 0)
        return;
    qsort(mappings->items, mappings->count, sizeof(*mappings->items), by_name);
    for (size_t i = 1; i < mappings->count; i++) {
        struct mapping *last = &mappings->items[kept], *item = &mappings->items[i];
        if (!item->name[0] || strcmp(last->name, item->name) != 0) {
            mappings->items[++kept] = *item;
            continue;
        }
        last->end = item->end;
        last->size_bytes += item->size_bytes;
        last->rss_bytes += item->rss_bytes;
        last->anonymous_bytes += item->anonymous_bytes;
        last->swap_bytes += item->swap_bytes;
    }
    mappings->count = kept + 1;
    qsort(mappings->items, mappings->count, sizeof(*mappings->items), by_size);
}

int mappings_parse(char *text, struct mappings *ret_mappings)
{
    _cleanup_(mappings_deinit) struct mappings mappings = {.text = text};
    for (char *line = text, *next; line && *line; line = next) {
        struct mapping mapping;
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        if (parse_head(line, &mapping)) {
            if (add(&mappings, &mapping) < 0)
                return -ENOMEM;
        } else if (mappings.count) {
            parse_counter(line, &mappings.items[mappings.count - 1]);
        }
    }
    sum_up(&mappings);
    *ret_mappings = mappings;
    mappings = (struct mappings){0};
    return 0;
}

int mappings_read(pid_t pid, struct mappings *ret_mappings)
{
    char *text;
    int r = process_file_read(pid, "smaps", &text, NULL);
    return r < 0 ? r : mappings_parse(text, ret_mappings);
}

void mappings_deinit(struct mappings *mappings)
{
    free(mappings->items);
    free(mappings->text);
    *mappings = (struct mappings){0};
}
