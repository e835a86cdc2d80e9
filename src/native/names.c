/* Names by libdwfl, which knows where debug information may lie: in the file, in its
 * .gnu_debugdata, beside it by build-id or debug link, or on a server. */
#include "native/names.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/intern.h"
#include "base/paths.h"
#include "base/utf8.h"
#include "demangle.h"
#include "index.h"

#define NAME_BYTES_MAX 512 /* templates can have names of kilobytes */

struct names_file {
    Dwfl *dwfl;
    Dwfl_Module *module; /* NULL: the file is not here any more */
    int fd;
    struct image *image; /* NULL likewise */
    struct unwind_index index;
};

struct names {
    struct names_options options;
    struct intern paths; /* with build-ids; by number: */
    struct names_file *files;
    size_t files_cap;
    struct intern texts;
    char **text; /* by number */
    size_t text_cap;
};

int names_create(const struct names_options *options, struct names **ret_names)
{
    struct names *names = calloc(1, sizeof(*names));
    elf_version(EV_CURRENT); /* libelf answers nobody before */
    if (!names)
        return -ENOMEM;
    names->options = *options;
    if (!options->debuginfod)
        unsetenv("DEBUGINFOD_URLS"); /* libdwfl would go there unasked */
    *ret_names = names;
    return 0;
}

static void close_file(struct names_file *file)
{
    dwfl_end(file->dwfl);
    image_destroy(file->image);
    fd_closep(&file->fd);
}

void names_destroy(struct names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < names->paths.count; i++)
        close_file(&names->files[i]);
    for (size_t i = 0; i < names->texts.count; i++)
        free(names->text[i]);
    free(names->files);
    free(names->text);
    intern_deinit(&names->paths);
    intern_deinit(&names->texts);
    free(names);
}

/* Files --------------------------------------------------------------------------------------- */

/* Whether an open file is the one that was mapped. */
static bool is_the_file(int fd, const struct names_module *module)
{
    if (module->build_id_bytes == 0)
        return true;
    const void *id;
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    ssize_t length = elf ? dwelf_elf_gnu_build_id(elf, &id) : -1;
    bool same = length == (ssize_t)module->build_id_bytes &&
                memcmp(id, module->build_id, module->build_id_bytes) == 0;
    elf_end(elf);
    return same;
}

static int open_if_it(const char *path, const struct names_module *module)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && is_the_file(fd, module))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Where a distribution puts the debug information of a build-id; it has the symbols, too. */
static void format_debug_path(const struct names_module *module, char *path, size_t size)
{
    int n = snprintf(path, size, "/usr/lib/debug/.build-id/%02x/", module->build_id[0]);
    for (size_t i = 1; i < module->build_id_bytes; i++)
        n += snprintf(path + n, size - (size_t)n, "%02x", module->build_id[i]);
    snprintf(path + n, size - (size_t)n, ".debug");
}

static int open_file(const struct names *names, const struct names_module *module)
{
    char path[PATH_MAX + 64];
    int fd = open_if_it(module->path, module);
    if (fd < 0 && names->options.pid) {
        snprintf(path, sizeof(path), "/proc/%d/root%s", (int)names->options.pid, module->path);
        fd = open_if_it(path, module);
    }
    if (fd < 0 && module->build_id_bytes > 1 && module->build_id_bytes <= 64) {
        format_debug_path(module, path, sizeof(path));
        fd = open_if_it(path, module);
    }
    return fd;
}

static void load_file(const struct names *names, const struct names_module *module,
                      struct names_file *file)
{
    static char *debug_path; /* the usual places */
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .debuginfo_path = &debug_path,
    };
    file->fd = open_file(names, module);
    if (file->fd < 0 || image_create(file->fd, &file->image) < 0)
        return;
    index_open(file->image, &file->index);
    file->dwfl = dwfl_begin(&callbacks);
    int fd = file->dwfl ? fcntl(file->fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (fd < 0)
        return;
    dwfl_report_begin(file->dwfl);
    /* At its own virtual addresses. Takes the fd over when it succeeds. */
    file->module = dwfl_report_elf(file->dwfl, module->path, module->path, fd, 0, true);
    dwfl_report_end(file->dwfl, NULL, NULL);
    if (!file->module)
        close(fd);
}

static int find_file(struct names *names, const struct names_module *module,
                     struct names_file **ret_file)
{
    _cleanup_(freep) char *key = NULL;
    size_t path_bytes = strlen(module->path) + 1;
    uint32_t number;
    bool added;
    if (array_reserve(&names->files, &names->files_cap, names->paths.count + 1,
                      sizeof(*names->files)) < 0)
        return -ENOMEM;
    key = malloc(path_bytes + module->build_id_bytes);
    if (!key)
        return -ENOMEM;
    memcpy(key, module->path, path_bytes);
    if (module->build_id_bytes)
        memcpy(key + path_bytes, module->build_id, module->build_id_bytes);
    if (intern_add(&names->paths, key, path_bytes + module->build_id_bytes, &number, &added) < 0)
        return -ENOMEM;
    if (added) {
        names->files[number] = (struct names_file){.fd = -1};
        load_file(names, module, &names->files[number]);
    }
    *ret_file = &names->files[number];
    return 0;
}

/* Text ---------------------------------------------------------------------------------------- */

/* Keeps a text from a file as valid UTF-8, once. NULL when out of memory. */
static const char *keep(struct names *names, const char *text)
{
    _cleanup_(buffer_deinit) struct buffer clean = {0};
    uint32_t number;
    bool added;
    utf8_append(&clean, text, strnlen(text, PATH_MAX));
    buffer_put_u8(&clean, 0);
    if (clean.failed ||
        array_reserve(&names->text, &names->text_cap, names->texts.count + 1,
                      sizeof(*names->text)) < 0 ||
        intern_add(&names->texts, clean.data, clean.length, &number, &added) < 0)
        return NULL;
    if (added)
        names->text[number] = (char *)take_pointer(clean.data);
    return names->text[number];
}

static const char *keep_function(struct names *names, const char *symbol)
{
    char text[NAME_BYTES_MAX];
    demangle(symbol, text, sizeof(text));
    return keep(names, text);
}

/* Places -------------------------------------------------------------------------------------- */

static const char *function_of(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute));
    if (!name)
        name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute));
    return name ? name : dwarf_diename(die);
}

static int32_t number_of(Dwarf_Die *die, unsigned attribute_name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    if (dwarf_formudata(dwarf_attr_integrate(die, attribute_name, &attribute), &value) != 0 ||
        value > INT32_MAX)
        return 0;
    return (int32_t)value;
}

/* The file in which an inlined function was called. */
static const char *call_file(Dwarf_Die *cu, Dwarf_Die *die)
{
    Dwarf_Files *files;
    size_t count;
    int32_t index = number_of(die, DW_AT_call_file);
    if (dwarf_getsrcfiles(cu, &files, &count) != 0 || index < 0 || (size_t)index >= count)
        return "";
    const char *file = dwarf_filesrc(files, (size_t)index, NULL, NULL);
    return file ? file : "";
}

/* Functions at an address as the debug information has them. Returns how many, 0: it tells nothing.
 */
static size_t find_scopes(struct names *names, Dwfl_Module *module, uint64_t address,
                          struct names_place places[NAMES_INLINED_MAX])
{
    Dwarf_Addr bias;
    Dwarf_Die *cu = dwfl_module_addrdie(module, address, &bias);
    if (!cu)
        return 0;
    _cleanup_(freep) Dwarf_Die *lexical = NULL, *scopes = NULL;
    /* The first is the innermost; those around it are where it was written, not where it was
     * inlined. */
    if (dwarf_getscopes(cu, address - bias, &lexical) <= 0)
        return 0;
    int n = dwarf_getscopes_die(&lexical[0], &scopes); /* innermost first */
    Dwfl_Line *line = dwfl_module_getsrc(module, address);
    int at_line = 0;
    const char *at_file = line ? dwfl_lineinfo(line, NULL, &at_line, NULL, NULL, NULL) : NULL;
    size_t count = 0;
    for (int i = 0; i < n && count < NAMES_INLINED_MAX; i++) {
        int tag = dwarf_tag(&scopes[i]);
        const char *function;
        if ((tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine) ||
            !(function = function_of(&scopes[i])))
            continue;
        places[count++] =
            (struct names_place){.function = keep_function(names, function),
                                 .file = keep(names, at_file ? at_file : ""),
                                 .line = at_file ? at_line : 0,
                                 .first_line = number_of(&scopes[i], DW_AT_decl_line)};
        if (tag == DW_TAG_subprogram)
            break;
        at_file = call_file(cu, &scopes[i]);
        at_line = number_of(&scopes[i], DW_AT_call_line);
    }
    for (size_t i = 0; i < count / 2; i++) {
        struct names_place swapped = places[i];
        places[i] = places[count - 1 - i];
        places[count - 1 - i] = swapped;
    }
    return count;
}

static const char *find_symbol(struct names *names, Dwfl_Module *module, uint64_t address)
{
    GElf_Sym symbol;
    GElf_Off offset;
    const char *name = dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL);
    /* The nearest symbol before is not the function when that ends before. */
    if (!name || !name[0] || (symbol.st_size && offset >= symbol.st_size) ||
        (!symbol.st_size && GELF_ST_TYPE(symbol.st_info) != STT_FUNC &&
         GELF_ST_TYPE(symbol.st_info) != STT_NOTYPE))
        return NULL;
    if (!symbol.st_size && offset)
        return NULL; /* from hand-written assembly: where it ends is not known */
    return keep_function(names, name);
}

static const char *name_after_file(struct names *names, const struct names_file *file,
                                   const char *path, uint64_t address)
{
    char text[NAME_BYTES_MAX];
    uint64_t start;
    const char *base = path_base_name(path);
    if (index_find_function(&file->index, address, &start))
        snprintf(text, sizeof(text), "<%s+0x%" PRIx64 ">", base, start);
    else
        snprintf(text, sizeof(text), "<%s>", base[0] ? base : "no file");
    return keep(names, text);
}

int names_find(struct names *names, const struct names_module *module, uint64_t address,
               struct names_place ret_places[NAMES_INLINED_MAX], size_t *ret_count)
{
    struct names_file *file;
    if (find_file(names, module, &file) < 0)
        return -ENOMEM;
    size_t count = file->module ? find_scopes(names, file->module, address, ret_places) : 0;
    if (count == 0) {
        const char *function = file->module ? find_symbol(names, file->module, address) : NULL;
        if (!function)
            function = name_after_file(names, file, module->path, address);
        ret_places[count++] = (struct names_place){.function = function, .file = ""};
    }
    for (size_t i = 0; i < count; i++) {
        if (!ret_places[i].file)
            ret_places[i].file = "";
        if (!ret_places[i].function)
            return -ENOMEM;
    }
    *ret_count = count;
    return 0;
}
