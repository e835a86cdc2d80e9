/* Native frames of what a sample meets: with --native only. */
#ifndef MEMSAMPLE_SAMPLER_NATIVE_H
#define MEMSAMPLE_SAMPLER_NATIVE_H

#include "native/merge.h"
#include "sampler/sampler.h"

struct sampler_native {
    struct native_unwinder *unwinder;
    struct merger merger;
    uint32_t *modules; /* by number of the unwinder: the recording's + 1, or 0 */
    size_t module_count, modules_cap;
    pid_t last_tid; /* resolved last, and its stack pointer */
    remote_addr last_sp;
    uint32_t no_file; /* the recording's module + 1 for code in no file, or 0 */
};

/* With --native: gets ready. Called again after an exec. 0 or -ENOMEM. */
int sampler_native_open(struct sampler *sampler);
void sampler_native_close(struct sampler *sampler);

/* Inside of a stop (of a sleep, of a thread that does not run): copy the stack of the thread that
 * was read just now. Without
 * --native they do nothing. */
void sampler_native_forget(struct sampler *sampler);
void sampler_native_take_stopped(struct sampler *sampler, pid_t tid);
void sampler_native_take_asleep(struct sampler *sampler, pid_t tid);
void sampler_native_take(struct sampler *sampler, const struct registers *registers);

/* Of a thread in the sample at hand; 0: not known. */
remote_addr sampler_native_stack_pointer(const struct sampler *sampler, pid_t tid);

/* Afterwards: turns both stacks into one of the recording. 0 or a negative errno from the writer.
 */
int sampler_native_resolve(struct sampler *sampler, pid_t tid, const struct python_stack *python,
                           uint32_t *ret_stack_id);

#endif
