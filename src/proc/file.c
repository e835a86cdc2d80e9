/* Small files of /proc, read whole. */
#include "proc/file.h"
#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define FILE_BYTES_MAX (256u << 20)
#define READ_BYTES     4096 /* /proc gives at most a page or so at a time */

int file_read(const char *path, char **ret_text, size_t *ret_length)
{
    _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;

    _cleanup_(freep) char *text = NULL;
    size_t length = 0, cap = 0;
    for (;;) {
        if (length > FILE_BYTES_MAX)
            return -EFBIG;
        if (array_reserve(&text, &cap, length + READ_BYTES + 1, 1) < 0)
            return -ENOMEM;
        ssize_t n = read(fd, text + length, cap - length - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    text[length] = 0;
    *ret_text = take_pointer(text);
    if (ret_length)
        *ret_length = length;
    return 0;
}

int process_file_read(pid_t pid, const char *name, char **ret_text, size_t *ret_length)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    int r = file_read(path, ret_text, ret_length);
    return r == -ENOENT ? -ESRCH : r; /* no such folder: no such process */
}
