/* Bounds-checked reading of untrusted bytes, and a growing buffer. */
#include "base/bytes.h"
#include "base/array.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARINT_BYTES_MAX 10 /* 64 bits in groups of 7 */

bool bytes_take(struct bytes *bytes, size_t length, const uint8_t **ret_data)
{
    if (length > bytes->left)
        return false;
    *ret_data = bytes->data;
    bytes->data += length;
    bytes->left -= length;
    return true;
}

bool bytes_take_u8(struct bytes *bytes, uint8_t *ret_value)
{
    const uint8_t *data;
    if (!bytes_take(bytes, 1, &data))
        return false;
    *ret_value = data[0];
    return true;
}

bool bytes_take_u32(struct bytes *bytes, uint32_t *ret_value)
{
    const uint8_t *data;
    if (!bytes_take(bytes, sizeof(*ret_value), &data))
        return false;
    *ret_value = load_u32(data);
    return true;
}

bool bytes_take_u64(struct bytes *bytes, uint64_t *ret_value)
{
    const uint8_t *data;
    if (!bytes_take(bytes, sizeof(*ret_value), &data))
        return false;
    *ret_value = load_u64(data);
    return true;
}

bool bytes_take_varint(struct bytes *bytes, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX && i < bytes->left; i++) {
        uint8_t byte = bytes->data[i];
        if (i == VARINT_BYTES_MAX - 1 && byte > 1)
            return false; /* more than 64 bits */
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            bytes->data += i + 1;
            bytes->left -= i + 1;
            *ret_value = value;
            return true;
        }
    }
    return false;
}

bool bytes_take_svarint(struct bytes *bytes, int64_t *ret_value)
{
    uint64_t value;
    if (!bytes_take_varint(bytes, &value))
        return false;
    *ret_value = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
    return true;
}

void buffer_deinit(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
}

void buffer_put(struct buffer *buffer, const void *data, size_t length)
{
    size_t need;
    if (buffer->failed || length == 0)
        return;
    if (__builtin_add_overflow(buffer->length, length, &need) ||
        array_reserve(&buffer->data, &buffer->capacity, need, 1) < 0) {
        buffer->failed = true;
        return;
    }
    memcpy(buffer->data + buffer->length, data, length);
    buffer->length = need;
}

void buffer_put_u8(struct buffer *buffer, uint8_t value)
{
    buffer_put(buffer, &value, 1);
}

void buffer_put_u32(struct buffer *buffer, uint32_t value)
{
    buffer_put(buffer, &value, sizeof(value));
}

void buffer_put_varint(struct buffer *buffer, uint64_t value)
{
    uint8_t coded[VARINT_BYTES_MAX];
    size_t length = 0;
    do {
        coded[length++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value);
    buffer_put(buffer, coded, length);
}

void buffer_put_svarint(struct buffer *buffer, int64_t value)
{
    buffer_put_varint(buffer, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void buffer_put_text(struct buffer *buffer, const char *text)
{
    buffer_put(buffer, text, strlen(text));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        buffer->failed = true;
        return;
    }
    buffer_put(buffer, text, (size_t)length);
    free(text);
}
