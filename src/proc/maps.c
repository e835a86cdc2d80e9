/* /proc/PID/maps, parsed. */
#include "proc/maps.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "proc/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAPS_COUNT_MAX 1000000 /* the kernel's default limit is 65530 (vm.max_map_count) */

/* One line: "start-end perms offset major:minor inode   path". */
static bool parse_line(char *line, struct map *ret_map)
{
    unsigned long start, end, offset, inode;
    unsigned major, minor;
    char permissions[5];
    int path_at = 0;
    if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %n", &start, &end, permissions, &offset, &major,
               &minor, &inode, &path_at) != 7 ||
        path_at == 0 || end <= start || strlen(permissions) != 4)
        return false;
    *ret_map = (struct map){
        .start = start,
        .end = end,
        .offset = offset,
        .device_major = major,
        .device_minor = minor,
        .inode = inode,
        .readable = permissions[0] == 'r',
        .writable = permissions[1] == 'w',
        .executable = permissions[2] == 'x',
        .shared = permissions[3] == 's',
        .path = line + path_at,
    };
    return true;
}

int maps_parse(char *text, struct maps *ret_maps)
{
    _cleanup_(maps_deinit) struct maps maps = {.text = text};
    for (char *line = text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        struct map map;
        if (!parse_line(line, &map))
            continue;
        if (maps.count >= MAPS_COUNT_MAX ||
            array_reserve(&maps.items, &maps.cap, maps.count + 1, sizeof(map)) < 0)
            return -ENOMEM;
        maps.items[maps.count++] = map;
    }
    *ret_maps = maps;
    maps = (struct maps){0};
    return 0;
}

int maps_read(pid_t pid, struct maps *ret_maps)
{
    char *text;
    int r = process_file_read(pid, "maps", &text, NULL);
    if (r < 0)
        return r;
    return maps_parse(text, ret_maps);
}

void maps_deinit(struct maps *maps)
{
    free(maps->items);
    free(maps->text);
    *maps = (struct maps){0};
}
