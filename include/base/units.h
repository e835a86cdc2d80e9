/* Numbers as people write and read them. */
#ifndef MEMSAMPLE_BASE_UNITS_H
#define MEMSAMPLE_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

#define UNITS_TEXT_MAX 32

/* Binary units, three significant digits: "0 B", "412 B", "1.92 GiB", "96.0 MiB". Returns `text`. */
const char *units_format_bytes(uint64_t bytes, char text[UNITS_TEXT_MAX]);
/* "0.42 s", "18.2 s", "124 s", "3 min 04 s", "2 h 05 min", "870 us" below 1 ms, "12.4 ms" below 100 ms. */
const char *units_format_duration(uint64_t ns, char text[UNITS_TEXT_MAX]);
/* Whole per cent from 1 up, one decimal below ("0.4 %"), "0 %" for nothing. */
const char *units_format_share(uint64_t part, uint64_t whole, char text[UNITS_TEXT_MAX]);

/* "64k", "1.5M", "2GiB", "4096": powers of 1024 whatever the letter case, with optional "B" or "iB".
 * False for anything else, for 0 and for more than 2^62. */
bool units_parse_bytes(const char *text, uint64_t *ret_bytes);
/* A finite number in [low, high] and nothing behind it. */
bool units_parse_number(const char *text, double low, double high, double *ret_value);

#endif
