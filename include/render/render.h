/* Profile in, bytes out. One file per format. */
#ifndef MEMSAMPLE_RENDER_RENDER_H
#define MEMSAMPLE_RENDER_RENDER_H

#include <stdio.h>

#include "base/error.h"
#include "model/profile.h"

struct render_format {
    const char *name;      /* "html", "json", "text" */
    const char *extension; /* ".html" */
    /* Writes the whole report. 0 or a negative errno with `error` filled. May thin the profile. */
    int (*render)(struct profile *profile, FILE *out, struct error *error);
};

/* The format of that name, or NULL. */
const struct render_format *render_format_find(const char *name);
/* "html, json, text", for messages. */
const char *render_format_names(void);

/* The summary that a run ends with, at most `width` columns wide; `page` is the page's path or
 * NULL. */
void render_summary(const struct profile *profile, const char *page, int width, FILE *out);

#endif
