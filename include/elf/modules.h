/* The ELF files mapped in a process, and where. */
#ifndef MEMSAMPLE_ELF_MODULES_H
#define MEMSAMPLE_ELF_MODULES_H

#include "elf/image.h"
#include "proc/maps.h"

struct module {
    const char *path;       /* as in /proc/PID/maps, owned by the `struct modules` */
    remote_addr bias;       /* add to a symbol's value to get its address in the target */
    remote_addr start, end; /* lowest and highest mapped address of the file */
    struct image *image;
    int fd;
};

struct modules {
    struct module *items;
    size_t count, cap;
    struct maps maps;
};

/* Opens every mapped ELF file that has an executable mapping, in this order: the main executable,
 * files with "python" in their name, the others. A file is opened through /proc/PID/map_files,
 * /proc/PID/exe, /proc/PID/root + path or the plain path, whichever first has the mapping's device
 * and inode (deleted files and other mount namespaces work so). Files that cannot be opened are
 * left out. 0 or a negative errno from reading the maps. */
int modules_read(pid_t pid, struct modules *ret_modules);
void modules_deinit(struct modules *modules);

#endif
