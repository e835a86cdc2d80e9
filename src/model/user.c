/* Which code is the user's own: by the file's name alone. */
#include "user.h"

#include <stddef.h>
#include <string.h>

#include "base/array.h"

bool user_owns_file(const char *file)
{
    /* Where packages and the standard library live in CPython's own layouts (sysconfig) and Debian's. */
    static const char *const folders[] = {"/site-packages/", "/dist-packages/", "/lib/python3.",
                                          "/lib64/python3."};
    /* Code without a file is a library's, but for what a person typed. */
    static const char *const typed[] = {"<string>", "<stdin>", "<input>", "<ipython-input-",
                                        "<python-input-"};
    if (file[0] == '<') {
        for (size_t i = 0; i < ARRAY_SIZE(typed); i++)
            if (strncmp(file, typed[i], strlen(typed[i])) == 0)
                return true;
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        if (strstr(file, folders[i]))
            return false;
    return file[0] != 0;
}
