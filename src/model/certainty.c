/* Rows of samples on one line. Must not know bytes. */
#include "certainty.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/intern.h"

#define NO_LINE UINT32_MAX

struct row { /* the samples of a thread that met it on one line, one after the other */
    uint32_t line;
    uint32_t length;
    size_t owners[CERTAINTY_ROW]; /* the first of them, while it is not long enough */
};

struct rows { /* by thread */
    struct intern tids;
    struct row *list;
    size_t cap;
};

void certainty_deinit(struct certainty *certainty)
{
    free(certainty->certain);
    *certainty = (struct certainty){0};
}

/* Lines are told apart by frame: function and line. */
static uint32_t line_of(const struct recording *recording, const struct event_owner *owner)
{
    switch ((enum event_stack_state)owner->state) {
    case STACK_STOPPED:
    case STACK_ASLEEP:
    case STACK_RUNNING:
    case STACK_IN_ACT:
    case STACK_GLIMPSED:
        break;
    default:
        return NO_LINE;
    }
    /* Of Python's, not of the native functions that it called: their addresses hardly ever repeat.
     */
    uint32_t stack = owner->stack_id;
    while (stack && recording->frames[recording->stacks[stack].frame_id].module)
        stack = recording->stacks[stack].parent_id;
    return stack ? recording->stacks[stack].frame_id : NO_LINE;
}

static void see(struct certainty *certainty, struct row *row, uint32_t line, size_t index)
{
    if (line == NO_LINE || line != row->line)
        *row = (struct row){.line = line};
    if (line == NO_LINE)
        return;
    if (row->length < CERTAINTY_ROW)
        row->owners[row->length] = index;
    row->length++;
    if (row->length < CERTAINTY_ROW)
        return;
    if (row->length == CERTAINTY_ROW) /* what came before the first is another line's, perhaps */
        for (size_t i = 1; i < CERTAINTY_ROW; i++)
            certainty->certain[row->owners[i]] = true;
    certainty->certain[index] = true;
}

/* Nobody looked, but where it was is known well enough to say that the line was left. */
static void see_glimpse(struct certainty *certainty, struct row *row, uint32_t line, size_t index)
{
    if (line != row->line)
        *row = (struct row){.line = NO_LINE};
    else if (line != NO_LINE && row->length >= CERTAINTY_ROW)
        certainty->certain[index] = true;
}

static int add_owner(struct certainty *certainty, struct rows *rows,
                     const struct recording *recording, const struct event_owner *owner)
{
    uint32_t thread;
    bool added;
    if (array_reserve(&certainty->certain, &certainty->cap, certainty->count + 1,
                      sizeof(*certainty->certain)) < 0)
        return -ENOMEM;
    certainty->certain[certainty->count++] = false;
    if (owner->state == STACK_LATER || owner->state == STACK_LATE)
        return 0; /* nobody looked */
    int r = intern_add(&rows->tids, &owner->tid, sizeof(owner->tid), &thread, &added);
    if (r >= 0)
        r = array_reserve(&rows->list, &rows->cap, (size_t)thread + 1, sizeof(*rows->list));
    if (r < 0)
        return r;
    if (added)
        rows->list[thread] = (struct row){.line = NO_LINE};
    struct row *row = &rows->list[thread];
    if (owner->state == STACK_GLIMPSED)
        see_glimpse(certainty, row, line_of(recording, owner), certainty->count - 1);
    else
        see(certainty, row, line_of(recording, owner), certainty->count - 1);
    return 0;
}

int certainty_init(struct certainty *certainty, const struct recording *recording)
{
    struct rows rows = {0};
    struct recording_cursor cursor;
    struct event event;
    int r = 0;
    *certainty = (struct certainty){0};
    for (recording_rewind(recording, &cursor); r >= 0 && recording_next(&cursor, &event);)
        for (uint32_t i = 0; event.kind == EVENT_SAMPLE && i < event.sample.owner_count && r >= 0;
             i++)
            r = add_owner(certainty, &rows, recording, &event.sample.owners[i]);
    intern_deinit(&rows.tids);
    free(rows.list);
    return r;
}

bool certainty_next(struct certainty *certainty)
{
    return certainty->next < certainty->count && certainty->certain[certainty->next++];
}
