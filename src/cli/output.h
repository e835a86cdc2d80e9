/* Where a session's files go. */
#ifndef MEMSAMPLE_CLI_OUTPUT_H
#define MEMSAMPLE_CLI_OUTPUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct output {
    const char *page_wanted, *recording_wanted; /* from the command line, or NULL */
    bool replace;
    char *page, *recording; /* chosen; from malloc */
};

/* Checks before anything is started that the files can be written: an error after hours would be too late.
 * 0 or a negative errno with `error` filled. */
int output_check(const struct output *output, struct error *error);

/* Chooses the names: those asked for, or PROGRAM-PID.html and .memsample in the working directory, with a number added when
 * one of them exists. 0 or -ENOMEM. */
int output_choose(struct output *output, pid_t pid, const char *program, struct error *error);
void output_deinit(struct output *output);

#endif
