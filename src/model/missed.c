/* Rows of pages that no sample met. Must not know bytes or time. */
#include "missed.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

#define CLAIM     UINT64_MAX /* votes */
#define KIN_SHARE 4     /* a neighbour of less than one page in so many is no kin */
#define REACH     16384 /* pages: neighbours further away say nothing */

void missed_deinit(struct missed *missed)
{
    pages_deinit(&missed->numbers);
    free(missed->rows);
    *missed = (struct missed){0};
}

static int by_window(const void *a, const void *b)
{
    const struct missed_row *x = a, *y = b;
    if (x->window != y->window)
        return x->window < y->window ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

uint32_t missed_owner(const struct missed *missed, uint32_t window, uint64_t first)
{
    struct missed_row key = {.window = window, .first = first};
    const struct missed_row *row =
        missed->count ? bsearch(&key, missed->rows, missed->count, sizeof(key), by_window) : NULL;
    return row ? row->owner : PAGES_NOBODY;
}

int missed_add(struct missed *missed, uint32_t window, uint64_t first, uint64_t count)
{
    int r = array_reserve(&missed->rows, &missed->cap, missed->count + 1, sizeof(*missed->rows));
    if (r < 0)
        return r;
    missed->rows[missed->count] = (struct missed_row){
        .window = window, .first = first, .count = count, .owner = PAGES_NOBODY};
    return pages_give(&missed->numbers, first, count, (uint32_t)missed->count++);
}

static void vote(struct missed *missed, uint32_t number, uint32_t owner, uint64_t pages)
{
    struct missed_row *row = &missed->rows[number];
    if (owner == PAGES_NOBODY || pages <= row->votes)
        return;
    row->owner = owner;
    row->votes = pages;
}

void missed_claim(struct missed *missed, uint32_t window, uint64_t page, uint32_t owner)
{
    uint32_t number = pages_owner(&missed->numbers, page);
    if (number < missed->count && missed->rows[number].window + 1 == window)
        vote(missed, number, owner, CLAIM);
}

/* The pages of one missed row among those that go: from `first` up to `end`, with the owners of the
 * nearest known pages on both sides that go with them. */
struct stretch {
    uint32_t number;
    uint64_t first, end;
    uint32_t before;
};

static void close_stretch(struct missed *missed, const struct stretch *stretch, uint32_t after)
{
    if (stretch->number == PAGES_NOBODY)
        return;
    vote(missed, stretch->number, stretch->before != PAGES_NOBODY ? stretch->before : after,
         stretch->end - stretch->first);
}

static void see_going(struct missed *missed, struct pages *owners, uint64_t first, uint64_t count)
{
    struct stretch stretch = {.number = PAGES_NOBODY, .before = PAGES_NOBODY};
    uint64_t end = first + count, row;
    for (uint64_t page = first; page < end; page += row) {
        uint32_t number = pages_owner_of_row(&missed->numbers, page, end - page, false, &row);
        if (number != stretch.number) {
            close_stretch(missed, &stretch,
                          number == PAGES_NOBODY ? pages_owner(owners, page) : PAGES_NOBODY);
            stretch.number = number;
            stretch.first = page;
        }
        if (number == PAGES_NOBODY)
            stretch.before = pages_owner(owners, page + row - 1);
        stretch.end = page + row;
    }
    close_stretch(missed, &stretch, PAGES_NOBODY);
}

int missed_went(struct missed *missed, struct pages *owners, uint64_t first, uint64_t count)
{
    if (missed->count == 0)
        return 0;
    see_going(missed, owners, first, count);
    return pages_give(&missed->numbers, first, count, PAGES_NOBODY);
}

/* The nearest pages that are not of a missed row, at least `least` of one owner, and who that is;
 * PAGES_NOBODY where pages end. */
static uint32_t look_along(struct missed *missed, struct pages *owners, uint64_t page, bool down,
                           uint64_t least, uint64_t *ret_distance)
{
    uint32_t owner = PAGES_NOBODY;
    uint64_t row, length = 0;
    for (uint64_t distance = 0; distance < REACH; distance += row) {
        if (pages_owner_of_row(&missed->numbers, page, REACH, down, &row) == PAGES_NOBODY) {
            uint32_t other = pages_owner_of_row(owners, page, row, down, &row);
            if (other == PAGES_NOBODY)
                break;
            length = other == owner ? length + row : row;
            owner = other;
            *ret_distance = distance;
            if (length >= least)
                return owner;
        }
        page = down ? page - row : page + row;
    }
    return PAGES_NOBODY;
}

void missed_finish(struct missed *missed, struct pages *owners)
{
    for (size_t i = 0; i < missed->count; i++) {
        const struct missed_row *row = &missed->rows[i];
        uint64_t below = REACH, above = REACH;
        if (row->first == 0 || pages_owner(&missed->numbers, row->first + row->count - 1) != i)
            continue; /* it went */
        uint64_t least = row->count / KIN_SHARE;
        uint32_t lower = look_along(missed, owners, row->first - 1, true, least, &below);
        uint32_t upper = look_along(missed, owners, row->first + row->count, false, least, &above);
        vote(missed, (uint32_t)i,
             lower == PAGES_NOBODY || (upper != PAGES_NOBODY && above <= below) ? upper : lower,
             row->count);
    }
    pages_deinit(&missed->numbers);
    if (missed->count > 1)
        qsort(missed->rows, missed->count, sizeof(*missed->rows), by_window);
}
