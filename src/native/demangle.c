/* Demangling by libiberty, which knows C++ (Itanium ABI) and both manglings of Rust. */
#include "demangle.h"

#include <libiberty/demangle.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define SYMBOL_BYTES_MAX                                                                           \
    8192 /* the time it takes grows with the length, and the text comes from a file */

void demangle(const char *symbol, char *text, size_t size)
{
    _cleanup_(freep) char *demangled = NULL;
    if (strnlen(symbol, SYMBOL_BYTES_MAX) < SYMBOL_BYTES_MAX)
        demangled = cplus_demangle(symbol, DMGL_PARAMS | DMGL_ANSI | DMGL_AUTO);
    int n = snprintf(text, size, "%s", demangled ? demangled : symbol);
    if (n >= 0 && (size_t)n >= size)
        memcpy(text + size - 4, "...", 4);
}
