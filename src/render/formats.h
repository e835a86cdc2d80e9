/* The renderers behind the table in render.c. */
#ifndef MEMSAMPLE_RENDER_FORMATS_H
#define MEMSAMPLE_RENDER_FORMATS_H

#include <stdio.h>

#include "base/error.h"
#include "model/profile.h"

int html_render(struct profile *profile, FILE *out, struct error *error);
int json_render(struct profile *profile, FILE *out, struct error *error);
int text_render(struct profile *profile, FILE *out, struct error *error);

#endif
