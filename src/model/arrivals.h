/* Whose pages came: shares the pages that a look found among those who grew before it. */
#ifndef MEMSAMPLE_MODEL_ARRIVALS_H
#define MEMSAMPLE_MODEL_ARRIVALS_H

#include "ledger.h"

/* Gives every page that came in the window an owner. 0 or a negative errno. */
int arrivals_assign(struct ledger *ledger);

#endif
