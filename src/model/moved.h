/* Pages that moved: mremap(2) takes memory to another address, as realloc does with large blocks. */
#ifndef MEMSAMPLE_MODEL_MOVED_H
#define MEMSAMPLE_MODEL_MOVED_H

#include "ledger.h"

/* Takes owners along where pages went that RSS did not fall for, and at least as many came in a row elsewhere. What is left of
 * the window's rows is new, or gone. 0 or a negative errno. */
int moved_follow(struct ledger *ledger);

#endif
