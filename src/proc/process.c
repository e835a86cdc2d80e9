/* What a process is, from /proc. */
#include "proc/process.h"
#include "base/array.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/paths.h"
#include "base/units.h"
#include "proc/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MAX 100000 /* more than any sane process has: bounds a loop over outside data */

static void closedirp(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

/* The text behind "\nName:\t", or NULL. */
static const char *status_field(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = text; line && *line;) {
        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 1;
            return line + strspn(line, " \t");
        }
        line = strchr(line, '\n');
        if (line)
            line++;
    }
    return NULL;
}

static uint64_t status_number(const char *text, const char *name, int base)
{
    const char *value = status_field(text, name);
    return value ? strtoull(value, NULL, base) : 0;
}

void process_status_parse(const char *text, struct process_status *ret_status)
{
    const char *state = status_field(text, "State");
    const char *uids = status_field(text, "Uid"); /* real, effective, saved, filesystem */
    unsigned real = 0, effective = 0;
    if (uids)
        sscanf(uids, "%u %u", &real, &effective);
    *ret_status = (struct process_status){
        .state = state ? *state : '?',
        .tgid = (pid_t)status_number(text, "Tgid", 10),
        .tracer_pid = (pid_t)status_number(text, "TracerPid", 10),
        .uid = effective,
        .capabilities = status_number(text, "CapEff", 16),
        .ignored_signals = status_number(text, "SigIgn", 16),
        .kernel_thread = !status_field(text, "VmSize"),
        .switches = status_number(text, "voluntary_ctxt_switches", 10) +
                    status_number(text, "nonvoluntary_ctxt_switches", 10),
        .file_bytes = status_number(text, "RssFile", 10) * KIB,
        .shmem_bytes = status_number(text, "RssShmem", 10) * KIB,
        .swap_bytes = status_number(text, "VmSwap", 10) * KIB,
        .high_water_bytes = status_number(text, "VmHWM", 10) * KIB,
    };
}

int process_status_read(pid_t pid, pid_t tid, struct process_status *ret_status)
{
    char name[64];
    if (tid)
        snprintf(name, sizeof(name), "task/%d/status", (int)tid);
    else
        snprintf(name, sizeof(name), "status");
    _cleanup_(freep) char *text = NULL;
    int r = process_file_read(pid, name, &text, NULL);
    if (r < 0)
        return r;
    process_status_parse(text, ret_status);
    return 0;
}

int process_command_read(pid_t pid, char **ret_command)
{
    _cleanup_(freep) char *text = NULL;
    size_t length;
    int r = process_file_read(pid, "cmdline", &text, &length);
    if (r < 0)
        return r;
    while (length && !text[length - 1])
        length--;
    if (length == 0) {
        char name[64] = "?", *bracketed;
        process_thread_name(pid, pid, name, sizeof(name));
        if (asprintf(&bracketed, "[%s]", name) < 0)
            return -ENOMEM;
        *ret_command = bracketed;
        return 0;
    }
    for (size_t i = 0; i < length; i++)
        if (!text[i])
            text[i] = ' ';
    *ret_command = take_pointer(text);
    return 0;
}

static const char *next_argument(const char *argument, const char *end)
{
    argument += strlen(argument) + 1;
    return argument < end ? argument : NULL;
}

/* python [-options] script | -m module | -c code (see `python --help`). */
static const char *python_program(const char *argument, const char *end)
{
    static const char options_with_value[] = "WXQ";
    while ((argument = next_argument(argument, end))) {
        if (argument[0] != '-' || !argument[1])
            return path_base_name(argument);
        if (strcmp(argument, "-c") == 0)
            return "-c";
        if (strncmp(argument, "-m", 2) == 0)
            return argument[2] ? argument + 2 : next_argument(argument, end);
        if (strcmp(argument, "--check-hash-based-pycs") == 0 ||
            (strchr(options_with_value, argument[1]) && !argument[2]))
            if (!(argument = next_argument(argument, end)))
                break;
    }
    return NULL;
}

char *program_name_of_arguments(const char *arguments, size_t length)
{
    if (length == 0 ||
        arguments[length - 1]) /* always NUL-terminated by the kernel, unless rewritten */
        return NULL;
    const char *program = path_base_name(arguments), *name = NULL;
    if (strncmp(program, "python", 6) == 0 || strncmp(program, "pypy", 4) == 0)
        name = python_program(arguments, arguments + length);
    if (!name || !*name || strcmp(name, "-c") == 0)
        name = program;
    return *name ? strdup(name) : NULL;
}

int process_program_name(pid_t pid, char **ret_name)
{
    _cleanup_(freep) char *text = NULL;
    size_t length;
    int r = process_file_read(pid, "cmdline", &text, &length);
    if (r < 0)
        return r;
    char *name = program_name_of_arguments(text, length);
    if (!name) {
        char comm[64] = "process";
        process_thread_name(pid, pid, comm, sizeof(comm));
        name = strdup(comm);
    }
    if (!name)
        return -ENOMEM;
    *ret_name = name;
    return 0;
}

int process_link_read(pid_t pid, const char *link, char **ret_target)
{
    char path[64], target[PATH_MAX];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, link);
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    if (length < 0)
        return -errno;
    target[length] = 0;
    *ret_target = strdup(target);
    return *ret_target ? 0 : -ENOMEM;
}

int process_thread_name(pid_t pid, pid_t tid, char *ret_name, size_t size)
{
    char name[64];
    snprintf(name, sizeof(name), "task/%d/comm", (int)tid);
    _cleanup_(freep) char *text = NULL;
    int r = process_file_read(pid, name, &text, NULL);
    if (r < 0)
        return r;
    text[strcspn(text, "\n")] = 0;
    snprintf(ret_name, size, "%s", text);
    return 0;
}

/* The last number in the line NSpid, which has one for each namespace from ours to its own
 * (proc_pid_status(5)). */
pid_t process_inner_id(pid_t pid, pid_t tid, bool *ret_nested)
{
    _cleanup_(freep) char *text = NULL;
    char name[64];
    if (ret_nested)
        *ret_nested = false;
    snprintf(name, sizeof(name), "task/%d/status", (int)tid);
    char *line = process_file_read(pid, name, &text, NULL) < 0 ? NULL : strstr(text, "\nNSpid:\t");
    if (!line)
        return tid;
    line += strlen("\nNSpid:\t");
    line[strcspn(line, "\n")] = 0;
    const char *last = strrchr(line, '\t');
    long number = last ? strtol(last, NULL, 10) : 0;
    if (number <= 0 || number > INT32_MAX)
        return tid;
    if (ret_nested)
        *ret_nested = true;
    return (pid_t)number;
}

bool process_numbers_hold(void)
{
    char text[16] = "";
    ssize_t length = readlink("/proc/self", text, sizeof(text) - 1);
    return length > 0 && strtol(text, NULL, 10) == getpid();
}

int process_threads_list(pid_t pid, pid_t **ret_tids, size_t *ret_count)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    _cleanup_(closedirp) DIR *directory = opendir(path);
    if (!directory)
        return errno == ENOENT ? -ESRCH : -errno;

    _cleanup_(freep) pid_t *tids = NULL;
    size_t count = 0, cap = 0;
    for (struct dirent *entry; count < THREADS_MAX && (entry = readdir(directory));) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        if (array_reserve(&tids, &cap, count + 1, sizeof(*tids)) < 0)
            return -ENOMEM;
        tids[count++] = (pid_t)atoi(entry->d_name);
    }
    *ret_tids = take_pointer(tids);
    *ret_count = count;
    return 0;
}
