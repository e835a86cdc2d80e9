/* Whose code a Python file is. */
#ifndef MEMSAMPLE_BASE_PATHS_H
#define MEMSAMPLE_BASE_PATHS_H

#include <stdbool.h>

/* Whether a code object's file name belongs to an installed package, the standard library or the interpreter, so not
 * to the code that the user wrote: people look for their own line first. */
bool path_is_library(const char *file);
/* Whether it is no file, but stands for a task of asyncio (PYTHON_TASK_FILE). */
bool path_is_task(const char *file);
/* What follows the last slash; the whole when there is none. */
const char *path_base_name(const char *path);

#endif
