/* What a recording means: the only door for renderers. Everything in bytes and ns, text is valid UTF-8.
 *
 * Every byte of resident memory is owned by a node of the call tree at every point of the timeline: a stack,
 * or one of the three special nodes below the root. The sum over all nodes is RSS, exactly. */
#ifndef MEMSAMPLE_MODEL_PROFILE_H
#define MEMSAMPLE_MODEL_PROFILE_H

#include "base/error.h"
#include "recording/reader.h"

/* What one line, function or stack did up to the end. held at end = grown - released; only the baseline holds
 * without having grown, so that all `grown` together are the growth that was watched. */
struct figures {
    uint64_t grown_bytes;
    uint64_t released_bytes; /* memory of this owner that went away */
    uint64_t held_at_peak_bytes;
    uint64_t held_at_end_bytes;
    uint64_t certain_bytes; /* part of grown: see certainty.h */
    uint64_t freed_bytes;   /* that this line gave back, whosever memory it was */
};

/* Growth by the kind of memory that it was, as far as samples met the page (see enum
 * event_place_kind; 0: not known). What the page table tells later of who owns a page is not in it,
 * so that its sum can differ a little from `grown`. */
struct profile_kinds {
    uint64_t grown_bytes[PLACE_KINDS_END];
    uint64_t huge_bytes; /* part of them all: in huge pages */
};

enum profile_node_kind {
    NODE_ROOT,         /* index 0; owns nothing itself */
    NODE_FRAME,
    NODE_NATIVE,       /* grown by threads without Python frames */
    NODE_UNATTRIBUTED, /* grown while no stack could be had */
    NODE_BASELINE,     /* resident before the first reading */
};

struct profile_node {
    enum profile_node_kind kind;
    uint32_t parent;   /* index, smaller than its own */
    uint32_t frame;    /* NODE_FRAME: index into frames */
    struct figures self;  /* of stacks that end here */
    struct figures total; /* with everything below */
};

struct profile_frame { /* a line of a function */
    const char *file, *function;
    int32_t line, first_line;
    uint32_t function_index, line_index; /* into the profile's functions and lines */
    bool user; /* not from an installed package, the standard library or the interpreter itself */
    const char *module; /* of native frames the file with their code; NULL: Python. Their `file` is
                           the source's, or the module's */
    bool interpreter;   /* a native frame of CPython itself */
};

/* A row of the tables: `self` where it stands innermost, `total` over all stacks in which it
 * stands, each stack counted once, however often it stands there (recursion). What a Python line
 * had done by native functions is its own: its figures are the same with native frames and without.
 * Rows of native functions come on top. */
struct profile_row {
    const char *file, *function; /* special rows: file "" and function "<native>" and so on */
    int32_t line;                /* functions: the first line */
    struct figures self, total;
    uint64_t sample_count; /* sampled stacks in which it stood anywhere */
    uint64_t last_time_ns, last_rss_bytes; /* at the last of them */
    bool user;
    const char *module;         /* see struct profile_frame */
    struct profile_kinds kinds; /* of total */
};

/* A change of what a node holds, in the time up to and including a point (after the point before). */
struct profile_change {
    uint32_t point, node;
    uint64_t grown_bytes, released_bytes;
    uint64_t certain_bytes, freed_bytes; /* see struct figures */
};

struct profile_point {
    uint64_t time_ns;
    uint64_t rss_bytes, anon_bytes, file_bytes, shmem_bytes, swap_bytes;
    uint64_t reserved_bytes; /* private writable memory asked for and not resident */
};

struct profile_thread {
    int32_t tid;
    const char *name;
    uint64_t grown_bytes;
};

struct profile {
    struct event_target target; /* pid, command, clock and so on */
    bool has_python;
    struct event_python python;
    char python_version[32]; /* "3.12.1", "" when none was found */
    char program[128];       /* base name, for titles */
    uint8_t end_reason;      /* enum event_end_reason; 0: the recording was cut */
    int32_t end_status;
    char cut[160];
    uint64_t tracer_cpu_ns, tracer_rss_bytes;
    uint64_t looks; /* at the page table. 0: whose memory went away is an estimate, last in, first out */

    struct {
        uint64_t stops, torn, unattributed, samples, truncated;
        uint64_t glimpses; /* faults between samples that the kernel's own record told of */
    } samples;
    struct {
        uint64_t count, total_ns, p50_ns, p99_ns, max_ns;
    } pause;
    struct {
        uint64_t duration_ns; /* first reading to the end */
        uint64_t run_ns;      /* until the last event */
        uint64_t baseline_bytes, peak_rss_bytes, peak_time_ns, end_rss_bytes, end_time_ns;
        uint64_t grown_bytes, released_bytes; /* baseline + grown - released = end_rss */
        uint64_t certain_bytes, unattributed_bytes, native_bytes; /* of grown */
        uint64_t peak_swap_bytes, peak_reserved_bytes, high_water_bytes;
    } totals;

    struct profile_frame *frames;
    size_t frame_count;
    struct profile_row *functions; /* sorted by held at peak (total), then grown, largest first */
    size_t function_count;
    struct profile_row *lines; /* sorted likewise */
    size_t line_count;
    /* Whose memory it is, for people who look for their own line: every stack counts for its innermost line of
     * user code, or for its innermost line when it has none. These rows do not overlap: their `self` (`total` is
     * the same) sum to RSS. A comprehension counts for the function around it when both are on one line.
     * Sorted by held at peak, then grown. */
    struct profile_row *culprits;
    size_t culprit_count;
    /* Lines of files, whatever functions they belong to: for listings of source text. Sorted like `lines`. */
    struct profile_row *source_lines;
    size_t source_line_count;
    struct profile_node *nodes;
    size_t node_count;
    /* Every reading of the recording; of more than 65,536 the highest and lowest of equal stretches of time.
     * See profile_thin for fewer. */
    bool has_kinds;                         /* the recording tells kinds of memory */
    struct profile_kinds kinds;             /* of all growth */
    uint64_t kind_regions[PLACE_KINDS_END]; /* mappings in which growth was met */
    struct profile_kinds *node_kinds;       /* by node, of its own; NULL: none */

    /* How native frames were had. */
    struct {
        uint64_t stacks; /* asked for; 0: without --native */
        uint64_t whole, cut, no_info, broken, not_read;
        uint64_t uncertain, by_pointer;
    } unwound;
    struct profile_unwound_module { /* where unwinding ended early or had to go by frame pointers;
                                       most first */
        const char *path;
        uint64_t no_info, broken, by_pointer;
    } * unwound_modules;
    size_t unwound_module_count;

    struct profile_point *points;
    size_t point_count;
    size_t peak_point, end_point; /* indices into points */
    struct profile_change *changes; /* sorted by point, then node */
    size_t change_count;
    struct profile_thread *threads; /* sorted by growth, largest first */
    size_t thread_count;
};

/* The node that a node's memory counts for where native frames do not: the nearest that is none,
 * itself or above. */
uint32_t profile_python_node(const struct profile *profile, uint32_t node);

struct profile_options {
    bool internals; /* the interpreter's own native frames are shown, too */
};
int profile_create_with(const struct recording *recording, const struct profile_options *options,
                        struct profile **ret_profile, struct error *error);

/* Builds the profile of a recording, which must outlive it. 0, -ENOMEM, or -ENODATA with `error` filled when the
 * recording holds no reading. */
int profile_create(const struct recording *recording, struct profile **ret_profile,
                   struct error *error);
void profile_destroy(struct profile *profile);

/* Makes the timeline at most `points_max` (at least 8) points long: of equal stretches of time the points with the
 * highest and the lowest RSS are kept, and peak, end, first and last point. What happened at points that go counts
 * for the next one that stays, so the books stay balanced at each.
 * 0 or -ENOMEM. */
int profile_thin(struct profile *profile, size_t points_max);

#endif
