/* One line on stderr: elapsed, resident memory with a sparkline, the line that grows most now. */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/units.h"

static void sparkline(const struct progress_line *line, char *ret_text)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    uint64_t most = 1;
    for (unsigned i = 0; i < line->count; i++)
        if (line->rss_bytes[i] > most)
            most = line->rss_bytes[i];
    *ret_text = 0;
    for (unsigned i = 0; i < line->count; i++)
        strcat(ret_text, bars[line->rss_bytes[i] * 7 / most]);
}

static void add_point(struct progress_line *line, uint64_t rss_bytes)
{
    if (line->count == PROGRESS_POINTS)
        memmove(line->rss_bytes, line->rss_bytes + 1, --line->count * sizeof(line->rss_bytes[0]));
    line->rss_bytes[line->count++] = rss_bytes;
}

void progress_draw(struct progress_line *line, struct session_progress *progress)
{
    char top[sizeof(progress->top)], bytes[UNITS_TEXT_MAX], duration[UNITS_TEXT_MAX];
    char bars[PROGRESS_POINTS * 3 + 1];
    struct winsize window;

    pthread_mutex_lock(&progress->lock);
    bool sampling = progress->sampling;
    uint64_t rss_bytes = progress->rss_bytes, elapsed_ns = progress->elapsed_ns;
    memcpy(top, progress->top, sizeof(top));
    pthread_mutex_unlock(&progress->lock);
    if (!sampling || elapsed_ns == 0)
        return;

    add_point(line, rss_bytes);
    sparkline(line, bars);
    int columns =
        ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col ? window.ws_col : 80;
    int room = columns - 34 - PROGRESS_POINTS;
    for (char *c = top; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f ||
            ((unsigned char)*c == 0xc2 && (unsigned char)c[1] < 0xa0))
            *c = '?'; /* names come from the target: they must not steer the terminal (C0, DEL, C1)
                       */
    fprintf(stderr, "\r\033[Kmemsample  %s  %s  %s  %.*s",
            units_format_duration(elapsed_ns, duration), units_format_bytes(rss_bytes, bytes), bars,
            room > 0 ? room : 0, top);
    line->shown = true;
}

void progress_clear(struct progress_line *line)
{
    if (line->shown)
        fputs("\r\033[K", stderr);
    line->shown = false;
}
