/* Text from a hostile process to text that any reader accepts. */
#ifndef MEMSAMPLE_BASE_UTF8_H
#define MEMSAMPLE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Appends `length` bytes to `out` as valid UTF-8: each byte that is not part of a well-formed sequence
 * (Unicode 15, table 3-7) becomes U+FFFD. NUL bytes become U+FFFD too, so that C strings hold it all. */
void utf8_append(struct buffer *out, const void *text, size_t length);

/* Appends one code point; surrogates and values over U+10FFFF become U+FFFD. */
void utf8_append_code_point(struct buffer *out, uint32_t code_point);

#endif
