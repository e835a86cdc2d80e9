/* Untrusted bytes in, plain bytes out.
 *
 * `struct bytes` is a cursor over memory that somebody else filled: every take is bounds-checked, and a
 * failed take leaves the cursor where it was. `struct buffer` is the opposite: bytes we make. */
#ifndef MEMSAMPLE_BASE_BYTES_H
#define MEMSAMPLE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *data;
    size_t left;
};

static inline struct bytes bytes_of(const void *data, size_t length)
{
    return (struct bytes){.data = data, .left = length};
}

/* All return true on success. Integers are little-endian. */
bool bytes_take(struct bytes *bytes, size_t length, const uint8_t **ret_data);
bool bytes_take_u8(struct bytes *bytes, uint8_t *ret_value);
bool bytes_take_u32(struct bytes *bytes, uint32_t *ret_value);
bool bytes_take_u64(struct bytes *bytes, uint64_t *ret_value);
/* LEB128, at most 10 bytes; false on overflow. Signed values are zigzag-coded. */
bool bytes_take_varint(struct bytes *bytes, uint64_t *ret_value);
bool bytes_take_svarint(struct bytes *bytes, int64_t *ret_value);

/* Little-endian loads from a local copy of remote memory, at any alignment. */
static inline uint64_t load_u64(const void *at)
{
    uint64_t value;
    __builtin_memcpy(&value, at, sizeof(value));
    return value;
}

static inline uint32_t load_u32(const void *at)
{
    uint32_t value;
    __builtin_memcpy(&value, at, sizeof(value));
    return value;
}

/* A growing buffer. A failed allocation makes it `failed` and later puts do nothing, so that a series
 * of puts needs one check at the end. */
struct buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
    bool failed;
};

void buffer_deinit(struct buffer *buffer);
void buffer_clear(struct buffer *buffer); /* keeps the memory, forgets a failure */
void buffer_put(struct buffer *buffer, const void *data, size_t length);
void buffer_put_u8(struct buffer *buffer, uint8_t value);
void buffer_put_u32(struct buffer *buffer, uint32_t value);
void buffer_put_varint(struct buffer *buffer, uint64_t value);
void buffer_put_svarint(struct buffer *buffer, int64_t value);
void buffer_put_text(struct buffer *buffer, const char *text);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
