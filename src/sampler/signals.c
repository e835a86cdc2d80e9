/* What reaches memsample from outside while a session runs: requests to end, which a launched job
 * gets as well, and reports of the target. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/array.h"
#include "base/units.h"
#include "sampler/glimpses.h"
#include "sampler/sampler.h"

#define SAME_SIGNAL_NS (50 * NS_PER_MS) /* a group gets a signal at once */
#define ENDS_FORCED    2                /* so many requests to end leave a launched job behind */

int sampler_open_signals(struct sampler *sampler, struct error *error)
{
    sigset_t ends, child;
    static const int end_signals[] = {SIGINT, SIGTERM, SIGHUP};
    sigemptyset(&ends);
    for (size_t i = 0; i < ARRAY_SIZE(end_signals); i++) {
        struct sigaction action;
        sigaction(end_signals[i], NULL, &action);
        /* Ignored by nohup and the like: a blocked signal would be read all the same. */
        if (action.sa_handler != SIG_IGN)
            sigaddset(&ends, end_signals[i]);
    }
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sampler->signal_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    sampler->sigchld_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (sampler->signal_fd < 0 || sampler->sigchld_fd < 0)
        return error_set(error, -errno, "cannot wait for signals (%s)", strerror(errno));
    return 0;
}

void sampler_end_session(struct sampler *sampler, uint8_t reason)
{
    sampler->done = true;
    sampler->end_reason = reason;
}

/* A signal that went to the whole process group (the terminal's Ctrl-C, timeout(1), a shell's job
 * control) reached the job by itself. */
static void pass_on(struct sampler *sampler)
{
    int signal = sampler->pass_on;
    sampler->pass_on = 0;
    if (sampler->tracer.signal_ns[signal] + 2 * SAME_SIGNAL_NS < sampler->pass_on_ns)
        kill(sampler->pid, signal);
}

static void handle_end_request(struct sampler *sampler, const struct signalfd_siginfo *info)
{
    int signal = (int)info->ssi_signo;
    if (!sampler->options->arguments) {
        sampler_end_session(sampler, END_DETACHED);
        return;
    }
    if (signal != SIGHUP && ++sampler->asked_to_end >= ENDS_FORCED)
        sampler_end_session(sampler, END_DETACHED);
    if (sampler->pass_on)
        pass_on(sampler);
    sampler->pass_on = signal;
    sampler->pass_on_ns = sampler_now_ns() + (sampler->done ? 0 : SAME_SIGNAL_NS);
    if (sampler->done)
        pass_on(sampler);
}

static void read_end_requests(struct sampler *sampler)
{
    struct signalfd_siginfo info;
    while (read(sampler->signal_fd, &info, sizeof(info)) == sizeof(info))
        handle_end_request(sampler, &info);
}

/* SIGCHLD does not queue: one read takes it, and the dispatch all that it stands for. */
static void read_reports(struct sampler *sampler)
{
    struct signalfd_siginfo info;
    if (read(sampler->sigchld_fd, &info, sizeof(info)) < 0 && !sampler->tracer.unread_reports)
        return;
    tracer_dispatch(&sampler->tracer);
}

uint64_t sampler_signal_wait_ns(const struct sampler *sampler)
{
    return sampler->pass_on ? SAME_SIGNAL_NS / 10 : UINT64_MAX;
}

void sampler_pass_on_signal(struct sampler *sampler, uint64_t now_ns)
{
    if (sampler->pass_on && now_ns >= sampler->pass_on_ns)
        pass_on(sampler);
}

bool sampler_wait_for_events(struct sampler *sampler, uint64_t sleep_ns)
{
    /* Where every turn of ours is the target's time, glimpses can wait. */
    bool in_the_way = sampler->armed_tid && sampler->seat.cpu >= 0;
    struct timespec timeout = {.tv_sec = (time_t)(sleep_ns / NS_PER_S),
                               .tv_nsec = (long)(sleep_ns % NS_PER_S)};
    struct pollfd fds[] = {
        {.fd = sampler->signal_fd, .events = POLLIN},
        {.fd = sampler->sigchld_fd, .events = POLLIN},
        {.fd = sampler->rings.epoll_fd, .events = POLLIN},
        {.fd = in_the_way ? -1 : sampler_glimpses_fd(sampler), .events = POLLIN}};
    int events = ppoll(fds, ARRAY_SIZE(fds), &timeout, NULL);
    sampler->woke_ns = sampler_now_ns();
    if (events <= 0 && !sampler->tracer.unread_reports)
        return false;
    if (fds[1].revents || sampler->tracer.unread_reports)
        read_reports(sampler); /* first: somebody may stand still */
    if (fds[0].revents)
        read_end_requests(sampler);
    return true;
}
