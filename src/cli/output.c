/* Where a session's files go. Never replaces somebody's file unasked. */
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/paths.h"

#define PAGE_SUFFIX      ".html"
#define RECORDING_SUFFIX ".memsample"
#define NAMES_MAX        10000 /* numbers tried behind a name that is taken */

static int check_file(const char *path, bool replace, struct error *error)
{
    _cleanup_(freep) char *folder = strdup(path);
    if (!folder)
        return error_set(error, -ENOMEM, "out of memory");
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    const char *where = slash ? folder : ".";
    if (access(where, W_OK | X_OK) < 0)
        return error_set(error, -errno,
                         "cannot write %s (folder %s: %s); choose another place with -o", path,
                         where, strerror(errno));
    if (!replace && access(path, F_OK) == 0)
        return error_set(error, -EEXIST,
                         "%s exists and is left alone; choose another name or add --force", path);
    return 0;
}

/* The page's name with the recording's suffix. */
static char *recording_beside(const char *page)
{
    size_t length = strlen(page), suffix = strlen(PAGE_SUFFIX);
    if (length > suffix && strcmp(page + length - suffix, PAGE_SUFFIX) == 0)
        length -= suffix;
    char *recording;
    return asprintf(&recording, "%.*s%s", (int)length, page, RECORDING_SUFFIX) < 0 ? NULL
                                                                                   : recording;
}

int output_check(const struct output *output, struct error *error)
{
    _cleanup_(freep) char *beside = NULL;
    const char *recording = output->recording_wanted;
    int r = check_file(output->page_wanted ? output->page_wanted : "./", true, error);
    if (r == 0 && output->page_wanted)
        r = check_file(output->page_wanted, output->replace, error);
    if (r < 0)
        return r;
    if (!recording && output->page_wanted)
        recording = beside = recording_beside(output->page_wanted);
    if (recording && output->page_wanted && strcmp(recording, output->page_wanted) == 0)
        return error_set(
            error, -EINVAL,
            "the page and the recording cannot both be %s; name one of them differently",
            recording);
    return recording ? check_file(recording, output->replace, error) : 0;
}

/* "job.py" to "job"; only characters that are easy to type. */
static void plain_name(const char *program, char *ret_name, size_t size)
{
    const char *base = path_base_name(program);
    size_t length = strlen(base);
    if (length > 3 && strcmp(base + length - 3, ".py") == 0)
        length -= 3;
    size_t at = 0;
    for (size_t i = 0; i < length && at + 1 < size; i++) {
        unsigned char c = (unsigned char)base[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-' || (c == '.' && i > 0);
        ret_name[at++] = plain ? (char)c : '_';
    }
    ret_name[at] = 0;
}

static int choose_default(struct output *output, pid_t pid, const char *program)
{
    char name[80], number[16] = "";
    plain_name(program, name, sizeof(name));
    for (int i = 2; i < NAMES_MAX; i++) {
        output_deinit(output);
        if (asprintf(&output->page, "%s-%d%s%s", name, (int)pid, number, PAGE_SUFFIX) < 0)
            output->page = NULL;
        output->recording = !output->page              ? NULL
                            : output->recording_wanted ? strdup(output->recording_wanted)
                                                       : recording_beside(output->page);
        if (!output->page || !output->recording)
            return -ENOMEM;
        bool taken = access(output->page, F_OK) == 0 ||
                     (!output->recording_wanted && access(output->recording, F_OK) == 0);
        if (!taken || output->replace)
            return 0;
        snprintf(number, sizeof(number), "-%d", i);
    }
    return -EEXIST;
}

int output_choose(struct output *output, pid_t pid, const char *program, struct error *error)
{
    if (!output->page_wanted) {
        int r = choose_default(output, pid, program);
        return r < 0 ? error_set(error, r, "no free name for the page was found (%s)", strerror(-r))
                     : 0;
    }
    output->page = strdup(output->page_wanted);
    output->recording = output->recording_wanted ? strdup(output->recording_wanted)
                                                 : recording_beside(output->page_wanted);
    return output->page && output->recording ? 0 : error_set(error, -ENOMEM, "out of memory");
}

void output_deinit(struct output *output)
{
    free(output->page);
    free(output->recording);
    output->page = output->recording = NULL;
}
