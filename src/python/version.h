/* Which CPython it is, when its structs do not say so themselves. */
#ifndef MEMSAMPLE_PYTHON_VERSION_H
#define MEMSAMPLE_PYTHON_VERSION_H

#include "base/bytes.h"
#include "python/runtime.h"

#define PYTHON_VERSION_LINE_MAX 256 /* what is looked at of the text of sys.version */

/* Finds the text of sys.version in a copy of a module's data, as PY_VERSION_HEX. */
bool python_version_search(const uint8_t *data, size_t length, uint32_t *ret_version);

#endif
