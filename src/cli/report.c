/* `memsample report`: reads a recording, writes a report. Knows files and options; must not know
 * formats. */
#include "cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/naming.h"
#include "render/render.h"

#define RECORDING_SUFFIX ".memsample"

/* A file on its way to its name: written beside it when it replaces another, so that a failure
 * costs nobody anything. */
struct report_file {
    const char *path;
    char *written_path; /* what to remove on failure; NULL: a device, or stdout */
    bool rename;
    FILE *file;
};

static void report_file_deinit(struct report_file *file)
{
    if (file->file && file->file != stdout)
        fclose(file->file);
    if (file->written_path)
        unlink(file->written_path);
    free(file->written_path);
}

/* A device or a pipe is nobody's file: it is written to as it is. */
static int open_special(struct report_file *file, struct error *error)
{
    int fd = open(file->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    file->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file->file)
        return 0;
    int r = -errno;
    if (fd >= 0)
        close(fd);
    return error_set(error, r, "cannot write %s: %s", file->path, strerror(-r));
}

static int open_beside(struct report_file *file, struct error *error)
{
    struct stat there;
    mode_t mask = umask(0);
    umask(mask);
    mode_t mode = stat(file->path, &there) == 0 ? there.st_mode & 0777 : 0666 & ~mask;
    if (asprintf(&file->written_path, "%s.XXXXXX", file->path) < 0) {
        file->written_path = NULL;
        return error_set(error, -ENOMEM, "out of memory");
    }
    int fd = mkostemp(file->written_path, O_CLOEXEC);
    file->file = fd >= 0 && fchmod(fd, mode) == 0 ? fdopen(fd, "w") : NULL;
    file->rename = true;
    if (file->file)
        return 0;
    int r = -errno;
    if (fd >= 0)
        close(fd);
    else
        free(take_pointer(file->written_path));
    return error_set(error, r, "cannot write %s: %s", file->path, strerror(-r));
}

static int open_new(struct report_file *file, struct error *error)
{
    int fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return error_set(error, -EEXIST,
                         "%s exists and is left alone; choose another name with -o or add --force",
                         file->path);
    if (fd < 0) {
        int r = -errno;
        return error_set(error, r, "cannot write %s: %s", file->path, strerror(-r));
    }
    file->written_path = strdup(file->path);
    file->file = fdopen(fd, "w");
    if (file->file && file->written_path)
        return 0;
    if (!file->file)
        close(fd);
    unlink(file->path);
    return error_set(error, -ENOMEM, "out of memory");
}

static int close_file(struct report_file *file, struct error *error)
{
    int r = fflush(file->file) || ferror(file->file) ? (errno ? -errno : -EIO) : 0;
    if (file->file != stdout && fclose(file->file) && r == 0)
        r = -errno;
    file->file = NULL;
    if (r == 0 && file->rename && rename(file->written_path, file->path) < 0)
        r = -errno;
    if (r < 0)
        return error_set(error, r, "cannot write %s: %s", file->path, strerror(-r));
    free(take_pointer(file->written_path));
    return 0;
}

static int write_report(const struct render_format *format, struct profile *profile,
                        const char *path, bool replace, struct error *error)
{
    _cleanup_(report_file_deinit) struct report_file file = {.path = path ? path : "-"};
    struct stat there;
    int r = 0;
    if (strcmp(file.path, "-") == 0) {
        file.path = "standard output";
        file.file = stdout;
    } else if (stat(file.path, &there) == 0 && !S_ISREG(there.st_mode)) {
        r = open_special(&file, error);
    } else {
        r = replace ? open_beside(&file, error) : open_new(&file, error);
    }
    if (r >= 0)
        r = format->render(profile, file.file, error);
    return r < 0 ? r : close_file(&file, error);
}

int report_write(const char *recording_path, const char *format_name, const char *output_path,
                 bool replace, const struct report_names *names, struct recording **ret_recording,
                 struct profile **ret_profile, struct error *error)
{
    *ret_recording = NULL;
    *ret_profile = NULL;
    const struct render_format *format = render_format_find(format_name);
    if (!format)
        return error_set(error, -EINVAL, "there is no format '%s'; choose one of %s", format_name,
                         render_format_names());
    int r = recording_read(recording_path, ret_recording, error);
    if (r >= 0 && naming_apply(*ret_recording, names->debuginfod) < 0)
        r = error_set(error, -ENOMEM, "out of memory while native functions were named");
    if (r >= 0)
        r = profile_create_with(*ret_recording,
                                &(struct profile_options){.internals = names->internals},
                                ret_profile, error);
    if (r < 0)
        return r;
    return write_report(format, *ret_profile, output_path, replace, error);
}

/* "run.memsample" to "run.html". */
static char *default_output(const char *recording_path, const char *extension)
{
    size_t length = strlen(recording_path), suffix = strlen(RECORDING_SUFFIX);
    if (length > suffix && strcmp(recording_path + length - suffix, RECORDING_SUFFIX) == 0)
        length -= suffix;
    char *output;
    return asprintf(&output, "%.*s%s", (int)length, recording_path, extension) < 0 ? NULL : output;
}

struct report_options {
    const char *recording, *format, *output;
    bool replace;
    struct report_names names;
};

/* 0 to go on, -1 when help was shown, or the exit status of a wrong command line. */
static int parse_options(int argc, char **argv, struct report_options *options)
{
    static const struct option longs[] = {
        {"format", required_argument, NULL, 'f'},
        {"output", required_argument, NULL, 'o'},
        {"force", no_argument, NULL, 'F'},
        {"debuginfod", no_argument, NULL, 'D'},
        {"internals", no_argument, NULL, 'I'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    optind = 1;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, ":f:o:h", longs, NULL)) >= 0;) {
        switch (c) {
        case 'f':
            options->format = optarg;
            break;
        case 'o':
            options->output = optarg;
            break;
        case 'F':
            options->replace = true;
            break;
        case 'D':
            options->names.debuginfod = true;
            break;
        case 'I':
            options->names.internals = true;
            break;
        case 'h':
            help_main(stdout);
            return -1;
        case ':':
            return cli_usage("option '%s' needs a value", argv[optind - 1]);
        default:
            return cli_usage("report does not know the option '%s'", argv[optind - 1]);
        }
    }
    if (optind + 1 != argc)
        return cli_usage("report takes one recording");
    options->recording = argv[optind];
    if (!render_format_find(options->format))
        return cli_usage("there is no format '%s'; choose one of %s", options->format,
                         render_format_names());
    return 0;
}

int report_main(int argc, char **argv)
{
    struct report_options options = {.format = "html"};
    struct recording *recording;
    struct profile *profile;
    struct error error = {""};
    _cleanup_(freep) char *chosen = NULL;
    int r = parse_options(argc, argv, &options);
    if (r)
        return r < 0 ? EXIT_OK : r;
    if (!options.output && strcmp(options.format, "html") == 0) {
        options.output = chosen = default_output(options.recording, ".html");
        if (!chosen)
            return cli_fail(EXIT_FAILED, "out of memory");
    }
    r = report_write(options.recording, options.format, options.output, options.replace,
                     &options.names, &recording, &profile, &error);
    if (r >= 0 && chosen)
        printf("%s\n", chosen);
    profile_destroy(profile);
    recording_destroy(recording);
    return r < 0 ? cli_fail(EXIT_FAILED, "%s", error.text) : EXIT_OK;
}
