/* Stacks for glimpses: learnt from those that are read, told for those that are not. */
#include <string.h>

#include "base/units.h"
#include "sampler/glimpses.h"
#include "sampler/graft.h"

/* A stack that was read so long ago may have had other callers. */
#define STALE_STACKS 8 /* that were read since */
#define STALE_NS     (200 * NS_PER_MS)
#define OLD_NS       (1 * NS_PER_S) /* however few were */
#define WAIT_MOST_NS (200 * NS_PER_MS)
#define EXPLORED_NS  (1 * NS_PER_MS)
/* In running means. */
#define KNOWN_WEIGHT    0.02
#define FORESEEN_WEIGHT 0.1
#define WAIT_ASKED_NS   (50 * NS_PER_MS) /* after a rest it begins anew */

/* ---- stacks that are read ---- */

void sampler_glimpses_meet(struct sampler *sampler, const struct perf_fault *fault)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    if (!glimpses)
        return;
    glimpses->met = fault->registers.known;
    glimpses->met_registers = fault->registers;
    glimpses->met_bytes = fault->stack_bytes;
    if (fault->stack_bytes)
        memcpy(glimpses->met_stack, fault->stack, fault->stack_bytes);
}

void sampler_glimpses_meet_stopped(struct sampler *sampler, pid_t tid)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    if (!glimpses)
        return;
    glimpses->met = registers_read_stopped(tid, &glimpses->met_registers) == 0;
    remote_addr sp = glimpses->met_registers.values[REGISTERS_SP];
    glimpses->met_bytes = sizeof(glimpses->met_stack);
    if (!glimpses->met ||
        memory_read(&sampler->memory, sp, glimpses->met_stack, glimpses->met_bytes) == 0)
        return;
    glimpses->met_bytes = sampler->page_bytes - sp % sampler->page_bytes; /* its end is near */
    if (glimpses->met_bytes > sizeof(glimpses->met_stack) ||
        memory_read(&sampler->memory, sp, glimpses->met_stack, glimpses->met_bytes) < 0)
        glimpses->met_bytes = 0;
}

static struct spot met_spot(struct sampler *sampler)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    return sampler_spot_of(sampler, &glimpses->met_registers, glimpses->met_stack,
                           glimpses->met_bytes);
}

/* Where the stack stood that was read. */
static struct spot true_spot(struct sampler *sampler)
{
    struct python_bytecode code;
    struct python_stack stack;
    if (python_stack_bytecode(sampler->reader, &code) != 0 ||
        python_stack_resolve(sampler->reader, &stack) != 0 || stack.count == 0)
        return (struct spot){.code_id = SPOT_NO_CODE};
    spots_add_code(&sampler->glimpses->spots, &code);
    return (struct spot){code.code_id, stack.frames[0].line};
}

static struct spot_stack stack_of(struct sampler *sampler, const struct event_owner *owner)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    glimpses->recent = *owner;
    glimpses->recent_ns = sampler_now_ns();
    glimpses->waits_ns = 0;
    return (struct spot_stack){
        .stack_id = owner->stack_id,
        .parent_id = glimpses->parent_id,
        .truncated = owner->truncated,
        .time_ns = glimpses->recent_ns,
        .number = ++glimpses->spots.read,
    };
}

/* A stack with other callers than the time before: those of the waiting glimpses that are nearer to
 * that one have its callers. */
static void tell_before(struct sampler *sampler, pid_t tid, uint32_t code_id)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    const struct spot_stack *before = spots_latest(&glimpses->spots, tid, code_id);
    struct glimpsed_thread *thread = glimpses_find(glimpses, tid);
    if (!before || !thread || before->parent_id == glimpses->parent_id)
        return;
    uint64_t now_ns = sampler_now_ns(),
             middle_ns = before->time_ns + (now_ns - before->time_ns) / 2;
    for (uint32_t i = 0; i < thread->count; i++) {
        struct glimpse *glimpse = &thread->list[i];
        struct event_owner told = {.tid = tid};
        if (glimpse->stack_id || glimpse->time_ns >= middle_ns ||
            glimpse->spot.code_id != code_id || !sampler_spot_tell(sampler, &glimpse->spot, &told))
            continue;
        glimpse->stack_id = told.stack_id;
        glimpse->truncated = told.truncated;
    }
}

void sampler_glimpses_learn(struct sampler *sampler, const struct event_owner *owner)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    if (!glimpses || !glimpses->met || owner->state != STACK_IN_ACT)
        return;
    struct spot truly = true_spot(sampler), label = met_spot(sampler);
    const struct spot_stack *before = spots_stack(&glimpses->spots, owner->tid, &label);
    bool foreseen = before && before->stack_id == owner->stack_id;
    glimpses->foreseen += FORESEEN_WEIGHT * ((foreseen ? 1 : 0) - glimpses->foreseen);
    tell_before(sampler, owner->tid, truly.code_id);
    struct spot_stack stack = stack_of(sampler, owner);
    spots_learn(&glimpses->spots, owner->tid, &label, &truly, &stack);
}

bool sampler_spots_explore(struct sampler *sampler, pid_t tid)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    struct taking taking = {.event.owner_count = 1};
    struct event_owner *owner = &taking.owners[0];
    uint64_t now_ns = sampler_now_ns();
    if (sampler->captured || now_ns - glimpses->explored_ns < EXPLORED_NS)
        return false;
    glimpses->explored_ns = now_ns;
    *owner = (struct event_owner){.tid = tid, .state = STACK_RUNNING};
    if (python_stack_capture(sampler->reader, threads_inner_tid(&sampler->threads, tid)) != 0 ||
        python_stack_confirm(sampler->reader) != 0)
        return false;
    taking_resolve(sampler, &taking, owner);
    struct spot truly = true_spot(sampler);
    if (owner->state != STACK_RUNNING || truly.code_id == SPOT_NO_CODE)
        return false;
    tell_before(sampler, tid, truly.code_id);
    struct spot_stack stack = stack_of(sampler, owner);
    spots_see(&glimpses->spots, tid, &truly, &stack);
    return true;
}

/* ---- stacks that are not ---- */

/* The last stack in the same code, at the line of the spot. */
static const struct spot_stack *tell_kin(struct sampler *sampler, const struct spot *spot,
                                         pid_t tid, uint32_t *ret_stack_id)
{
    const struct spot_stack *stack = spots_kin(&sampler->glimpses->spots, tid, spot);
    struct python_frame frame;
    if (!stack)
        return NULL;
    python_code_frame(sampler->reader, spot->code_id, 0, &frame);
    int r = recording_writer_stack(sampler->writer, stack->parent_id, frame.file, frame.function,
                                   spot->line, frame.first_line, ret_stack_id);
    return r < 0 ? NULL : stack;
}

static bool is_stale(const struct spots *spots, const struct spot_stack *stack)
{
    uint64_t age_ns = sampler_now_ns() - stack->time_ns;
    return age_ns >= (spots->read - stack->number >= STALE_STACKS ? STALE_NS : OLD_NS);
}

bool sampler_spot_is_fresh(const struct sampler *sampler, const struct spot *spot, pid_t tid)
{
    const struct spots *spots = &sampler->glimpses->spots;
    const struct spot_stack *stack = spots_stack(spots, tid, spot);
    if (!stack)
        stack = spots_kin(spots, tid, spot);
    return stack && !is_stale(spots, stack);
}

bool sampler_spots_wait(struct sampler *sampler, bool known)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    uint64_t now_ns = sampler_now_ns();
    if (known || glimpses->waits_ns == 0 || now_ns - glimpses->asked_ns > WAIT_ASKED_NS)
        glimpses->waits_ns = now_ns;
    glimpses->asked_ns = now_ns;
    return !known && now_ns - glimpses->waits_ns < WAIT_MOST_NS;
}

/* The stack, with the callers that its code had when it was read last, at whatever line. */
static uint32_t with_latest_callers(struct sampler *sampler, const struct spot *spot, pid_t tid,
                                    const struct spot_stack *stack)
{
    const struct spot_stack *latest = spots_latest(&sampler->glimpses->spots, tid, spot->code_id);
    uint32_t id = stack->stack_id;
    if (!latest || latest->number <= stack->number || latest->parent_id == stack->parent_id ||
        latest->parent_id == SPOT_NO_PARENT)
        return id;
    uint32_t frame_id = recording_writer_link(sampler->writer, id).frame_id;
    uint32_t other_id = recording_writer_link(sampler->writer, latest->stack_id).frame_id;
    if (recording_writer_same_function(sampler->writer, frame_id, other_id))
        recording_writer_push(sampler->writer, latest->parent_id, frame_id, &id);
    return id;
}

static void note_known(struct sampler_glimpses *glimpses, const struct spot_stack *stack)
{
    bool known = stack && !is_stale(&glimpses->spots, stack);
    glimpses->known += KNOWN_WEIGHT * ((known ? 1 : 0) - glimpses->known);
}

bool sampler_spot_tell(struct sampler *sampler, const struct spot *spot, struct event_owner *owner)
{
    struct spots *spots = &sampler->glimpses->spots;
    const struct spot_stack *stack = spots_stack(spots, owner->tid, spot);
    note_known(sampler->glimpses, stack);
    if (stack)
        owner->stack_id = with_latest_callers(sampler, spot, owner->tid, stack);
    else
        stack = tell_kin(sampler, spot, owner->tid, &owner->stack_id);
    if (!stack)
        return false;
    owner->truncated = stack->truncated;
    owner->state = STACK_GLIMPSED;
    const struct event_owner *recent = &sampler->glimpses->recent;
    if (recent->tid == owner->tid && is_stale(spots, stack))
        graft(sampler->writer, owner->stack_id, recent->stack_id, &owner->stack_id);
    return true;
}

bool sampler_glimpses_tell(struct sampler *sampler, struct event_owner *owner)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    if (!glimpses || !glimpses->met || !sampler->writer)
        return false;
    struct spot spot = met_spot(sampler);
    return sampler_spot_tell(sampler, &spot, owner);
}

bool sampler_glimpses_wait(struct sampler *sampler, pid_t tid)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    if (!glimpses || !glimpses->met)
        return false;
    struct spot spot = met_spot(sampler);
    bool known = sampler_spot_is_fresh(sampler, &spot, tid);
    if (!known && sampler_spots_explore(sampler, tid)) {
        spot = met_spot(sampler);
        known = sampler_spot_is_fresh(sampler, &spot, tid);
    }
    return sampler_spots_wait(sampler, known);
}
