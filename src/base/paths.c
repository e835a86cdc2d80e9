/* Whose code a Python file is, by its path. */
#include "base/paths.h"

#include <string.h>

/* ".../lib/python3.12/..." holds the standard library; virtual environments have no other files there. */
static bool in_standard_library(const char *file)
{
    static const char marker[] = "/lib/python3";
    const char *at = strstr(file, marker);
    return at && (at[sizeof(marker) - 1] == '.' || at[sizeof(marker) - 1] == '/');
}

bool path_is_library(const char *file)
{
    return strstr(file, "/site-packages/") || strstr(file, "/dist-packages/") ||
           in_standard_library(file) || strncmp(file, "<frozen ", 8) == 0 ||
           strncmp(file, "<__array_function__", 19) == 0 || path_is_task(file);
}

bool path_is_task(const char *file)
{
    return strcmp(file, "<task>") == 0;
}

const char *path_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}
