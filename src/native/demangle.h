/* C++ and Rust names as people write them. */
#ifndef MEMSAMPLE_NATIVE_DEMANGLE_H
#define MEMSAMPLE_NATIVE_DEMANGLE_H

#include <stddef.h>

/* Fills `text` (at least 4 bytes) with the name behind `symbol`, or with `symbol` itself when it is
 * no mangled one. A name too long for it ends in "...". */
void demangle(const char *symbol, char *text, size_t size);

#endif
