/* Native stacks from anybody: stack copies and registers, unwind tables and ELF files with bytes
 * changed, through the unwinder and the naming. The first byte chooses which. Whatever it is: no
 * crash, no endless loop, stacks that only rise. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "elf/image.h"
#include "native/names.h"
#include "native/stack.h"
#include "proc/file.h"

#define STACK_START UINT64_C(0x7ff000000000)
#define CHANGES_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

/* A stack whose words are the input's over and over. */
static int read_spans(void *context, const struct memory_span *spans, size_t count)
{
    const struct bytes *input = context;
    for (size_t i = 0; i < count; i++) {
        if (spans[i].address < STACK_START ||
            spans[i].address + spans[i].length > STACK_START + (64 << 10))
            return (int)i;
        for (size_t k = 0; k < spans[i].length; k++)
            ((uint8_t *)spans[i].into)[k] = input->data[(spans[i].address + k) % input->left];
    }
    return (int)count;
}

static void unwind(struct bytes input, uint64_t pc)
{
    struct memory memory = {.read_spans = read_spans, .context = &input};
    struct registers registers = {.known = (UINT64_C(1) << REGISTERS_COUNT) - 1};
    struct native_unwinder *unwinder;
    struct native_stack stack;
    for (unsigned i = 0; i < REGISTERS_COUNT; i++)
        registers.values[i] = STACK_START + input.data[i % input.left] * 8;
    registers.values[REGISTERS_SP] = STACK_START + 512;
    registers.values[REGISTERS_PC] = pc;
    require(native_unwinder_create(getpid(), &unwinder) == 0);
    if (native_capture(unwinder, &memory, &registers) == 0 &&
        native_unwind(unwinder, &stack) == 0) {
        require(stack.count <= NATIVE_FRAMES_MAX);
        for (size_t i = 1; i < stack.count; i++)
            require(stack.frames[i].sp >= stack.frames[i - 1].sp);
    }
    native_unwinder_destroy(unwinder);
}

/* This program's own file, and where its unwind information lies in it. */
static struct {
    char *file;
    size_t bytes, index_at;
} own;

static void load_own(void)
{
    struct image *image;
    struct image_part index, load;
    require(file_read("/proc/self/exe", &own.file, &own.bytes) == 0);
    _cleanup_(fd_closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    require(fd >= 0 && image_create(fd, &image) == 0 && image_unwind_index(image, &index) &&
            image_load(image, 0, &load));
    own.index_at = (size_t)(index.data - load.data); /* the first segment begins with the file */
    image_destroy(image);
}

/* The file with bytes changed as the input says: by turns in its headers, its unwind tables, and
 * anywhere. */
static int changed_file(struct bytes input, char *path)
{
    _cleanup_(freep) uint8_t *copy = malloc(own.bytes);
    require(copy != NULL);
    memcpy(copy, own.file, own.bytes);
    for (size_t i = 0; i + 4 <= input.left && i / 4 < CHANGES_MAX; i += 4) {
        size_t at = (size_t)input.data[i + 1] << 8 | input.data[i + 2];
        size_t from = input.data[i] % 4 == 0 ? 0 : input.data[i] % 4 == 3 ? at * 64 : own.index_at;
        size_t range = input.data[i] % 4 == 0 ? 1024 : 32 << 10;
        copy[(from + at % range) % own.bytes] = input.data[i + 3];
    }
    strcpy(path, "/tmp/memsample-fuzz-XXXXXX");
    int fd = mkostemp(path, O_CLOEXEC);
    require(fd >= 0 && write(fd, copy, own.bytes) == (ssize_t)own.bytes);
    return fd;
}

static void unwind_changed(struct bytes input)
{
    char path[64];
    _cleanup_(fd_closep) int fd = changed_file(input, path);
    uint8_t *map = mmap(NULL, own.bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    require(map != MAP_FAILED);
    for (unsigned i = 0; i < 8; i++)
        unwind(input, (uint64_t)(uintptr_t)map + own.bytes / 8 * i + input.data[i % input.left]);
    munmap(map, own.bytes);
    unlink(path);
}

static void name_changed(struct bytes input)
{
    char path[64];
    struct names *names;
    struct names_place places[NAMES_INLINED_MAX];
    size_t count;
    _cleanup_(fd_closep) int fd = changed_file(input, path);
    require(names_create(&(struct names_options){0}, &names) == 0);
    struct names_module module = {.path = path};
    for (size_t i = 0; i < 16; i++) {
        require(names_find(names, &module, own.bytes / 16 * i + input.data[i % input.left], places,
                           &count) == 0);
        require(count >= 1 && count <= NAMES_INLINED_MAX);
        for (size_t k = 0; k < count; k++)
            require(places[k].function[0] && places[k].file);
    }
    names_destroy(names);
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!own.file)
        load_own();
    if (size < 16)
        return 0;
    struct bytes input = bytes_of(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        unwind(input, (uint64_t)(uintptr_t)unwind + data[1]);
        break;
    case 1:
        unwind_changed(input);
        break;
    default:
        name_changed(input);
    }
    return 0;
}
