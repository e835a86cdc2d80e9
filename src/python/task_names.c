/* Names of tasks. Reads no process. */
#include "task_names.h"
#include "text.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void task_names_deinit(struct task_names *names)
{
    for (size_t id = 0; id < names->texts.count; id++)
        free(names->items[id]);
    free(names->items);
    intern_deinit(&names->texts);
}

void task_names_decode(const struct task_met *met, struct buffer *out)
{
    char number[32];
    if (met->number) {
        int length = snprintf(number, sizeof(number), "Task-%llu", (unsigned long long)met->number);
        buffer_put(out, number, (size_t)length);
    } else {
        python_text_decode(out, met->name, met->name_count, met->name_unit_bytes);
    }
}

/* "Task-7": Task.__init__ of asyncio/tasks.py. */
static bool is_made_up(const struct buffer *name)
{
    static const char prefix[] = "Task-";
    size_t length = sizeof(prefix) - 1;
    if (name->length <= length || memcmp(name->data, prefix, length) != 0)
        return false;
    for (size_t i = length; i < name->length; i++)
        if (name->data[i] < '0' || name->data[i] > '9')
            return false;
    return true;
}

static void put_text(struct buffer *out, const char *text)
{
    buffer_put(out, text, strlen(text));
}

static int keep(struct task_names *names, const struct buffer *text, const char **ret_text)
{
    uint32_t id;
    bool is_new;
    _cleanup_(freep) char *copy = malloc(text->length);
    if (!copy || text->failed ||
        array_reserve(&names->items, &names->items_cap, names->texts.count + 1,
                      sizeof(*names->items)) < 0)
        return -ENOMEM;
    int r = intern_add(&names->texts, text->data, text->length, &id, &is_new);
    if (r < 0)
        return r;
    if (is_new) {
        memcpy(copy, text->data, text->length);
        names->items[id] = take_pointer(copy);
    }
    *ret_text = names->items[id];
    return 0;
}

static bool is_known(const struct task_names *names, const struct buffer *text)
{
    for (uint32_t id = 0; id < names->texts.count; id++) {
        size_t length;
        const uint8_t *known = intern_get(&names->texts, id, &length);
        if (length == text->length && memcmp(known, text->data, length) == 0)
            return true;
    }
    return false;
}

/* `name` may be empty. */
static void compose(const struct task_met *met, const struct buffer *name, const char *coroutine,
                    struct buffer *out)
{
    out->length = 0;
    put_text(out, "task ");
    if (name->length) {
        buffer_put(out, name->data, name->length);
        put_text(out, " ");
    }
    put_text(out, "(");
    put_text(out, coroutine);
    put_text(out, met->has_others ? "), awaited by several" : ")");
    buffer_put_u8(out, 0);
}

int task_names_get(struct task_names *names, const struct task_met *met, const char *coroutine,
                   const char **ret_text)
{
    _cleanup_(buffer_deinit) struct buffer text = {0}, name = {0};
    task_names_decode(met, &name);
    if (is_made_up(&name))
        name.length = 0;
    compose(met, &name, coroutine, &text);
    if (name.length && names->texts.count >= TASK_NAMES_MAX && !is_known(names, &text)) {
        name.length = 0;
        compose(met, &name, coroutine, &text);
    }
    return name.failed ? -ENOMEM : keep(names, &text, ret_text);
}
