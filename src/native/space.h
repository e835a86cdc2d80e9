/* The code that is mapped in a process, and the unwind information of it: files, opened once and
 * looked at again when the mappings may have changed. */
#ifndef MEMSAMPLE_NATIVE_SPACE_H
#define MEMSAMPLE_NATIVE_SPACE_H

#include "base/intern.h"
#include "elf/modules.h"
#include "index.h"
#include "native/stack.h"

#define SPACE_LOADS_MAX 8 /* PT_LOADs of one file; usual are 4 or 5 */

struct space_module {
    remote_addr start, end, bias; /* see struct module */
    uint32_t number;              /* of `struct native_module`, stable */
    struct image_part loads[SPACE_LOADS_MAX];
    size_t load_count;
    struct unwind_index index;
};

struct space {
    pid_t pid;
    struct modules files;
    struct space_module *modules; /* in the order of addresses */
    size_t module_count;
    uint64_t seen;      /* hash of the executable mappings */
    uint64_t looked_ns; /* CLOCK_MONOTONIC; 0: never */
    bool in_vain;       /* the last look was for an address, and did not find it */
    uint32_t changes;   /* how often the modules were read anew */

    struct native_module *known; /* by number */
    size_t known_cap;
    struct intern known_keys;
};

void space_init(struct space *space, pid_t pid);
void space_deinit(struct space *space);
/* Looks at the mappings when they were not looked at lately: `wanted` is an address that was not
 * found, and makes it sooner. Opens the files again when they changed. 0 or a negative errno. */
int space_refresh(struct space *space, remote_addr wanted, uint64_t now_ns);
/* The module in which an address lies, or NULL. Good until the next refresh. */
const struct space_module *space_find(const struct space *space, remote_addr address);
/* A word of what is in the file for a mapped address. False when it is not in the file. */
bool space_read(const struct space *space, remote_addr address, uint64_t *ret_word);
/* Whether the file has code for this address; and a byte of it. */
bool space_read_byte(const struct space *space, remote_addr address, uint8_t *ret_byte);

#endif
