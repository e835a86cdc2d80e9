/* Events to bytes and back. Knows the layout of each event's body; must not know files or
 * compression.
 *
 * Sizes are nearly always whole pages, so a size is stored as pages * 2, or as bytes * 2 + 1
 * otherwise. Of a change of RSS only the change is stored, and beside it what came and went in the
 * same time: a file cannot say anything else than rss = previous rss + grown - released. */
#include "format.h"

#include <errno.h>
#include <string.h>

#define SIZE_PAGE                                                                                  \
    UINT64_C(4096) /* only a unit for shorter numbers; the target's pages may differ */

#define OWNER_HAS_FAULT 0x80 /* beside state and truncation: a page follows */

static void put_size(struct buffer *body, uint64_t bytes)
{
    buffer_put_varint(body, bytes % SIZE_PAGE ? bytes << 1 | 1 : bytes / SIZE_PAGE << 1);
}

static bool take_size(struct bytes *body, uint64_t *ret_bytes)
{
    uint64_t coded;
    if (!bytes_take_varint(body, &coded))
        return false;
    if (!(coded & 1) && coded >> 1 > FORMAT_BYTES_MAX / SIZE_PAGE)
        return false;
    uint64_t bytes = coded & 1 ? coded >> 1 : (coded >> 1) * SIZE_PAGE;
    if (bytes > FORMAT_BYTES_MAX)
        return false;
    *ret_bytes = bytes;
    return true;
}

/* The difference of two sizes: the sign is the lowest bit of the size's number. */
static void put_change(struct buffer *body, uint64_t from_bytes, uint64_t to_bytes)
{
    bool fell = to_bytes < from_bytes;
    uint64_t bytes = fell ? from_bytes - to_bytes : to_bytes - from_bytes;
    uint64_t coded = bytes % SIZE_PAGE ? bytes << 1 | 1 : bytes / SIZE_PAGE << 1;
    buffer_put_varint(body, coded << 1 | fell);
}

static bool take_change(struct bytes *body, uint64_t *bytes)
{
    uint64_t coded;
    if (!bytes_take_varint(body, &coded))
        return false;
    bool fell = coded & 1;
    coded >>= 1;
    if (!(coded & 1) && coded >> 1 > FORMAT_BYTES_MAX / SIZE_PAGE)
        return false;
    uint64_t change = coded & 1 ? coded >> 1 : (coded >> 1) * SIZE_PAGE;
    if (change > (fell ? *bytes : FORMAT_BYTES_MAX - *bytes))
        return false;
    *bytes = fell ? *bytes - change : *bytes + change;
    return true;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int put_memory(struct buffer *body, struct format_state *state,
                      const struct event_memory *memory)
{
    uint64_t rose = memory->rss_bytes > state->rss_bytes ? memory->rss_bytes - state->rss_bytes : 0;
    uint64_t fell = state->rss_bytes > memory->rss_bytes ? state->rss_bytes - memory->rss_bytes : 0;
    uint64_t churn = min_u64(memory->grown_bytes > rose ? memory->grown_bytes - rose : 0,
                             memory->released_bytes > fell ? memory->released_bytes - fell : 0);
    if (memory->rss_bytes > FORMAT_BYTES_MAX || memory->shared_bytes > FORMAT_BYTES_MAX ||
        memory->writable_bytes > FORMAT_BYTES_MAX || churn > FORMAT_BYTES_MAX ||
        rose + churn > FORMAT_BYTES_MAX - state->grown_total)
        return -EINVAL;
    put_change(body, state->rss_bytes, memory->rss_bytes);
    put_size(body, churn);
    put_change(body, state->shared_bytes, memory->shared_bytes);
    put_change(body, state->writable_bytes, memory->writable_bytes);
    state->rss_bytes = memory->rss_bytes;
    state->shared_bytes = memory->shared_bytes;
    state->writable_bytes = memory->writable_bytes;
    state->grown_total += rose + churn;
    return 0;
}

static bool take_memory(struct bytes *body, struct format_state *state,
                        struct event_memory *ret_memory)
{
    uint64_t before = state->rss_bytes, churn;
    if (!take_change(body, &state->rss_bytes) || !take_size(body, &churn) ||
        !take_change(body, &state->shared_bytes) || !take_change(body, &state->writable_bytes))
        return false;
    uint64_t after = state->rss_bytes;
    uint64_t grown = (after > before ? after - before : 0) + churn;
    if (grown > FORMAT_BYTES_MAX - state->grown_total)
        return false;
    state->grown_total += grown;
    *ret_memory = (struct event_memory){
        .rss_bytes = after,
        .shared_bytes = state->shared_bytes,
        .writable_bytes = state->writable_bytes,
        .grown_bytes = grown,
        .released_bytes = before + grown - after,
    };
    return true;
}

/* Faults follow each other in memory: only the distance in pages is stored. */
static void put_fault(struct buffer *body, struct format_state *state, uint64_t address)
{
    uint64_t page = address / SIZE_PAGE;
    buffer_put_svarint(body, (int64_t)page - (int64_t)state->fault_page);
    state->fault_page = page;
}

static bool take_fault(struct bytes *body, struct format_state *state, uint64_t *ret_address)
{
    int64_t distance, page;
    if (!bytes_take_svarint(body, &distance) ||
        __builtin_add_overflow((int64_t)state->fault_page, distance, &page) || page < 0 ||
        page >= (int64_t)EVENT_PAGE_MAX)
        return false;
    state->fault_page = (uint64_t)page;
    *ret_address = (uint64_t)page * SIZE_PAGE;
    return true;
}

static int put_sample(struct buffer *body, struct format_state *state,
                      const struct event_sample *sample)
{
    if (sample->owner_count > EVENT_OWNERS_MAX)
        return -EINVAL;
    int r = put_memory(body, state, &sample->memory);
    if (r < 0)
        return r;
    if (sample->pause_ns > FORMAT_TIME_MAX - state->pause_total)
        return -EINVAL;
    state->pause_total += sample->pause_ns;
    buffer_put_varint(body, sample->pause_ns);
    buffer_put_varint(body, sample->pauses);
    buffer_put_varint(body, sample->owner_count);
    for (uint32_t i = 0; i < sample->owner_count; i++) {
        const struct event_owner *owner = &sample->owners[i];
        if (owner->state >= STACK_STATES || owner->faults > FORMAT_BYTES_MAX - state->faults_total)
            return -EINVAL;
        state->faults_total += owner->faults;
        buffer_put_svarint(body, (int64_t)owner->tid - state->tid);
        buffer_put_varint(body, owner->faults);
        buffer_put_varint(body, owner->stack_id);
        buffer_put_u8(body, (uint8_t)((owner->fault_address ? OWNER_HAS_FAULT : 0) |
                                      owner->state << 1 | owner->truncated));
        if (owner->fault_address)
            put_fault(body, state, owner->fault_address);
        state->tid = owner->tid;
    }
    return 0;
}

static bool take_u32(struct bytes *body, uint32_t *ret_value)
{
    uint64_t value;
    if (!bytes_take_varint(body, &value) || value > UINT32_MAX)
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

static bool take_tid(struct bytes *body, struct format_state *state)
{
    int64_t change, tid;
    if (!bytes_take_svarint(body, &change) ||
        __builtin_add_overflow(change, (int64_t)state->tid, &tid) || tid < 0 || tid > INT32_MAX)
        return false;
    state->tid = (int32_t)tid;
    return true;
}

static bool take_owner(struct bytes *body, struct format_state *state,
                       const struct format_names *names, struct event_owner *ret_owner)
{
    uint64_t faults;
    uint32_t stack_id;
    uint8_t flags;
    if (!take_tid(body, state) || !bytes_take_varint(body, &faults) || !take_u32(body, &stack_id) ||
        !bytes_take_u8(body, &flags) || faults > FORMAT_BYTES_MAX - state->faults_total ||
        stack_id >= names->stack_count || (flags & ~OWNER_HAS_FAULT) >> 1 >= STACK_STATES)
        return false;
    state->faults_total += faults;
    *ret_owner = (struct event_owner){.tid = state->tid,
                                      .faults = faults,
                                      .stack_id = stack_id,
                                      .state = (uint8_t)((flags & ~OWNER_HAS_FAULT) >> 1),
                                      .truncated = flags & 1};
    return !(flags & OWNER_HAS_FAULT) || take_fault(body, state, &ret_owner->fault_address);
}

static bool take_sample(struct bytes *body, struct format_state *state,
                        const struct format_names *names, struct event_owner *owners,
                        struct event_sample *ret_sample)
{
    struct event_sample sample = {.owners = owners};
    if (!take_memory(body, state, &sample.memory) || !bytes_take_varint(body, &sample.pause_ns) ||
        !take_u32(body, &sample.pauses) || !take_u32(body, &sample.owner_count) ||
        sample.owner_count > EVENT_OWNERS_MAX ||
        sample.pause_ns > FORMAT_TIME_MAX - state->pause_total)
        return false;
    state->pause_total += sample.pause_ns;
    for (uint32_t i = 0; i < sample.owner_count; i++)
        if (!take_owner(body, state, names, &owners[i]))
            return false;
    *ret_sample = sample;
    return true;
}

static int put_text(struct buffer *body, const char *text, format_intern_fn intern, void *context)
{
    uint32_t id;
    int r = intern(context, text ? text : "", &id);
    if (r < 0)
        return r;
    buffer_put_varint(body, id);
    return 0;
}

static bool take_text(struct bytes *body, const struct format_names *names, const char **ret_text)
{
    uint32_t id;
    if (!take_u32(body, &id) || id >= names->string_count)
        return false;
    *ret_text = names->strings[id];
    return true;
}

static bool target_is_sane(const struct event_target *target)
{
    return target->pid >= 0 && target->inner_pid >= 0 && target->page_bytes <= FORMAT_BYTES_MAX &&
           target->step_bytes <= FORMAT_BYTES_MAX && target->tick_ns <= FORMAT_TIME_MAX &&
           target->budget_percent >= 0 && target->budget_percent <= 100; /* false for a NaN */
}

static int put_target(struct buffer *body, const struct event_target *target,
                      format_intern_fn intern, void *context)
{
    uint64_t budget_bits;
    if (!target_is_sane(target))
        return -EINVAL;
    memcpy(&budget_bits, &target->budget_percent, sizeof(budget_bits));
    buffer_put_svarint(body, target->pid);
    buffer_put_u8(body, target->attached);
    buffer_put_varint(body, target->start_unix_ns);
    buffer_put_varint(body, target->page_bytes);
    buffer_put_varint(body, target->step_bytes);
    buffer_put_varint(body, target->tick_ns);
    buffer_put_varint(body, budget_bits);
    const char *const texts[] = {
        target->program,      target->command, target->directory,        target->clock,
        target->clock_reason, target->kernel,  target->memsample_version};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int r = put_text(body, texts[i], intern, context);
        if (r < 0)
            return r;
    }
    if (target->inner_pid)
        buffer_put_svarint(body, target->inner_pid);
    return 0;
}

/* Files from before it have none. */
static bool take_inner_pid(struct bytes *body, int32_t *ret_pid)
{
    int64_t pid = 0;
    if (body->left && (!bytes_take_svarint(body, &pid) || pid < 0 || pid > INT32_MAX))
        return false;
    *ret_pid = (int32_t)pid;
    return true;
}

static bool take_target(struct bytes *body, const struct format_names *names,
                        struct event_target *ret_target)
{
    struct event_target target = {0};
    int64_t pid;
    uint8_t attached;
    uint64_t budget_bits;
    if (!bytes_take_svarint(body, &pid) || pid < 0 || pid > INT32_MAX ||
        !bytes_take_u8(body, &attached) || !bytes_take_varint(body, &target.start_unix_ns) ||
        !bytes_take_varint(body, &target.page_bytes) ||
        !bytes_take_varint(body, &target.step_bytes) || !bytes_take_varint(body, &target.tick_ns) ||
        !bytes_take_varint(body, &budget_bits) || !take_text(body, names, &target.program) ||
        !take_text(body, names, &target.command) || !take_text(body, names, &target.directory) ||
        !take_text(body, names, &target.clock) || !take_text(body, names, &target.clock_reason) ||
        !take_text(body, names, &target.kernel) ||
        !take_text(body, names, &target.memsample_version) ||
        !take_inner_pid(body, &target.inner_pid))
        return false;
    memcpy(&target.budget_percent, &budget_bits, sizeof(budget_bits));
    target.pid = (int32_t)pid;
    target.attached = attached != 0;
    if (!target_is_sane(&target))
        return false;
    *ret_target = target;
    return true;
}

static int put_python(struct buffer *body, const struct event_python *python,
                      format_intern_fn intern, void *context)
{
    buffer_put_varint(body, python->version);
    buffer_put_u8(body, python->free_threaded);
    return put_text(body, python->executable, intern, context);
}

static bool take_python(struct bytes *body, const struct format_names *names,
                        struct event_python *ret_python)
{
    uint8_t free_threaded;
    if (!take_u32(body, &ret_python->version) || !bytes_take_u8(body, &free_threaded) ||
        !take_text(body, names, &ret_python->executable))
        return false;
    ret_python->free_threaded = free_threaded != 0;
    return true;
}

static int put_split(struct buffer *body, const struct event_split *split)
{
    const uint64_t sizes[] = {split->file_bytes, split->shmem_bytes, split->swap_bytes,
                              split->high_water_bytes};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (sizes[i] > FORMAT_BYTES_MAX)
            return -EINVAL;
        put_size(body, sizes[i]);
    }
    return 0;
}

static bool take_split(struct bytes *body, struct event_split *ret_split)
{
    return take_size(body, &ret_split->file_bytes) && take_size(body, &ret_split->shmem_bytes) &&
           take_size(body, &ret_split->swap_bytes) && take_size(body, &ret_split->high_water_bytes);
}

static int put_pages(struct buffer *body, const struct event_pages *pages)
{
    uint64_t at = 0;
    if (pages->count > EVENT_PAGE_RUNS_MAX)
        return -EINVAL;
    buffer_put_u8(body, pages->last);
    buffer_put_varint(body, pages->count);
    for (uint32_t i = 0; i < pages->count; i++) {
        const struct event_page_run *run = &pages->runs[i];
        if (run->first < at || run->count == 0 || run->count > EVENT_PAGE_MAX ||
            run->first > EVENT_PAGE_MAX - run->count || run->change >= PAGES_CHANGES)
            return -EINVAL;
        buffer_put_varint(body, run->first - at);
        buffer_put_varint(body, run->count);
        buffer_put_u8(body, run->change);
        at = run->first + run->count;
    }
    return 0;
}

static bool take_pages(struct bytes *body, struct event_page_run *runs,
                       struct event_pages *ret_pages)
{
    uint64_t at = 0, gap;
    uint8_t last;
    *ret_pages = (struct event_pages){.runs = runs};
    if (!bytes_take_u8(body, &last) || !take_u32(body, &ret_pages->count) ||
        ret_pages->count > EVENT_PAGE_RUNS_MAX)
        return false;
    ret_pages->last = last != 0;
    for (uint32_t i = 0; i < ret_pages->count; i++) {
        struct event_page_run *run = &runs[i];
        if (!bytes_take_varint(body, &gap) || !bytes_take_varint(body, &run->count) ||
            !bytes_take_u8(body, &run->change) || run->change >= PAGES_CHANGES || run->count == 0 ||
            gap > EVENT_PAGE_MAX - at || run->count > EVENT_PAGE_MAX - at - gap)
            return false;
        run->first = at + gap;
        at = run->first + run->count;
    }
    return true;
}

static int put_unwound(struct buffer *body, const struct event_unwound *unwound)
{
    if (unwound->end >= UNWOUND_ENDS)
        return -EINVAL;
    buffer_put_u8(body,
                  (uint8_t)(unwound->end << 2 | unwound->uncertain << 1 | unwound->by_pointer));
    buffer_put_varint(body, unwound->module);
    buffer_put_varint(body, unwound->by_pointer_module);
    return 0;
}

static bool take_unwound(struct bytes *body, const struct format_names *names,
                         struct event_unwound *ret_unwound)
{
    uint8_t flags;
    uint32_t module, by_pointer_module;
    if (!bytes_take_u8(body, &flags) || flags >> 2 >= UNWOUND_ENDS || !take_u32(body, &module) ||
        !take_u32(body, &by_pointer_module) || module > names->module_count ||
        by_pointer_module > names->module_count)
        return false;
    *ret_unwound = (struct event_unwound){.end = flags >> 2,
                                          .uncertain = flags & 2,
                                          .by_pointer = flags & 1,
                                          .module = module,
                                          .by_pointer_module = by_pointer_module};
    return true;
}

static bool place_is_sane(const struct event_place *place)
{
    return place->kind > 0 && place->kind < PLACE_KINDS_END && place->count > 0 &&
           place->count <= EVENT_PAGE_MAX && place->first <= EVENT_PAGE_MAX - place->count;
}

static int put_place(struct buffer *body, const struct event_place *place, format_intern_fn intern,
                     void *context)
{
    if (!place_is_sane(place))
        return -EINVAL;
    buffer_put_varint(body, place->first);
    buffer_put_varint(body, place->count);
    buffer_put_u8(body, (uint8_t)(place->kind << 1 | place->huge));
    return put_text(body, place->name, intern, context);
}

static bool take_place(struct bytes *body, const struct format_names *names,
                       struct event_place *ret_place)
{
    uint8_t kind;
    if (!bytes_take_varint(body, &ret_place->first) ||
        !bytes_take_varint(body, &ret_place->count) || !bytes_take_u8(body, &kind) ||
        !take_text(body, names, &ret_place->name))
        return false;
    ret_place->kind = kind >> 1;
    ret_place->huge = kind & 1;
    return place_is_sane(ret_place);
}

static int put_phase(struct buffer *body, uint8_t phase)
{
    if (phase == 0 || phase >= PHASES_END)
        return -EINVAL;
    buffer_put_u8(body, phase);
    return 0;
}

static int put_end(struct buffer *body, const struct event_end *end)
{
    if (end->reason == 0 || end->reason >= END_REASONS_END ||
        end->tracer_cpu_ns > FORMAT_TIME_MAX || end->tracer_rss_bytes > FORMAT_BYTES_MAX)
        return -EINVAL;
    buffer_put_u8(body, end->reason);
    buffer_put_svarint(body, end->status);
    buffer_put_varint(body, end->tracer_cpu_ns);
    put_size(body, end->tracer_rss_bytes);
    return 0;
}

static bool take_end(struct bytes *body, struct event_end *ret_end)
{
    int64_t status;
    if (!bytes_take_u8(body, &ret_end->reason) || ret_end->reason == 0 ||
        ret_end->reason >= END_REASONS_END || !bytes_take_svarint(body, &status) ||
        status < INT32_MIN || status > INT32_MAX ||
        !bytes_take_varint(body, &ret_end->tracer_cpu_ns) ||
        ret_end->tracer_cpu_ns > FORMAT_TIME_MAX || !take_size(body, &ret_end->tracer_rss_bytes))
        return false;
    ret_end->status = (int32_t)status;
    return true;
}

int format_encode_event(struct buffer *body, struct format_state *state, const struct event *event,
                        format_intern_fn intern, void *context)
{
    /* Events that belong to others take no time of their own: an older memsample, which skips them,
     * must not lose any. */
    bool beside = event->kind == EVENT_UNWOUND || event->kind == EVENT_PLACE;
    uint64_t time_ns = event->time_ns > state->time_ns && !beside ? event->time_ns : state->time_ns;
    if (time_ns > FORMAT_TIME_MAX)
        return -EINVAL;
    buffer_put_varint(body, time_ns - state->time_ns);
    state->time_ns = time_ns;
    switch (event->kind) {
    case EVENT_TARGET:
        return put_target(body, &event->target, intern, context);
    case EVENT_PYTHON:
        return put_python(body, &event->python, intern, context);
    case EVENT_THREAD:
        if (event->thread.tid < 0)
            return -EINVAL;
        buffer_put_svarint(body, (int64_t)event->thread.tid - state->tid);
        state->tid = event->thread.tid;
        return put_text(body, event->thread.name, intern, context);
    case EVENT_READING:
        return put_memory(body, state, &event->reading);
    case EVENT_SPLIT:
        return put_split(body, &event->split);
    case EVENT_SAMPLE:
    case EVENT_FREED:
        return put_sample(body, state, &event->sample);
    case EVENT_PHASE:
        return put_phase(body, event->phase);
    case EVENT_END:
        return put_end(body, &event->end);
    case EVENT_PAGES:
        return put_pages(body, &event->pages);
    case EVENT_UNWOUND:
        return put_unwound(body, &event->unwound);
    case EVENT_PLACE:
        return put_place(body, &event->place, intern, context);
    case EVENT_KINDS_END:
        break;
    }
    return -EINVAL;
}

bool format_decode_event(struct bytes body, enum event_kind kind, struct format_state *state,
                         const struct format_names *names, const struct format_room *room,
                         struct event *ret_event)
{
    struct event event = {.kind = kind};
    uint64_t passed_ns;
    if (!bytes_take_varint(&body, &passed_ns) || passed_ns > FORMAT_TIME_MAX - state->time_ns)
        return false;
    state->time_ns += passed_ns;
    event.time_ns = state->time_ns;

    bool good = false;
    switch (kind) {
    case EVENT_TARGET:
        good = take_target(&body, names, &event.target);
        break;
    case EVENT_PYTHON:
        good = take_python(&body, names, &event.python);
        break;
    case EVENT_THREAD:
        good = take_tid(&body, state) && take_text(&body, names, &event.thread.name);
        event.thread.tid = state->tid;
        break;
    case EVENT_READING:
        good = take_memory(&body, state, &event.reading);
        break;
    case EVENT_SPLIT:
        good = take_split(&body, &event.split);
        break;
    case EVENT_SAMPLE:
    case EVENT_FREED:
        good = take_sample(&body, state, names, room->owners, &event.sample);
        break;
    case EVENT_PHASE:
        good = bytes_take_u8(&body, &event.phase) && event.phase > 0;
        break;
    case EVENT_END:
        good = take_end(&body, &event.end);
        break;
    case EVENT_PAGES:
        good = take_pages(&body, room->runs, &event.pages);
        break;
    case EVENT_UNWOUND:
        good = take_unwound(&body, names, &event.unwound);
        break;
    case EVENT_PLACE:
        good = take_place(&body, names, &event.place);
        break;
    case EVENT_KINDS_END:
        break;
    }
    if (good)
        *ret_event = event;
    return good;
}
