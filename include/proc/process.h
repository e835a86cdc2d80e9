/* What a process is: its command, its threads, who traces it. Never stops anyone. */
#ifndef MEMSAMPLE_PROC_PROCESS_H
#define MEMSAMPLE_PROC_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process_status { /* from /proc/PID/status */
    char state;          /* 'R', 'S', 'D', 'T', 't', 'Z', 'X'; proc_pid_status(5) */
    pid_t tgid;
    pid_t tracer_pid;    /* 0: nobody */
    uid_t uid;           /* effective */
    uint64_t capabilities; /* CapEff */
    uint64_t ignored_signals; /* SigIgn: bit n - 1 for signal n */
    bool kernel_thread;  /* no user memory */
    uint64_t switches;   /* voluntary and involuntary context switches */
    uint64_t file_bytes, shmem_bytes, swap_bytes, high_water_bytes;
};

/* Reads the status of a process or, with `tid` other than 0, of one of its threads. 0 or a negative errno
 * (-ESRCH: gone). */
int process_status_read(pid_t pid, pid_t tid, struct process_status *ret_status);
/* Parses the text of /proc/PID/status; missing fields stay 0. */
void process_status_parse(const char *text, struct process_status *ret_status);

/* The command line as one line of text: arguments separated by spaces, or the name in brackets for a process
 * without one. From malloc. */
int process_command_read(pid_t pid, char **ret_command);
/* What a person calls it: the script's base name for `python job.py`, `-m` module for `python -m job`, else the
 * program's base name. From malloc. */
int process_program_name(pid_t pid, char **ret_name);
/* The same from the raw text of /proc/PID/cmdline (arguments end with NUL). */
char *program_name_of_arguments(const char *arguments, size_t length);
/* The target of /proc/PID/`link` ("exe", "cwd"). From malloc. */
int process_link_read(pid_t pid, const char *link, char **ret_target);
/* A thread's name, cut to `size`. 0 or a negative errno. */
int process_thread_name(pid_t pid, pid_t tid, char *ret_name, size_t size);

/* What a thread calls itself: its number in the innermost PID namespace that it is in. `tid` and
 * `pid` are numbers of our namespace. `tid` itself when it cannot be told. *ret_nested (may be NULL)
 * tells whether that is another namespace than ours. */
pid_t process_inner_id(pid_t pid, pid_t tid, bool *ret_nested);

/* Whether /proc is of our own PID namespace: in a new one the old /proc may still be mounted, and its
 * numbers are others. */
bool process_numbers_hold(void);

/* The thread ids of a process, in the kernel's order (oldest first). *ret_tids is from malloc. */
int process_threads_list(pid_t pid, pid_t **ret_tids, size_t *ret_count);

#endif
