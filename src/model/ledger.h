/* The page ledger: who owns the resident memory, and whose went away.
 *
 * Growth and releases are entered as they are attributed. They stay in a window until the
 * recorder's next look at the page table; then the ledger knows which pages came and went in that
 * time, settles the window, and hands every entry on, in the order in which they came. The bytes of
 * each moment never change, only whose they are. The rules are in ledger.c. */
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
    uint32_t sample;                     /* number of the sample that it was charged by */
    uint32_t order;                      /* in the window; the ledger's own */
};

/* What was settled. 0 or a negative errno. */
typedef int (*ledger_settled_fn)(void *context, const struct profile_change *change);

/* How far off a node's growth may be by the chance of sampling. A line that is met n times, for b
 * bytes each, is off by some sqrt(n) b: each sample stands for all that grew since the one before.
 */
struct ledger_chance {
    uint32_t sample;     /* the last that met the node */
    uint32_t samples;    /* how many did */
    double sample_bytes; /* and what it was charged by the last */
    double squares;      /* of such bytes, all samples */
    double moved; /* bytes that it was given (or gave, then below 0) because its pages tell so */
};

struct ledger_node { /* in bytes */
    uint64_t held;   /* now */
    struct ledger_chance chance;
    uint32_t tidied; /* number of the window in which it was last met in the list of the newest */
    /* In this window, if it is its number: */
    uint32_t window;
    uint64_t grown;
    uint64_t came, went; /* pages that it was given, and that it had */
    uint64_t share;      /* to release */
};

struct ledger {
    bool looks; /* the recording has looks at the page table */
    uint64_t page_bytes;
    ledger_settled_fn settled;
    void *context;
    struct ledger_entry *entries; /* the window */
    size_t count, cap;
    struct event_page_run *came, *went; /* in the window */
    size_t came_count, came_cap, went_count, went_cap;
    uint64_t unreleased_pages; /* that went, although RSS did not fall for them */
    struct pages pages;
    struct missed missed;      /* what this walk finds out */
    const struct missed *told; /* what an earlier walk found out, or NULL */
    bool began;                /* the first look was seen */
    struct ledger_node *nodes;
    size_t node_count, nodes_cap;
    uint64_t held_bytes; /* by all of them */
    uint32_t window;     /* its number, from 1 */
    uint32_t *active;    /* nodes that have to do with it */
    size_t active_count, active_cap;
    uint32_t *ready; /* nodes that hold memory which they are to release */
    size_t ready_count, ready_cap;
    uint32_t *newest; /* nodes in the order of growth, some of them several times, or holding
                         nothing any more */
    size_t newest_count, newest_cap;
    uint64_t scanned;         /* nodes, in all windows */
    uint32_t loser;           /* the node that misses most in this window */
    struct holdings holdings; /* without looks */
};

/* `told` may be NULL. */
void ledger_init(struct ledger *ledger, const struct recording *recording,
                 const struct missed *told, ledger_settled_fn settled, void *context);
void ledger_deinit(struct ledger *ledger);
/* Makes room for nodes below `count`. 0 or -ENOMEM. */
int ledger_reserve(struct ledger *ledger, size_t count);
/* Adds to a list of nodes. 0 or -ENOMEM. */
int ledger_push(uint32_t **list, size_t *count, size_t *cap, uint32_t node);
/* A node has to do with this window. 0 or -ENOMEM. */
int ledger_touch(struct ledger *ledger, uint32_t node);
/* Bytes of pages that a node had, and that went in this window. */
static inline uint64_t ledger_went(const struct ledger *ledger, uint32_t node)
{
    return ledger->nodes[node].window == ledger->window ? ledger->nodes[node].went : 0;
}
/* Gives pages that came to a node. 0 or a negative errno. */
int ledger_give(struct ledger *ledger, uint64_t first, uint64_t count, uint32_t node);
/* Notes a row of pages that no sample met, and gives it to its owner, if an earlier walk found out; else PAGES_NOBODY. 0 or
 * a negative errno. */
int ledger_add_missed(struct ledger *ledger, uint64_t first, uint64_t count, uint32_t *ret_owner);
/* Next to nothing of a node's memory went in this window. */
bool ledger_is_steady(const struct ledger *ledger, uint32_t node);
/* Bytes by which the growth of a node may be off by the chance of sampling. */
uint64_t ledger_chance_bytes(const struct ledger *ledger, uint32_t node);
/* Bytes by which RSS fell in this window, all falls together. */
uint64_t ledger_released(const struct ledger *ledger);
/* For qsort: struct event_page_run, the longest first. */
int ledger_longest_first(const void *a, const void *b);
/* Whether it is affordable to go through so many nodes once more. */
bool ledger_scan(struct ledger *ledger, size_t nodes);
/* Points must not go down. All: 0 or a negative errno. */
int ledger_enter(struct ledger *ledger, const struct ledger_entry *entry);
/* Collects what a look found. */
int ledger_look(struct ledger *ledger, const struct event_pages *look);
/* Closes the window with what the look found, when all that moved before the look was entered. */
int ledger_close(struct ledger *ledger);
/* Settles what no look will: at the end of the program, and of the recording. */
int ledger_settle(struct ledger *ledger);

#endif
