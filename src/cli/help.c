/* What --help says. */
#include "cli/cli.h"

int help_main(FILE *out)
{
    fputs(
        "memsample " MEMSAMPLE_VERSION
        " - which Python line holds this process's memory, from outside and without a restart\n"
        "\n"
        "  memsample run [OPTIONS] -- python job.py [ARG...]   start a job and profile it\n"
        "  memsample --pid PID [OPTIONS]                       profile a running process; Ctrl-C "
        "ends it\n"
        "  memsample dump --pid PID [--json] [--native[=all]]  threads, stacks and memory at this "
        "moment\n"
        "  memsample report RECORDING [-f html|json|text] [-o FILE] [--force] [--internals]\n"
        "\n"
        "Both write one HTML page and the recording it was made from, and print a short summary.\n"
        "`run` exits with the job's own exit status.\n"
        "\n"
        "  -o, --output FILE     the page (default: PROGRAM-PID.html in this folder)\n"
        "      --recording FILE  the recording (default: next to the page, .memsample)\n"
        "      --force           replace files that exist\n"
        "      --native          functions of C libraries, too: what the lines had them do\n"
        "      --debuginfod      fetch names of native functions from the servers in "
        "DEBUGINFOD_URLS\n"
        "      --internals       report: the interpreter's own native functions, too\n"
        "  -d, --duration SEC    stop profiling after so many seconds; the process goes on\n"
        "      --clock CLOCK     what decides when to look: ring (the kernel reports page faults, "
        "hardly any stops),\n"
        "                        trap (the kernel stops the job in the act of a page fault; run "
        "only),\n"
        "                        poll (look when memory has moved), tick (on a timer); default "
        "auto: the best here\n"
        "      --tick HZ         readings a second for the timeline (default 100)\n"
        "      --step SIZE       least growth between two samples, e.g. 64k, 1M (default 64k)\n"
        "      --budget PERCENT  most of the target's time that pauses may take (default 2)\n"
        "  -q, --quiet           no progress and no summary\n"
        "      --version, --help\n",
        out);
    return EXIT_OK;
}
