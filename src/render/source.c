/* Source text. Names of files come from the target: whatever they lead to is looked at with care,
 * and nothing is opened that could block or that only root may read. */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "base/utf8.h"

#define SOURCE_BYTES_MAX (8 * MIB)

void source_close(struct source *source)
{
    free(source->text);
    free(source->starts);
    *source = (struct source){.missing = ""};
}

/* NULL when the file may be shown. */
static const char *objection(const struct profile *profile, int fd, struct stat *ret_stat)
{
    uint64_t over_ns = profile->target.start_unix_ns + profile->totals.run_ns;
    if (fstat(fd, ret_stat) < 0 || !S_ISREG(ret_stat->st_mode))
        return "not a file";
    /* A hostile target could name such a file to have it shown by a privileged memsample. */
    if (geteuid() == 0 && ret_stat->st_uid == 0 && !(ret_stat->st_mode & S_IROTH))
        return "not readable by everyone";
    if ((uint64_t)ret_stat->st_size > SOURCE_BYTES_MAX)
        return "too large";
    if (profile->target.start_unix_ns && ret_stat->st_mtim.tv_sec > 0 &&
        (uint64_t)ret_stat->st_mtim.tv_sec * NS_PER_S + (uint64_t)ret_stat->st_mtim.tv_nsec >
            over_ns)
        return "changed since the run";
    return NULL;
}

static int read_text(int fd, size_t size, struct source *source)
{
    source->text = malloc(size + 1);
    if (!source->text)
        return -ENOMEM;
    while (source->length < size) {
        ssize_t n = read(fd, source->text + source->length, size - source->length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        source->length += (size_t)n;
    }
    return 0;
}

static int find_lines(struct source *source)
{
    size_t cap = 0;
    for (size_t at = 0;;) {
        if (array_reserve(&source->starts, &cap, source->line_count + 2, sizeof(*source->starts)) <
            0)
            return -ENOMEM;
        source->starts[source->line_count] = at;
        source->starts[source->line_count + 1] = source->length;
        if (at >= source->length)
            return 0;
        const uint8_t *newline = memchr(source->text + at, '\n', source->length - at);
        at = newline ? (size_t)(newline - source->text) + 1 : source->length;
        source->line_count++;
    }
}

static int open_file(const struct profile *profile, const char *file)
{
    /* O_NONBLOCK: a name may lead to a pipe that nobody writes to. */
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if (file[0] == '/' || !profile->target.directory[0])
        return open(file, flags);
    _cleanup_(freep) char *path = NULL;
    if (asprintf(&path, "%s/%s", profile->target.directory, file) < 0) {
        path = NULL;
        return -1;
    }
    return open(path, flags);
}

int source_open(const struct profile *profile, const char *file, struct source *ret_source)
{
    struct source source = {.missing = ""};
    struct stat stat;
    if (!file[0] || file[0] == '<') {
        source.missing = "no source file";
        *ret_source = source;
        return 0;
    }
    _cleanup_(fd_closep) int fd = open_file(profile, file);
    if (fd < 0) {
        source.missing = errno == EACCES ? "not readable" : "not found";
    } else {
        const char *why = objection(profile, fd, &stat);
        source.missing = why ? why : "";
    }
    if (!source.missing[0] &&
        (read_text(fd, (size_t)stat.st_size, &source) < 0 || find_lines(&source) < 0)) {
        source_close(&source);
        return -ENOMEM;
    }
    *ret_source = source;
    return 0;
}

bool source_put_line(const struct source *source, int32_t line, struct buffer *out)
{
    if (line < 1 || (size_t)line > source->line_count)
        return false;
    size_t start = source->starts[line - 1], end = source->starts[line];
    while (end > start && (source->text[end - 1] == '\n' || source->text[end - 1] == '\r'))
        end--;
    if (end - start > SOURCE_LINE_MAX) {
        for (end = start + SOURCE_LINE_MAX; end > start && (source->text[end] & 0xc0) == 0x80;)
            end--; /* not in the middle of a letter */
        utf8_append(out, source->text + start, end - start);
        buffer_put_text(out, "…");
        return true;
    }
    utf8_append(out, source->text + start, end - start);
    return true;
}
