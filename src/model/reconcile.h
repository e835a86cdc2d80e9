/* Books against pages, when memory falls. */
#ifndef MEMSAMPLE_MODEL_RECONCILE_H
#define MEMSAMPLE_MODEL_RECONCILE_H

#include "ledger.h"

/* After a look that found a large fall: moves growth of the window, each byte at its own moment, from nodes whose books say
 * more than their pages to nodes that have more pages than their books say. 0 or a negative errno. */
int reconcile_window(struct ledger *ledger);

#endif
