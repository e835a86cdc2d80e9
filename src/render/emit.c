/* Compact JSON, handed to the packer in pieces. Must not know what it says. */
#include "emit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PIECE_BYTES 65536 /* of text, before it goes to the packer */

int emit_init(struct emit *emit, size_t bytes_max)
{
    *emit = (struct emit){.last = '{'};
    return packer_create(bytes_max, &emit->packer);
}

void emit_deinit(struct emit *emit)
{
    buffer_deinit(&emit->text);
    packer_destroy(emit->packer);
    intern_deinit(&emit->strings);
}

/* Hands text on when there is enough of it. */
static void pass(struct emit *emit, size_t enough)
{
    if (emit->result < 0 || emit->text.length < enough || emit->text.length == 0)
        return;
    emit->last = emit->text.data[emit->text.length - 1];
    emit->result = packer_take(emit->packer, &emit->text);
}

void emit_raw(struct emit *emit, const char *text)
{
    buffer_put_text(&emit->text, text);
}

void emit_string(struct emit *emit, const char *text)
{
    buffer_put_u8(&emit->text, '"');
    for (const char *at = text; *at; at++) {
        uint8_t c = (uint8_t)*at;
        if (c == '"' || c == '\\')
            buffer_printf(&emit->text, "\\%c", c);
        else if (c < 0x20 ||
                 c == '<') /* `<`: harmless also where somebody unpacks it into markup */
            buffer_printf(&emit->text, "\\u%04x", c);
        else
            buffer_put_u8(&emit->text, c);
    }
    buffer_put_u8(&emit->text, '"');
    pass(emit, PIECE_BYTES);
}

void emit_integer(struct emit *emit, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%" PRId64, value);
    emit_raw(emit, digits);
}

void emit_name(struct emit *emit, const char *name)
{
    uint8_t last = emit->text.length ? emit->text.data[emit->text.length - 1] : emit->last;
    if (last != '{')
        emit_raw(emit, ",");
    emit_string(emit, name);
    emit_raw(emit, ":");
}

void emit_named_string(struct emit *emit, const char *name, const char *text)
{
    emit_name(emit, name);
    emit_string(emit, text);
}

void emit_named_integer(struct emit *emit, const char *name, uint64_t value)
{
    emit_name(emit, name);
    emit_integer(emit, (int64_t)value);
}

int64_t emit_string_id(struct emit *emit, const char *text, size_t length)
{
    uint32_t id = 0;
    int r = intern_add(&emit->strings, text, length, &id, NULL);
    if (r < 0 && emit->result >= 0)
        emit->result = r;
    return id;
}

void emit_column(struct emit *emit, const char *name, size_t count, emit_get_fn get, void *context)
{
    emit_name(emit, name);
    emit_raw(emit, "[");
    for (size_t i = 0; i < count && emit->result >= 0; i++) {
        if (i > 0)
            emit_raw(emit, ",");
        emit_integer(emit, get(context, i));
        pass(emit, PIECE_BYTES);
    }
    emit_raw(emit, "]");
}

void emit_strings(struct emit *emit, const char *name)
{
    emit_name(emit, name);
    emit_raw(emit, "[");
    for (uint32_t i = 0; i < emit->strings.count && emit->result >= 0; i++) {
        if (i > 0)
            emit_raw(emit, ",");
        emit_string(emit, (const char *)intern_get(&emit->strings, i, NULL));
    }
    emit_raw(emit, "]");
}

int emit_finish(struct emit *emit, struct buffer *out)
{
    pass(emit, 0);
    return emit->result < 0 ? emit->result : packer_finish(emit->packer, out);
}
