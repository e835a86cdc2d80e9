/* Names for places in native code: function, file and line, from whatever the file or its debug
 * information tells. Needs no process: a recording can be named later, or elsewhere. Files are
 * hostile input, read by libdw. */
#ifndef MEMSAMPLE_NATIVE_NAMES_H
#define MEMSAMPLE_NATIVE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NAMES_INLINED_MAX 16 /* functions at one place: those inlined, and the one around them */

struct names;

struct names_options {
    pid_t pid;       /* a process in whose root the files may lie, or 0 */
    bool debuginfod; /* debug information may be fetched from the servers in DEBUGINFOD_URLS */
};

/* 0 or -ENOMEM. */
int names_create(const struct names_options *options, struct names **ret_names);
void names_destroy(struct names *names);

struct names_module { /* the file as it was mapped */
    const char *path;
    const uint8_t *build_id;
    size_t build_id_bytes; /* 0: it has none, and the path must do */
};

struct names_place {
    const char *function; /* demangled */
    const char *file;     /* source file, or "" */
    int32_t line;         /* 0: not known */
    int32_t first_line;   /* of the function; 0: not known */
};

/* What stands at a virtual address of the file: outermost first, at least one place. Where nothing
 * is known the function is called after its file ("<libz.so.1>", or "<libz.so.1+0x1140>" after its
 * beginning). Text is owned by `names`. 0 or -ENOMEM. */
int names_find(struct names *names, const struct names_module *module, uint64_t address,
               struct names_place ret_places[NAMES_INLINED_MAX], size_t *ret_count);

#endif
