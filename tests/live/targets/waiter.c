/* A thread of a C library that waits in epoll_wait and counts how often it was disturbed. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <unistd.h>

static atomic_int stop, interrupted, waits, failed;
static pthread_t thread;

static void *wait_loop(void *unused)
{
    (void)unused;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event;
    while (!stop) {
        int count = epoll_wait(epoll, &event, 1, 100);
        waits++;
        if (count < 0 && errno == EINTR)
            interrupted++;
        else if (count)
            failed++;
    }
    close(epoll);
    return NULL;
}

int waiter_start(void);
int waiter_start(void)
{
    int failed_to_start = pthread_create(&thread, NULL, wait_loop, NULL);
    return failed_to_start ? failed_to_start : pthread_setname_np(thread, "waiter");
}

/* How many waits ended with EINTR; -1 when the loop did not do its work. */
int waiter_stop(void);
int waiter_stop(void)
{
    stop = 1;
    pthread_join(thread, NULL);
    return failed || !waits ? -1 : interrupted;
}
