/* What tasks are called in stacks. */
#ifndef MEMSAMPLE_PYTHON_TASK_NAMES_H
#define MEMSAMPLE_PYTHON_TASK_NAMES_H

#include "base/intern.h"
#include "tasks.h"

/* Programs that give each request's task a name of its own must not make stacks, and with them
 * recordings, grow without end: names beyond these are left out. */
#define TASK_NAMES_MAX 1000

struct task_names {
    struct intern texts;
    char **items; /* by id; what is handed out stays */
    size_t items_cap;
};

void task_names_deinit(struct task_names *names);
/* "task NAME (COROUTINE)", or "task (COROUTINE)" where asyncio made the name up ("Task-7"): it
 * tells nothing and is different for each. Good until task_names_deinit. 0 or -ENOMEM. */
int task_names_get(struct task_names *names, const struct task_met *met, const char *coroutine,
                   const char **ret_text);
/* The whole name as UTF-8 into `out`, also "Task-7". */
void task_names_decode(const struct task_met *met, struct buffer *out);

#endif
