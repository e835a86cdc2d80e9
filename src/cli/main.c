/* The command line of memsample. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "cli/cli.h"
#include "cli/dump.h"
#include "cli/report.h"

enum {
    OPTION_RECORDING = 256,
    OPTION_TICK,
    OPTION_STEP,
    OPTION_BUDGET,
    OPTION_CLOCK,
    OPTION_FORCE,
    OPTION_NATIVE,
    OPTION_DEBUGINFOD,
    OPTION_PID,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"recording", required_argument, NULL, OPTION_RECORDING},
    {"duration", required_argument, NULL, 'd'},
    {"tick", required_argument, NULL, OPTION_TICK},
    {"step", required_argument, NULL, OPTION_STEP},
    {"budget", required_argument, NULL, OPTION_BUDGET},
    {"clock", required_argument, NULL, OPTION_CLOCK},
    {"force", no_argument, NULL, OPTION_FORCE},
    {"native", no_argument, NULL, OPTION_NATIVE},
    {"debuginfod", no_argument, NULL, OPTION_DEBUGINFOD},
    {"quiet", no_argument, NULL, 'q'},
    {"pid", required_argument, NULL, OPTION_PID},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

static void complain(const char *format, va_list arguments, const char *end)
{
    fputs("memsample: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs(end, stderr);
}

int cli_fail(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(format, arguments, "\n");
    va_end(arguments);
    return status;
}

int cli_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(format, arguments, "; see memsample --help\n");
    va_end(arguments);
    return EXIT_USAGE;
}

static int parse_clock(struct record_options *options, const char *value)
{
    if (strcmp(value, "auto") && strcmp(value, "trap") && strcmp(value, "ring") && strcmp(value, "poll") &&
        strcmp(value, "tick"))
        return cli_usage("--clock knows auto, trap, ring, poll and tick, not \"%s\"", value);
    options->clock = value;
    return 0;
}

static int parse_number(const char *name, const char *value, double low, double high,
                        double *ret_value)
{
    if (!units_parse_number(value, low, high, ret_value))
        return cli_usage("%s takes a number from %g to %g, not \"%s\"", name, low, high, value);
    return 0;
}

static int parse_option(struct record_options *options, int option, const char *value)
{
    double number = 0;
    int r = 0;
    switch (option) {
    case 'o':
        options->page = value;
        break;
    case OPTION_RECORDING:
        options->recording = value;
        break;
    case 'd':
        r = parse_number("--duration", value, 0.001, 1e9, &number);
        options->duration_ns = (uint64_t)(number * (double)NS_PER_S);
        break;
    case OPTION_TICK:
        if ((r = parse_number("--tick", value, 0.1, 10000, &number)) == 0)
            options->tick_ns = (uint64_t)((double)NS_PER_S / number);
        break;
    case OPTION_STEP:
        if (!units_parse_bytes(value, &options->step_bytes))
            r = cli_usage("--step takes a size such as 64k or 1M, not \"%s\"", value);
        break;
    case OPTION_BUDGET:
        r = parse_number("--budget", value, 0.01, 100, &options->budget_percent);
        break;
    case OPTION_CLOCK:
        r = parse_clock(options, value);
        break;
    case OPTION_FORCE:
        options->force = true;
        break;
    case OPTION_NATIVE:
        options->native = true;
        break;
    case OPTION_DEBUGINFOD:
        options->debuginfod = true;
        break;
    case 'q':
        options->quiet = true;
        break;
    case OPTION_PID:
        if (!units_parse_number(value, 1, INT32_MAX, &number))
            return cli_usage("--pid takes the number of a process, not \"%s\"", value);
        options->pid = (pid_t)number;
        break;
    default:
        return cli_usage("the option is not known or lacks its value"); /* getopt said which */
    }
    return r;
}

/* `run` takes options up to the job's own command line. */
static int parse_record(int argc, char **argv, bool run, struct record_options *options)
{
    int option, r;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "+:o:d:qp:h", long_options, NULL)) != -1) {
        if (option == 'p')
            option = OPTION_PID;
        if (option == ':')
            return cli_usage("%s needs a value", argv[optind - 1]);
        if (option == '?')
            return cli_usage("there is no option %s", argv[optind - 1]);
        if (option == OPTION_HELP || option == 'h')
            exit(help_main(stdout));
        if (option == OPTION_VERSION) {
            puts("memsample " MEMSAMPLE_VERSION);
            exit(EXIT_OK);
        }
        if ((r = parse_option(options, option, optarg)) != 0)
            return r;
    }
    if (run && options->pid)
        return cli_usage("run starts a job; to profile process %d leave run out",
                         (int)options->pid);
    if (run && optind >= argc)
        return cli_usage("run needs a job, as in: memsample run -- python job.py");
    if (!run && !options->pid && optind < argc)
        return cli_usage("there is no command \"%s\"; did you mean: memsample run -- %s ...",
                         argv[optind], argv[optind]);
    if (!run && optind < argc)
        return cli_usage("\"%s\" does not belong here", argv[optind]);
    if (!run && !options->pid)
        return cli_usage("it needs a job or a process: memsample run -- python job.py, or "
                         "memsample --pid PID");
    options->arguments = run ? argv + optind : NULL;
    return 0;
}

int main(int argc, char **argv)
{
    struct record_options options = {
        .tick_ns = 10 * NS_PER_MS,
        .step_bytes = 64 * KIB,
        .budget_percent = 2,
        .clock = "auto",
    };
    if (argc < 2) {
        help_main(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "report") == 0)
        return report_main(argc - 1, argv + 1);
    if (strcmp(argv[1], "dump") == 0)
        return dump_main(argc - 1, argv + 1);
    bool run = strcmp(argv[1], "run") == 0;
    int r = parse_record(argc - run, argv + run, run, &options);
    return r ? r : record_main(&options);
}
