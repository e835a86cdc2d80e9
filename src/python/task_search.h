/* Finding tasks among all objects. */
#ifndef MEMSAMPLE_PYTHON_TASK_SEARCH_H
#define MEMSAMPLE_PYTHON_TASK_SEARCH_H

#include "python/tasks.h"
#include "reader.h"

/* Before 3.14. See python_tasks_list; the reader's list of interpreters must have been walked. */
int task_search(struct python_reader *reader, struct python_task_place *places, size_t max,
                size_t *ret_count);

#endif
