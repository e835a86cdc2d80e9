/* Callers of a function, brought up to date.
 *
 * A stack that was read a while ago tells how a spot was reached then. The program may have gone on
 * since: into another line of a function further out. A stack of the same thread that was read just
 * now tells. */
#ifndef MEMSAMPLE_SAMPLER_GRAFT_H
#define MEMSAMPLE_SAMPLER_GRAFT_H

#include "recording/writer.h"

/* The older stack with its outer frames replaced by those of the recent one, from the innermost
 * caller on that both have; as it is when they have none in common. 0 or a negative
 * errno from the writer. */
int graft(struct recording_writer *writer, uint32_t old_id, uint32_t recent_id,
          uint32_t *ret_stack_id);

#endif
