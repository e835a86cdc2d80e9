/* One ELF file on disk. Knows the file format through libelf; knows nothing of processes. */
#include "elf/image.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

struct image {
    Elf *elf;
    GElf_Ehdr header;
};

/* The remote readers of memsample copy little-endian 64-bit words. */
static bool is_wanted(const GElf_Ehdr *header)
{
    return header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
           (header->e_type == ET_EXEC || header->e_type == ET_DYN);
}

int image_create(int fd, struct image **ret_image)
{
    if (elf_version(EV_CURRENT) == EV_NONE)
        return -ENOEXEC;
    struct image *image = calloc(1, sizeof(*image));
    if (!image)
        return -ENOMEM;
    image->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (!image->elf || elf_kind(image->elf) != ELF_K_ELF ||
        !gelf_getehdr(image->elf, &image->header) || !is_wanted(&image->header)) {
        image_destroy(image);
        return -ENOEXEC;
    }
    *ret_image = image;
    return 0;
}

void image_destroy(struct image *image)
{
    if (!image)
        return;
    if (image->elf)
        elf_end(image->elf);
    free(image);
}

static bool find_symbol_in(const struct image *image, Elf_Scn *section, const GElf_Shdr *shape,
                           const char *name, struct image_symbol *ret_symbol)
{
    Elf_Data *data = elf_getdata(section, NULL);
    if (!data || shape->sh_entsize == 0)
        return false;
    size_t count = data->d_size / shape->sh_entsize;
    for (size_t i = 0; i < count && i <= INT32_MAX; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, (int)i, &symbol))
            return false;
        if (symbol.st_shndx == SHN_UNDEF)
            continue;
        /* Compares the symbol's own string: linkers merge tails, so the table's text says nothing.
         */
        const char *text = elf_strptr(image->elf, shape->sh_link, symbol.st_name);
        if (!text || strcmp(text, name) != 0)
            continue;
        *ret_symbol = (struct image_symbol){.value = symbol.st_value, .size = symbol.st_size};
        return true;
    }
    return false;
}

bool image_find_symbol(const struct image *image, const char *name, struct image_symbol *ret_symbol)
{
    static const GElf_Word kinds[] = {SHT_DYNSYM, SHT_SYMTAB};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        Elf_Scn *section = NULL;
        while ((section = elf_nextscn(image->elf, section))) {
            GElf_Shdr shape;
            if (gelf_getshdr(section, &shape) && shape.sh_type == kinds[k] &&
                find_symbol_in(image, section, &shape, name, ret_symbol))
                return true;
        }
    }
    return false;
}

bool image_find_section(const struct image *image, const char *name,
                        struct image_section *ret_section)
{
    size_t names;
    if (elf_getshdrstrndx(image->elf, &names) != 0)
        return false;
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(image->elf, section))) {
        GElf_Shdr shape;
        if (!gelf_getshdr(section, &shape) || !(shape.sh_flags & SHF_ALLOC))
            continue;
        const char *text = elf_strptr(image->elf, names, shape.sh_name);
        if (!text || strcmp(text, name) != 0)
            continue;
        *ret_section = (struct image_section){.address = shape.sh_addr, .size = shape.sh_size};
        return true;
    }
    return false;
}

/* The i-th PT_LOAD, counted over all program headers. */
static bool get_load(const struct image *image, size_t i, GElf_Phdr *ret_load)
{
    return i <= INT32_MAX && gelf_getphdr(image->elf, (int)i, ret_load) &&
           ret_load->p_type == PT_LOAD;
}

static size_t count_headers(const struct image *image)
{
    size_t count;
    return elf_getphdrnum(image->elf, &count) == 0 ? count : 0;
}

bool image_read(const struct image *image, uint64_t address, void *into, size_t length)
{
    size_t file_bytes;
    const char *file = elf_rawfile(image->elf, &file_bytes);
    if (!file)
        return false;
    for (size_t i = 0, count = count_headers(image); i < count; i++) {
        GElf_Phdr load;
        if (!get_load(image, i, &load) || address < load.p_vaddr)
            continue;
        uint64_t skip = address - load.p_vaddr, offset;
        if (skip > load.p_filesz || length > load.p_filesz - skip)
            continue;
        if (__builtin_add_overflow(load.p_offset, skip, &offset) || offset > file_bytes ||
            length > file_bytes - offset)
            return false;
        memcpy(into, file + offset, length);
        return true;
    }
    return false;
}

static bool part_of(const struct image *image, const GElf_Phdr *header, struct image_part *ret_part)
{
    size_t file_bytes;
    const char *file = elf_rawfile(image->elf, &file_bytes);
    if (!file || header->p_filesz == 0 || header->p_offset > file_bytes ||
        header->p_filesz > file_bytes - header->p_offset ||
        header->p_vaddr > UINT64_MAX - header->p_filesz)
        return false;
    *ret_part = (struct image_part){.address = header->p_vaddr,
                                    .length = header->p_filesz,
                                    .data = (const uint8_t *)file + header->p_offset};
    return true;
}

bool image_load(const struct image *image, size_t i, struct image_part *ret_part)
{
    for (size_t at = 0, count = count_headers(image); at < count; at++) {
        GElf_Phdr load;
        if (get_load(image, at, &load) && part_of(image, &load, ret_part) && i-- == 0)
            return true;
    }
    return false;
}

bool image_unwind_index(const struct image *image, struct image_part *ret_part)
{
    for (size_t i = 0, count = count_headers(image); i < count && i <= INT32_MAX; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(image->elf, (int)i, &header) && header.p_type == PT_GNU_EH_FRAME)
            return part_of(image, &header, ret_part);
    }
    return false;
}

bool image_first_load(const struct image *image, uint64_t page_bytes, uint64_t *ret_address,
                      uint64_t *ret_offset)
{
    for (size_t i = 0, count = count_headers(image); i < count; i++) {
        GElf_Phdr load;
        if (!get_load(image, i, &load))
            continue;
        *ret_address = load.p_vaddr & ~(page_bytes - 1);
        *ret_offset = load.p_offset & ~(page_bytes - 1);
        return true;
    }
    return false;
}

bool image_is_fixed(const struct image *image)
{
    return image->header.e_type == ET_EXEC;
}

size_t image_build_id(const struct image *image, uint8_t ret_id[64])
{
    const void *id;
    ssize_t length = dwelf_elf_gnu_build_id(image->elf, &id);
    if (length <= 0 || length > 64)
        return 0;
    memcpy(ret_id, id, (size_t)length);
    return (size_t)length;
}
