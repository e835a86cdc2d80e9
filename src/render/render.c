/* The table of formats: a new one is one file here and one line below. */
#include "render/render.h"

#include <string.h>

#include "base/array.h"
#include "formats.h"

static const struct render_format formats[] = {
    {"html", ".html", html_render},
    {"json", ".json", json_render},
    {"text", ".txt", text_render},
};

const struct render_format *render_format_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

const char *render_format_names(void)
{
    return "html, json, text";
}
