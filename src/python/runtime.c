/* Finding a CPython runtime in a process. Knows the anchors that CPython leaves in its binaries and
 * how to tell a live runtime from a dead copy; knows nothing of stacks. */
#include "python/runtime.h"
#include "pthread.h"
#include "version.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INTERPRETERS_CHECKED_MAX 64
#define SCAN_BYTES_MAX           (64 * MIB) /* of one module's writable data */
#define COOKIE                   "xdebugpy" /* _Py_Debug_Cookie, first in _PyRuntime from 3.13 on */
#define COOKIE_BYTES             8
#define DEBUG_HEAD_BYTES         24 /* cookie, version, free_threaded */
#define VERSION_WITH_COOKIE      0x030d0000u
#define SUPPORTED_TEXT           "(3.8 to 3.15 are)"

/* A place that may be _PyRuntime, and what was found out about it. */
struct candidate {
    const struct module *module;
    remote_addr address;
    char version_text[PYTHON_VERSION_TEXT_MAX];
};

static bool is_user_address(remote_addr address)
{
    return address >= 4096 && address < UINT64_C(1) << 56 && address % 8 == 0;
}

/* Reads failing because a process is not what it claims to be are answers; others are errors. */
static bool is_fatal(int r)
{
    return r < 0 && r != -EFAULT && r != -EIO && r != -ENOMEM;
}

/* Copies a mapping's bytes into memory from malloc; *ret_data is NULL when it cannot be read. */
static int copy_mapping(const struct memory *memory, const struct map *map, uint8_t **ret_data,
                        size_t *ret_length)
{
    size_t length = map->end - map->start;
    *ret_data = NULL;
    if (!map->readable || length > SCAN_BYTES_MAX)
        return 0;
    _cleanup_(freep) uint8_t *data = malloc(length);
    if (!data)
        return -ENOMEM;
    int r = memory_read(memory, map->start, data, length);
    if (is_fatal(r))
        return r;
    if (r == 0) {
        *ret_data = take_pointer(data);
        *ret_length = length;
    }
    return 0;
}

/* The next writable mapping of a module's data after `map` (NULL: the first). `.bss` lies in the
 * anonymous mapping right behind the file's last one. */
static const struct map *next_data(const struct modules *modules, const struct module *module,
                                   const struct map *map)
{
    const struct map *end = modules->maps.items + modules->maps.count;
    for (map = map ? map + 1 : modules->maps.items; map < end; map++) {
        bool inside = map->start >= module->start && map->end <= module->end;
        bool behind = map->start == module->end && map->inode == 0 && map->path[0] == 0;
        if (map->writable && !map->shared && (inside || behind))
            return map;
    }
    return NULL;
}

/* Finds _PyRuntime by its cookie. 0 (then *ret_address may be 0) or a negative errno. */
static int scan_for_cookie(const struct modules *modules, const struct memory *memory,
                           const struct module *module, remote_addr *ret_address)
{
    *ret_address = 0;
    for (const struct map *map = NULL; (map = next_data(modules, module, map));) {
        _cleanup_(freep) uint8_t *data = NULL;
        size_t length;
        int r = copy_mapping(memory, map, &data, &length);
        if (r < 0)
            return r;
        for (size_t at = 0; data && length - at >= DEBUG_HEAD_BYTES; at += 8) {
            uint32_t version = load_u32(data + at + COOKIE_BYTES);
            if (memcmp(data + at, COOKIE, COOKIE_BYTES) == 0 && version >= VERSION_WITH_COOKIE &&
                version >> 24 == 3) {
                *ret_address = map->start + at;
                return 0;
            }
        }
    }
    return 0;
}

static int scan_for_version(const struct modules *modules, const struct memory *memory,
                            const struct module *module, uint32_t *ret_version)
{
    *ret_version = 0;
    for (const struct map *map = NULL; (map = next_data(modules, module, map));) {
        _cleanup_(freep) uint8_t *data = NULL;
        size_t length;
        int r = copy_mapping(memory, map, &data, &length);
        if (r < 0)
            return r;
        if (data && python_version_search(data, length, ret_version))
            return 0;
    }
    return 0;
}

/* The version of the candidate: from its debug offsets (3.13+), the symbol Py_Version (3.11+) or
 * the text of sys.version (all). 0 with *ret_version 0 when it has none (yet). */
static int find_version(const struct modules *modules, const struct memory *memory,
                        const struct candidate *candidate, uint32_t *ret_version,
                        bool *ret_free_threaded)
{
    uint8_t head[DEBUG_HEAD_BYTES];
    *ret_version = 0;
    *ret_free_threaded = false;
    int r =
        candidate->address ? memory_read(memory, candidate->address, head, sizeof(head)) : -EFAULT;
    if (is_fatal(r))
        return r;
    if (r == 0 && memcmp(head, COOKIE, COOKIE_BYTES) == 0) {
        *ret_version = load_u32(head + COOKIE_BYTES);
        *ret_free_threaded = load_u64(head + 2 * COOKIE_BYTES) == 1;
        return 0;
    }
    struct image_symbol symbol;
    uint32_t version;
    if (image_find_symbol(candidate->module->image, "Py_Version", &symbol) &&
        image_read(candidate->module->image, symbol.value, &version, sizeof(version)) &&
        version >> 24 == 3) {
        *ret_version = version;
        return 0;
    }
    return scan_for_version(modules, memory, candidate->module, ret_version);
}

/* Whether the list of interpreters hangs together. 0, PYTHON_RUNTIME_NOT_READY,
 * PYTHON_RUNTIME_UNSUPPORTED or a negative errno. */
static int check_interpreters(const struct python_runtime *runtime, const struct memory *memory)
{
    const struct python_layout *layout = &runtime->layout;
    remote_addr interp, thread, back;
    int r = memory_read_u64(memory, runtime->address + layout->runtime.interpreters_head, &interp);
    if (r < 0)
        return is_fatal(r) ? r : PYTHON_RUNTIME_UNSUPPORTED;
    if (interp == 0)
        return PYTHON_RUNTIME_NOT_READY;

    for (int i = 0; interp && i < INTERPRETERS_CHECKED_MAX; i++) {
        if (!is_user_address(interp))
            return PYTHON_RUNTIME_UNSUPPORTED;
        r = memory_read_u64(memory, interp + layout->interpreter.threads_head, &thread);
        if (r == 0 && thread == 0)
            return PYTHON_RUNTIME_NOT_READY; /* an interpreter is linked before its first thread */
        if (r == 0)
            r = memory_read_u64(memory, thread + layout->thread.interp, &back);
        if (r == 0 && (back != interp || !is_user_address(thread)))
            return PYTHON_RUNTIME_UNSUPPORTED;
        if (r == 0)
            r = memory_read_u64(memory, interp + layout->interpreter.next, &interp);
        if (r < 0)
            return is_fatal(r) ? r : PYTHON_RUNTIME_UNSUPPORTED;
    }
    return 0;
}

/* Builds with Py_TRACE_REFS put two more words in front of every object. The type of a type's type
 * is itself, which shows where the type field is. */
static int check_object_header(const struct python_runtime *runtime, const struct memory *memory,
                               const struct module *module)
{
    struct image_symbol symbol;
    remote_addr type, meta;
    if (!image_find_symbol(module->image, "PyCode_Type", &symbol))
        return 0;
    uint32_t type_at = runtime->layout.object.type;
    int r = memory_read_u64(memory, module->bias + symbol.value + type_at, &type);
    if (r == 0)
        r = memory_read_u64(memory, type + type_at, &meta);
    if (r < 0)
        return is_fatal(r) ? r : PYTHON_RUNTIME_UNSUPPORTED;
    return meta == type ? 0 : PYTHON_RUNTIME_UNSUPPORTED;
}

static int read_layout(const struct memory *memory, struct python_runtime *runtime,
                       struct error *error)
{
    char text[PYTHON_VERSION_TEXT_MAX];
    python_version_format(runtime->version, runtime->free_threaded, text);
    if (!python_layout_is_supported(runtime->version, runtime->free_threaded))
        return error_set(error, PYTHON_RUNTIME_UNSUPPORTED, "Python %s%s is not supported yet %s",
                         text, runtime->free_threaded ? " (free-threaded)" : "", SUPPORTED_TEXT);

    uint8_t debug[PYTHON_DEBUG_BYTES_MAX];
    size_t length = python_layout_debug_bytes(runtime->version);
    int r = length ? memory_read(memory, runtime->address, debug, length) : 0;
    if (is_fatal(r))
        return error_set(error, r, "cannot read the runtime of Python %s: %s", text, strerror(-r));
    if (r < 0 || (length && memcmp(debug, COOKIE, COOKIE_BYTES) != 0) ||
        !python_layout_init(runtime->version, runtime->free_threaded, debug, length,
                            &runtime->layout))
        return error_set(error, PYTHON_RUNTIME_UNSUPPORTED,
                         "the offsets that Python %s tells of itself contradict each other: "
                         "not a build that can be read",
                         text);
    return 0;
}

static struct python_range range_of(const struct module *module, const char *name)
{
    struct image_symbol symbol;
    if (!image_find_symbol(module->image, name, &symbol) || symbol.size == 0)
        return (struct python_range){0};
    remote_addr start = module->bias + symbol.value;
    return (struct python_range){.start = start, .end = start + symbol.size};
}

/* The second name is what GCC calls the part of a function that it expects never to run. */
static void find_code(const struct module *module, struct python_code *ret_code)
{
    *ret_code = (struct python_code){
        .module = {module->start, module->end},
        .eval = {range_of(module, "_PyEval_EvalFrameDefault"),
                 range_of(module, "_PyEval_EvalFrameDefault.cold")},
    };
}

static int try_candidate(const struct modules *modules, const struct memory *memory,
                         const struct candidate *candidate, struct python_runtime *ret_runtime,
                         struct error *error)
{
    struct python_runtime runtime = {.address = candidate->address};
    int r = find_version(modules, memory, candidate, &runtime.version, &runtime.free_threaded);
    if (r < 0)
        return error_set(error, r, "cannot read the memory of the process: %s", strerror(-r));
    if (runtime.version == 0)
        return error_set(error, PYTHON_RUNTIME_NOT_READY,
                         "the version of the Python in %s is not known yet",
                         candidate->module->path);
    if (candidate->address || !python_layout_is_supported(runtime.version, runtime.free_threaded))
        r = read_layout(memory, &runtime, error);
    else
        r = error_set(error, PYTHON_RUNTIME_UNSUPPORTED,
                      "the Python in %s was stripped of everything that tells where its runtime is",
                      candidate->module->path);
    if (r != 0)
        return r;

    if (runtime.layout.thread.native_id == PYTHON_ABSENT)
        runtime.pthread_tid = pthread_tid_offset(modules);
    char text[PYTHON_VERSION_TEXT_MAX];
    python_version_format(runtime.version, runtime.free_threaded, text);
    r = check_interpreters(&runtime, memory);
    if (r == 0 && (r = check_object_header(&runtime, memory, candidate->module)) > 0)
        return error_set(error, r, "Python %s is a debug build (Py_TRACE_REFS): not supported yet",
                         text);
    if (r == PYTHON_RUNTIME_NOT_READY)
        return error_set(error, r, "Python %s has not started its interpreter yet", text);
    if (r == PYTHON_RUNTIME_UNSUPPORTED)
        return error_set(error, r,
                         "the interpreter list of Python %s is not where a release build has it",
                         text);
    if (r < 0)
        return error_set(error, r, "cannot read the runtime of Python %s: %s", text, strerror(-r));
    find_code(candidate->module, &runtime.code);
    *ret_runtime = runtime;
    return 0;
}

/* How a module can be tried, from the surest to the last resort. */
enum anchor { ANCHOR_NAME, ANCHOR_COOKIE, ANCHOR_VERSION, ANCHORS };

/* 0 with the candidate, 1 when the module does not look like CPython by this anchor, or a negative
 * errno. */
static int find_anchor(const struct modules *modules, const struct memory *memory,
                       const struct module *module, enum anchor anchor, struct candidate *candidate)
{
    struct image_symbol symbol;
    struct image_section section;
    *candidate = (struct candidate){.module = module};
    if (anchor == ANCHOR_NAME) {
        /* Exported by every build since 3.7; in a section of its own since 3.10. */
        if (image_find_symbol(module->image, "_PyRuntime", &symbol))
            candidate->address = module->bias + symbol.value;
        else if (image_find_section(module->image, ".PyRuntime", &section))
            candidate->address = module->bias + section.address;
        return candidate->address ? 0 : 1;
    }
    if (anchor == ANCHOR_COOKIE) {
        int r = scan_for_cookie(modules, memory, module, &candidate->address);
        return r < 0 ? r : candidate->address ? 0 : 1;
    }
    /* Too old, or too stripped, to be read; but its version can be told. */
    return image_find_symbol(module->image, "Py_GetVersion", &symbol) ? 0 : 1;
}

int python_runtime_find(const struct modules *modules, const struct memory *memory,
                        struct python_runtime *ret_runtime, struct error *error)
{
    int best = PYTHON_RUNTIME_NONE;
    error_set(error, best, "there is no CPython in the process");
    for (enum anchor anchor = ANCHOR_NAME; anchor < ANCHORS; anchor++) {
        for (size_t i = 0; i < modules->count; i++) {
            struct candidate candidate;
            struct error reason = {0};
            int r = find_anchor(modules, memory, &modules->items[i], anchor, &candidate);
            if (r < 0)
                return error_set(error, r, "cannot read the memory of the process: %s",
                                 strerror(-r));
            if (r == 1)
                continue;
            r = try_candidate(modules, memory, &candidate, ret_runtime, &reason);
            if (r <= 0) {
                if (r < 0)
                    error_set(error, r, "%s", reason.text);
                return r;
            }
            /* The outcomes are ordered by how much they tell. */
            if (r > best) {
                best = r;
                error_set(error, r, "%s", reason.text);
            }
        }
        if (best != PYTHON_RUNTIME_NONE)
            break;
    }
    return best;
}

int python_runtime_is_finalizing(const struct python_runtime *runtime, const struct memory *memory,
                                 bool *ret_finalizing)
{
    uint64_t value;
    int r = memory_read_u64(memory, runtime->address + runtime->layout.runtime.finalizing, &value);
    if (r < 0)
        return r;
    *ret_finalizing = value != 0;
    return 0;
}
