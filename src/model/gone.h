/* Pages that a look no longer finds, and those that it does although others went there meanwhile. */
#ifndef MEMSAMPLE_MODEL_GONE_H
#define MEMSAMPLE_MODEL_GONE_H

#include "ledger.h"

/* Pages that went, less what RSS fell by: those are elsewhere now. */
uint64_t gone_unreleased(const struct ledger *ledger);
/* Takes what the look no longer found from whoever had it, and doubts what stayed beside it. 0 or a negative errno. */
int gone_follow(struct ledger *ledger);
/* Takes pages that went from whoever had them. 0 or a negative errno. */
int gone_take_back(struct ledger *ledger, const struct event_page_run *run);

#endif
