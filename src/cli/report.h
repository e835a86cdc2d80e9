/* Recording in, report out. */
#ifndef MEMSAMPLE_CLI_REPORT_H
#define MEMSAMPLE_CLI_REPORT_H

#include <stdbool.h>

#include "base/error.h"
#include "model/profile.h"

/* memsample report RECORDING [-f FORMAT] [-o FILE] [--force]. Returns the exit status. */
int report_main(int argc, char **argv);

struct report_names {
    bool debuginfod; /* names of native functions may be fetched */
    bool internals;  /* the interpreter's own native frames are shown, too */
};

/* Reads the recording and writes a report of it to `output_path` (NULL or "-": stdout). A file that
 * exists is replaced only with `replace`; one that could not be finished is removed. The recording
 * and the profile are handed out as soon as they are there, also when writing fails later: NULL
 * otherwise; the caller frees both. 0 or a negative errno with `error` filled. */
int report_write(const char *recording_path, const char *format, const char *output_path,
                 bool replace, const struct report_names *names, struct recording **ret_recording,
                 struct profile **ret_profile, struct error *error);

#endif
