/* Code objects: what the target says of them, read once, and their names.
 *
 * During a capture: codes_begin, codes_meet for each frame, codes_read once. Afterwards:
 * codes_settle once, then codes_get. What a code object says is kept by its contents, so that the
 * same function, compiled twice or freed and made again, is the same. */
#ifndef MEMSAMPLE_PYTHON_CODE_H
#define MEMSAMPLE_PYTHON_CODE_H

#include <stdbool.h>

#include "addresses.h"
#include "base/bytes.h"
#include "base/intern.h"
#include "python/layout.h"

#define CODES_MET_MAX    1536        /* different code objects of one stack */
#define CODES_FRESH_MAX  128         /* of these, how many may be met for the first time */
#define CODE_PARTS       3           /* file, name, line table */
#define CODE_PEEK_BYTES  512         /* read of each part before its length is known */
#define CODE_ARENA_BYTES (768 << 10) /* for parts longer than that */
#define CODE_TEXT_MAX    4096        /* characters of a file name or function name */
#define CODE_TABLE_MAX   (512 << 10) /* bytes of a line table */
#define CODES_KNOWN_MAX  (1 << 17)   /* addresses remembered; then all are forgotten */

/* What the header of a code object says. */
struct code_facts {
    remote_addr parts[CODE_PARTS];
    int32_t first_line;
    int32_t first_traceable; /* code units */
    uint64_t units;
    remote_addr tlbc; /* array of its copies, see struct python_layout; 0: none */
};

/* A code object at an address, as last seen. */
struct code_known {
    remote_addr address; /* 0: free slot */
    struct code_facts facts;
    uint64_t generation;
    remote_addr interpreter;
    uint32_t id;
};

enum code_state {
    CODE_UNREAD,
    CODE_KNOWN,   /* `id` is set */
    CODE_FRESH,   /* contents were copied, to be settled */
    CODE_LOST,    /* no room for its contents in this capture */
    CODE_FOREIGN, /* an object of another type in a frame's place for code */
};

struct code_met {
    remote_addr address;
    struct code_facts facts;
    enum code_state state;
    uint32_t id;
    uint32_t fresh;          /* index */
    remote_addr interpreter; /* whose frame has it */
    uint64_t generation;
};

/* A copied part: characters of `unit_bytes`, or bytes. */
struct code_part {
    const uint8_t *data;
    uint64_t count;
    unsigned unit_bytes;
    bool is_missing; /* too long or of a shape that is not read */
};

struct code_fresh {
    uint32_t met; /* index */
    struct code_part parts[CODE_PARTS];
    uint8_t peek[CODE_PARTS][CODE_PEEK_BYTES];
    size_t peek_bytes[CODE_PARTS];
};

/* Contents, by id. */
struct code {
    char *file;
    char *function; /* in the same allocation as `file` */
    int32_t first_line;
    size_t table_at; /* offset of the line table in the interned key */
};

struct codes {
    const struct python_layout *layout;
    remote_addr code_type, meta_type; /* PyCode_Type and PyType_Type, once seen */

    /* this capture */
    remote_addr interpreter;
    uint64_t generation;
    struct addresses addresses;
    struct code_met met[CODES_MET_MAX];
    uint8_t headers[CODES_MET_MAX * PYTHON_CODE_BYTES_MAX];
    uint32_t unread[CODES_MET_MAX];
    size_t met_count, unread_count, fresh_count, arena_used;
    struct code_fresh fresh[CODES_FRESH_MAX];
    uint8_t arena[CODE_ARENA_BYTES];

    /* kept */
    struct code_known *known; /* open addressing by address */
    size_t known_slots, known_count;
    struct intern contents;
    struct code *items;
    size_t items_cap;
    uint64_t lost_count;
};

/* The slot of `address`, or the free one where it belongs. `slots` is a power of two; one is free.
 */
static inline struct code_known *codes_slot(struct code_known *known, size_t slots,
                                            remote_addr address)
{
    size_t at = address_hash(address) & (slots - 1);
    while (known[at].address && known[at].address != address)
        at = (at + 1) & (slots - 1);
    return &known[at];
}

int codes_init(struct codes *codes, const struct python_layout *layout);
void codes_deinit(struct codes *codes);

void codes_begin(struct codes *codes);
/* What is met from now on belongs to this interpreter. */
void codes_enter(struct codes *codes, remote_addr interpreter, uint64_t generation);
/* Notes a code object; false when there are too many different ones. */
bool codes_meet(struct codes *codes, remote_addr address, uint32_t *ret_met);
/* Reads what is not known yet of the code objects met. 0, 1 when one is no code object and cannot
 * be excused (the frame that led to it is not what it seemed), or a negative errno. */
int codes_read(struct codes *codes, const struct memory *memory);

/* Gives an id to each code object met. 0 or -ENOMEM. */
int codes_settle(struct codes *codes);
int32_t codes_find_line(const struct codes *codes, uint32_t id, int64_t offset);

#endif
