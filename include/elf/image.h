/* One ELF file on disk (libelf, libdw). Hostile input: every answer is bounds-checked. */
#ifndef MEMSAMPLE_ELF_IMAGE_H
#define MEMSAMPLE_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image; /* opened ELF file */

/* Opens the ELF file behind `fd` (kept open by the caller until after image_destroy).
 * 0, -ENOEXEC when it is not a 64-bit ELF executable or library, -ENOMEM. */
int image_create(int fd, struct image **ret_image);
void image_destroy(struct image *image);

struct image_symbol {
    uint64_t value; /* virtual address before the load bias */
    uint64_t size;
};

/* Looks a defined symbol up by its exact name, .dynsym first, then .symtab. */
bool image_find_symbol(const struct image *image, const char *name,
                       struct image_symbol *ret_symbol);

struct image_section {
    uint64_t address; /* virtual address before the load bias */
    uint64_t size;
};
bool image_find_section(const struct image *image, const char *name,
                        struct image_section *ret_section);

/* Copies `length` bytes at virtual address `address` from the file's contents (not .bss).
 * False when that range is not all in the file. */
bool image_read(const struct image *image, uint64_t address, void *into, size_t length);

/* The virtual address of the first PT_LOAD, rounded down to a page, and its file offset likewise:
 * load bias = start of the mapping with that file offset - that address. False when there is none.
 */
bool image_first_load(const struct image *image, uint64_t page_bytes, uint64_t *ret_address,
                      uint64_t *ret_offset);
/* A part of the file that is mapped as it is. `data` lies in memory until image_destroy. */
struct image_part {
    uint64_t address; /* virtual address before the load bias */
    uint64_t length;
    const uint8_t *data;
};
/* The i-th PT_LOAD (counted from 0, among those that have contents in the file and lie within it).
 * False beyond the last. */
bool image_load(const struct image *image, size_t i, struct image_part *ret_part);
/* The table that leads to the unwind information of each function: .eh_frame_hdr, by
 * PT_GNU_EH_FRAME. */
bool image_unwind_index(const struct image *image, struct image_part *ret_part);
/* ET_EXEC: mapped where the file says, bias 0. */
bool image_is_fixed(const struct image *image);
/* The GNU build-id; returns its length in bytes (0: none), at most 64. */
size_t image_build_id(const struct image *image, uint8_t ret_id[64]);

#endif
