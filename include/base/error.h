/* Errors that a person reads.
 *
 * Functions return 0 on success, a negative errno when something is fatal and must be forwarded, and
 * a positive value for an outcome that their header documents (a race, a missing thing). Set-up code
 * also fills a `struct error` with one sentence: what was tried, on what, and what to do about it.
 * The sampling path uses codes only. */
#ifndef MEMSAMPLE_BASE_ERROR_H
#define MEMSAMPLE_BASE_ERROR_H

#define ERROR_TEXT_MAX 1024

struct error {
    char text[ERROR_TEXT_MAX]; /* one sentence, no newline at the end; "" when nothing was said */
};

/* Fills `error` (may be NULL) and returns `code`, so that `return error_set(...)` reads well.
 * Control characters that come in through arguments are replaced by '?'. */
int error_set(struct error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
