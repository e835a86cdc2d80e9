/* The page ledger: who owns the resident memory, and whose went away.
 *
 * Growth and releases are entered as they are attributed. They stay in a window until the recorder's next look at the page
 * table; then the ledger knows which pages came and went in that time, settles the window, and hands every entry on, in the
 * order in which they came. The bytes of each moment never change, only whose they are. The rules are in ledger.c. */
#ifndef MEMSAMPLE_MODEL_LEDGER_H
#define MEMSAMPLE_MODEL_LEDGER_H

#include "holdings.h"
#include "missed.h"
#include "model/profile.h"
#include "pages.h"
#include "recording/event.h"

struct ledger_entry {
    uint32_t point, node;
    uint64_t grown_bytes, certain_bytes; /* certain: part of grown */
    uint64_t released_bytes;             /* nobody's yet: `node` is PAGES_NOBODY */
    uint64_t freed_bytes;                /* given back by this node, whosever it was */
    uint64_t page;                       /* where the growth was met, or 0 */
    uint32_t order;                      /* in the window; the ledger's own */
};

/* What was settled. 0 or a negative errno. */
typedef int (*ledger_settled_fn)(void *context, const struct profile_change *change);

struct ledger {
    bool looks; /* the recording has looks at the page table */
    uint64_t page_bytes;
    ledger_settled_fn settled;
    void *context;
    struct ledger_entry *entries; /* the window */
    size_t count, cap;
    struct event_page_run *came, *went; /* in the window */
    size_t came_count, came_cap, went_count, went_cap;
    uint64_t *lost;            /* by node: pages that went in this window */
    size_t lost_cap;
    uint64_t unreleased_pages; /* that went, although RSS did not fall for them */
    struct pages pages;
    struct missed missed;      /* what this walk finds out */
    const struct missed *told; /* what an earlier walk found out, or NULL */
    bool began;                /* the first look was seen */
    uint64_t *held, *share;    /* by node: bytes, now; bytes to release in this window */
    uint32_t loser;            /* the node that misses most in this window */
    size_t held_count, held_cap, share_cap;
    struct holdings holdings;  /* without looks */
};

/* `told` may be NULL. */
void ledger_init(struct ledger *ledger, const struct recording *recording,
                 const struct missed *told, ledger_settled_fn settled, void *context);
void ledger_deinit(struct ledger *ledger);
/* Makes room for nodes below `count`. 0 or -ENOMEM. */
int ledger_reserve(struct ledger *ledger, size_t count);
/* Points must not go down. All: 0 or a negative errno. */
int ledger_enter(struct ledger *ledger, const struct ledger_entry *entry);
/* Collects what a look found. */
int ledger_look(struct ledger *ledger, const struct event_pages *look);
/* Closes the window with what the look found, when all that moved before the look was entered. */
int ledger_close(struct ledger *ledger);
/* Settles what no look will: at the end of the program, and of the recording. */
int ledger_settle(struct ledger *ledger);

#endif
