/* The commands and what they share. */
#ifndef MEMSAMPLE_CLI_CLI_H
#define MEMSAMPLE_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/error.h"

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,           /* could not be done; one sentence on stderr says why */
    EXIT_USAGE = 2,            /* the command line is off */
    EXIT_NOT_EXECUTABLE = 126, /* as env(1) and the shells have it */
    EXIT_NOT_FOUND = 127,
};

struct record_options { /* of `run` and `--pid` */
    char **arguments;   /* run: the job's, NULL-terminated */
    pid_t pid;          /* --pid */
    const char *page;   /* -o; NULL: a name is chosen */
    const char *recording; /* --recording; NULL: next to the page */
    uint64_t duration_ns;
    uint64_t tick_ns, step_bytes;
    double budget_percent;
    const char *clock;
    bool quiet, force;
    bool native;     /* --native */
    bool debuginfod; /* names may be fetched */
};

/* Prints "memsample: SENTENCE" on stderr and returns `status`. */
int cli_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with where to find help, for a command line that is off. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Profiles a job or a process, writes the page, prints the summary. Returns the exit status; does not return when the job
 * was killed by a signal: memsample then ends by the same signal. */
int record_main(const struct record_options *options);

int help_main(FILE *out);

#endif
