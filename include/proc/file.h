/* Small files of /proc, read whole. */
#ifndef MEMSAMPLE_PROC_FILE_H
#define MEMSAMPLE_PROC_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Reads a file whole into memory from malloc, NUL-terminated (the text may hold other NULs).
 * 0 or a negative errno; -EFBIG beyond 256 MiB. */
int file_read(const char *path, char **ret_text, size_t *ret_length);

/* The same for /proc/PID/`name`; -ESRCH when the process or thread is gone. */
int process_file_read(pid_t pid, const char *name, char **ret_text, size_t *ret_length);

#endif
