/* Coroutines that wait: generators, coroutines and async generators whose frame nobody runs. */
#ifndef MEMSAMPLE_PYTHON_COROUTINES_H
#define MEMSAMPLE_PYTHON_COROUTINES_H

#include "code.h"
#include "objects.h"
#include "walk.h"

#define COROUTINES_MAX 128 /* one inside the other */

/* Follows the chain of coroutines from `outermost` inwards along what each awaits. Fills `frames`
 * outermost first and notes their code; returns how many. Fewer than there are, or none, where
 * something is not what it should be or one of them runs. */
size_t coroutines_follow(struct objects *objects, struct cells *cells, struct codes *codes,
                         remote_addr outermost, struct walk_frame frames[COROUTINES_MAX]);

#endif
