/* Types of objects by name. Knows which names matter; whoever acts on a kind checks what it leads
 * to, since any class may have such a name. */
#include "objects.h"
#include "addresses.h"
#include "peek.h"

#include "base/array.h"

#include <string.h>

#define NAME_BYTES 32
#define PAGE_BYTES 4096 /* smallest */
#define BASES_MAX  8    /* classes between one that a program defines and the one that matters */

/* Types of the interpreter and of Modules/_asynciomodule.c; 3.8 to 3.15, some lost or got their
 * module's name on the way. */
static const struct {
    const char *name;
    enum object_kind kind;
} names[] = {
    {"coroutine", OBJECT_COROUTINE},
    {"generator", OBJECT_GENERATOR},
    {"async_generator", OBJECT_ASYNC_GENERATOR},
    {"async_generator_asend", OBJECT_ASYNC_STEP},
    {"coroutine_wrapper", OBJECT_AWAIT_STEP},
    {"_asyncio.Task", OBJECT_TASK},
    {"_asyncio.Future", OBJECT_FUTURE},
    {"TaskStepMethWrapper", OBJECT_TASK_CALL},
    {"TaskWakeupMethWrapper", OBJECT_TASK_CALL},
    {"_asyncio.TaskStepMethWrapper", OBJECT_TASK_CALL},
    {"Handle", OBJECT_HANDLE},
    {"TaskGroup", OBJECT_TASK_GROUP},
    {"builtin_function_or_method", OBJECT_BUILTIN},
    {"function", OBJECT_FUNCTION},
    {"method", OBJECT_METHOD},
    {"functools.partial", OBJECT_PARTIAL},
    {"str", OBJECT_TEXT},
    {"int", OBJECT_NUMBER},
};

void objects_init(struct objects *objects, const struct python_layout *layout)
{
    *objects = (struct objects){.layout = layout};
}

static bool read_name(struct cells *cells, remote_addr at, char name[NAME_BYTES])
{
    /* Names are short, and may be the last thing on the last page. */
    size_t left = PAGE_BYTES - at % PAGE_BYTES, length = left < NAME_BYTES ? left : NAME_BYTES;
    memset(name, 0, NAME_BYTES);
    if (!cells_read(cells, at, name, length))
        return false;
    if (length < NAME_BYTES && !memchr(name, 0, length))
        cells_read(cells, at + length, name + length, NAME_BYTES - length);
    name[NAME_BYTES - 1] = 0;
    return true;
}

static enum object_kind kind_of_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].kind;
    return OBJECT_OTHER;
}

static enum object_kind kind_of_type(const struct python_layout *layout, struct cells *cells,
                                     remote_addr type)
{
    char name[NAME_BYTES];
    for (int i = 0; i < BASES_MAX && is_object(type); i++) {
        remote_addr name_at;
        if (!peek_u64(cells, type + layout->object.name, &name_at) ||
            !read_name(cells, name_at, name))
            break;
        enum object_kind kind = kind_of_name(name);
        if (kind != OBJECT_OTHER)
            return kind;
        if (!peek_u64(cells, type + layout->object.base, &type))
            break;
    }
    return OBJECT_OTHER;
}

enum object_kind objects_kind(struct objects *objects, struct cells *cells, remote_addr object)
{
    remote_addr type;
    if (!is_object(object) || !peek_object(cells, object + objects->layout->object.type, &type))
        return OBJECT_OTHER;
    size_t at = address_hash(type) & (OBJECTS_SLOTS - 1);
    while (objects->slots[at].type && objects->slots[at].type != type)
        at = (at + 1) & (OBJECTS_SLOTS - 1);
    if (!objects->slots[at].type) {
        if (objects->count >= OBJECTS_SLOTS / 2) {
            objects_init(objects, objects->layout);
            at = address_hash(type) & (OBJECTS_SLOTS - 1);
        }
        objects->count++;
        objects->slots[at].type = type;
        objects->slots[at].kind = kind_of_type(objects->layout, cells, type);
    }
    return objects->slots[at].kind;
}
