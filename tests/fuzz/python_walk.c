/* A process whose memory changed into something hostile under our hands. Input: a version, then
 * patches of its memory, each a place and eight bytes. */
#include <assert.h>
#include <stdint.h>

#include "base/bytes.h"
#include "fake.h"
#include "python/stack.h"

#define FRAMES 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where patches go: mostly what is walked, which is a small part of the memory. */
static remote_addr choose_place(struct fake *fake, uint32_t where)
{
    remote_addr area, length;
    switch (where % 8) {
    case 0:
        area = FAKE_THREAD, length = 512;
        break;
    case 1:
        area = FAKE_INTERPRETER, length = 8192;
        break;
    case 2:
        area = FAKE_C_STACK, length = 128;
        break;
    case 3:
        area = FAKE_TYPES, length = 768;
        break;
    case 4:
    case 5:
        area = FAKE_HEAP, length = fake->heap_next - FAKE_HEAP;
        break;
    default:
        area = FAKE_CHUNK, length = fake->frame_next - FAKE_CHUNK;
    }
    return area + (where >> 3) % length;
}

static uint64_t choose_value(struct fake *fake, uint64_t value)
{
    switch (value % 4) {
    case 0: /* an address that is there */
        return FAKE_BASE + (value >> 2) % FAKE_BYTES / 8 * 8;
    case 1: /* a frame */
        return FAKE_CHUNK + 24 + (value >> 2) % (FRAMES + 4) * FAKE_FRAME_BYTES;
    case 2: /* something small */
        return (value >> 2) % 512;
    default:
        (void)fake;
        return value;
    }
}

static void build(struct fake *fake)
{
    remote_addr code[3] = {fake_code(fake, "one", 10), fake_code(fake, "two", 20),
                           fake_code(fake, "three", 30)};
    for (unsigned i = 0; i < FRAMES; i++)
        fake_push(fake, code[i % 3], 1 + i % 7, i % 5 == 3);
}

static void capture(struct python_reader *reader)
{
    struct python_stack stack;
    int r = python_stack_capture(reader, FAKE_TID);
    assert(r >= 0 || r == -EFAULT);
    r = python_stack_resolve(reader, &stack);
    if (r != 0)
        return;
    assert(stack.count <= PYTHON_FRAMES_MAX);
    for (size_t i = 0; i < stack.count; i++)
        assert(strlen(stack.frames[i].function) + strlen(stack.frames[i].file) < 1u << 20 &&
               stack.frames[i].line >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake fake;
    struct python_reader *reader;
    struct bytes input = bytes_of(data, size);
    uint8_t version;
    if (!bytes_take_u8(&input, &version) || !fake_init(&fake, fake_builds[version % FAKE_BUILDS]))
        return 0;
    build(&fake);
    if (python_reader_create(&fake.runtime, &fake.memory, &reader) < 0)
        return 0;
    if (version & 128)
        capture(reader); /* its caches then hold what is about to change */

    uint32_t where;
    uint64_t value;
    for (int i = 0; bytes_take_u32(&input, &where) && bytes_take_u64(&input, &value); i++) {
        fake_put_u64(&fake, choose_place(&fake, where), choose_value(&fake, value));
        if (i % 4 == 3)
            capture(reader);
    }
    capture(reader);
    python_reader_destroy(reader);
    return 0;
}
