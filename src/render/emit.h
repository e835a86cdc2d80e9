/* Compact JSON, packed as it is written, with a table of strings. */
#ifndef MEMSAMPLE_RENDER_EMIT_H
#define MEMSAMPLE_RENDER_EMIT_H

#include "base/bytes.h"
#include "base/intern.h"
#include "pack.h"

struct emit {
    struct buffer text;
    struct packer *packer;
    struct intern strings;
    uint8_t last; /* byte that was passed on to the packer */
    int result;   /* the first error: what comes after it is lost */
};

typedef int64_t (*emit_get_fn)(void *context, size_t index);

/* At most `bytes_max` come out in the end. 0 or -ENOMEM. */
int emit_init(struct emit *emit, size_t bytes_max);
void emit_deinit(struct emit *emit);
/* Appends what was emitted, packed, to `out`. 0, or the first error: -ENOMEM or -EFBIG. */
int emit_finish(struct emit *emit, struct buffer *out);

void emit_raw(struct emit *emit, const char *text);
void emit_string(struct emit *emit, const char *text);
void emit_integer(struct emit *emit, int64_t value);
/* `"name":`, after a comma where one is due. */
void emit_name(struct emit *emit, const char *name);
void emit_named_string(struct emit *emit, const char *name, const char *text);
void emit_named_integer(struct emit *emit, const char *name, uint64_t value);
/* A named array of `count` integers that `get` gives. */
void emit_column(struct emit *emit, const char *name, size_t count, emit_get_fn get, void *context);

/* The number of a text (without NUL bytes) in the table of strings. */
int64_t emit_string_id(struct emit *emit, const char *text, size_t length);
/* The table itself: last, when all texts are known. */
void emit_strings(struct emit *emit, const char *name);

#endif
