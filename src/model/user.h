/* Which code is the user's own. */
#ifndef MEMSAMPLE_MODEL_USER_H
#define MEMSAMPLE_MODEL_USER_H

#include <stdbool.h>

/* Whether `file` is not part of an installed package, the standard library or the interpreter. */
bool user_owns_file(const char *file);

#endif
