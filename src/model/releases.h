/* Whose memory it was that RSS fell by. The rules are in releases.c. */
#ifndef MEMSAMPLE_MODEL_RELEASES_H
#define MEMSAMPLE_MODEL_RELEASES_H

#include "ledger.h"

/* All: 0 or a negative errno. */
/* Finds out how much each node lost in the window that is to be settled. */
int releases_share(struct ledger *ledger);
/* Books a fall: from those who lost, as far as they hold anything at that moment. */
int releases_take(struct ledger *ledger, uint32_t point, uint64_t bytes);
/* Books a fall of what one node holds. */
int releases_book(struct ledger *ledger, uint32_t point, uint32_t node, uint64_t bytes);

#endif
