/* Where asyncio's tasks are. From 3.14 on a module tells that, which is loaded long after Python
 * has started: it is looked for once a stack shows that asyncio runs. */
#include "python/tasks.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "sampler/sampler.h"

#define WAIT_LEAST_NS (100 * NS_PER_MS)
#define WAIT_MOST_NS  (60 * NS_PER_S) /* asyncio in Python alone, say: its module never comes */

void sampler_find_tasks(struct sampler *sampler)
{
    uint64_t now_ns = sampler_now_ns();
    if (!python_tasks_are_wanted(sampler->reader) || now_ns < sampler->tasks_at_ns)
        return;
    _cleanup_(modules_deinit) struct modules modules = {0};
    if (modules_read(sampler->pid, &modules) == 0)
        python_tasks_find(sampler->reader, &modules);
    sampler->tasks_wait_ns = sampler->tasks_wait_ns ? 2 * sampler->tasks_wait_ns : WAIT_LEAST_NS;
    if (sampler->tasks_wait_ns > WAIT_MOST_NS)
        sampler->tasks_wait_ns = WAIT_MOST_NS;
    sampler->tasks_at_ns = sampler_now_ns() + sampler->tasks_wait_ns;
}
