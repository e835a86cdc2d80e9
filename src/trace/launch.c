/* Starting the job. The child is ours (fork), so that yama's ptrace_scope=1 lets any user trace it.
 */
#include "trace/launch.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void run_child(const struct launch_job *job, int go_fd, int result_fd)
{
    char go;
    if (read(go_fd, &go, 1) != 1)
        _exit(125); /* memsample is gone before it began */
    if (job->ignore_trap)
        signal(SIGTRAP, SIG_IGN); /* kept across exec */
    if (job->ignore_child)
        signal(SIGCHLD, SIG_IGN);
    sigprocmask(SIG_SETMASK, job->mask, NULL);
    execvp(job->arguments[0], job->arguments);
    int failure = errno;
    if (write(result_fd, &failure, sizeof(failure)) < 0)
        _exit(125);
    _exit(failure == ENOENT ? 127 : 126);
}

int launch_prepare(const struct launch_job *job, struct launch *ret_launch, struct error *error)
{
    const char *name = job->arguments[0];
    int go[2], result[2];
    if (pipe2(go, O_CLOEXEC) < 0)
        return error_set(error, -errno, "cannot start %s: no pipe (%s)", name, strerror(errno));
    if (pipe2(result, O_CLOEXEC | O_NONBLOCK) < 0) {
        int r = -errno;
        close(go[0]);
        close(go[1]);
        return error_set(error, r, "cannot start %s: no pipe (%s)", name, strerror(-r));
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(go[1]);
        run_child(job, go[0], result[1]);
    }
    int r = pid < 0 ? -errno : 0;
    close(go[0]);
    close(result[1]);
    *ret_launch = (struct launch){.pid = pid, .go_fd = go[1], .result_fd = result[0]};
    if (r < 0) {
        launch_deinit(ret_launch);
        return error_set(error, r, "cannot start %s: fork failed (%s)", name, strerror(-r));
    }
    return 0;
}

void launch_go(struct launch *launch)
{
    /* The child cannot be gone without having read: a failed write shows as its exit status. */
    if (write(launch->go_fd, "g", 1) < 0)
        return;
}

int launch_failure(const struct launch *launch)
{
    int failure;
    return read(launch->result_fd, &failure, sizeof(failure)) == sizeof(failure) ? failure : 0;
}

void launch_deinit(struct launch *launch)
{
    fd_closep(&launch->go_fd);
    fd_closep(&launch->result_fd);
    launch->go_fd = launch->result_fd = -1;
}
