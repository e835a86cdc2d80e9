/* Names for the native frames of a recording. */
#ifndef MEMSAMPLE_CLI_NAMING_H
#define MEMSAMPLE_CLI_NAMING_H

#include <stdbool.h>

#include "recording/reader.h"

/* Names every native frame from the files that are here now. 0 or -ENOMEM. */
int naming_apply(struct recording *recording, bool debuginfod);

#endif
