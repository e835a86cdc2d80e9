/* Offsets in bytes by CPython version, printed by scripts/offsets from these headers:
 *   3.8.18
 *   3.9.2, 3.9.18
 *   3.10.13
 *   3.11.2, 3.11.7
 *   3.12.1
 *   3.13.0, 3.13.5, 3.13.18
 *   3.14.8, 3.14.10
 *   3.15.0, 3.15.2
 * Release and debug builds have the same values. */
#ifndef MEMSAMPLE_PYTHON_TABLES_H
#define MEMSAMPLE_PYTHON_TABLES_H

#include "python/layout.h"

static const struct python_layout layout_3_8 = {
    .runtime = {.interpreters_head = 32, .finalizing = 16},
    .interpreter = {.next = 0,
                    .threads_head = 8,
                    .threads_made = 2664,
                    .code_generation = PYTHON_ABSENT},
    .thread = {.next = 8,
               .interp = 16,
               .frame = 24,
               .base_frame = PYTHON_ABSENT,
               .cframe = PYTHON_ABSENT,
               .native_id = PYTHON_ABSENT,
               .pthread = 176,
               .chunk = PYTHON_ABSENT},
    .cframe = {.frame = PYTHON_ABSENT, .previous = PYTHON_ABSENT},
    .frame = {.code = 32,
              .previous = 24,
              .last = 104,
              .ip = PYTHON_ABSENT,
              .owner = PYTHON_ABSENT,
              .is_entry = PYTHON_ABSENT,
              .tlbc_index = PYTHON_ABSENT},
    .object = {.type = 8, .name = 24},
    .code = {.units = PYTHON_ABSENT,
             .first_line = 40,
             .first_traceable = PYTHON_ABSENT,
             .filename = 104,
             .qualname = 112,
             .linetable = 120,
             .instructions = PYTHON_ABSENT,
             .tlbc = PYTHON_ABSENT},
    .unicode = {.length = 16, .state = 32, .ascii_bytes = 48, .compact_bytes = 72},
    .bytes = {.size = 16, .data = 32},
    .gil = {.pointer = PYTHON_ABSENT, .enabled = PYTHON_ABSENT, .holder = 1160, .locked = 1168},
};

static const struct python_layout layout_3_9 = {
    .runtime = {.interpreters_head = 32, .finalizing = 16},
    .interpreter = {.next = 0,
                    .threads_head = 8,
                    .threads_made = 3496,
                    .code_generation = PYTHON_ABSENT},
    .thread = {.next = 8,
               .interp = 16,
               .frame = 24,
               .base_frame = PYTHON_ABSENT,
               .cframe = PYTHON_ABSENT,
               .native_id = PYTHON_ABSENT,
               .pthread = 176,
               .chunk = PYTHON_ABSENT},
    .cframe = {.frame = PYTHON_ABSENT, .previous = PYTHON_ABSENT},
    .frame = {.code = 32,
              .previous = 24,
              .last = 104,
              .ip = PYTHON_ABSENT,
              .owner = PYTHON_ABSENT,
              .is_entry = PYTHON_ABSENT,
              .tlbc_index = PYTHON_ABSENT},
    .object = {.type = 8, .name = 24},
    .code = {.units = PYTHON_ABSENT,
             .first_line = 40,
             .first_traceable = PYTHON_ABSENT,
             .filename = 104,
             .qualname = 112,
             .linetable = 120,
             .instructions = PYTHON_ABSENT,
             .tlbc = PYTHON_ABSENT},
    .unicode = {.length = 16, .state = 32, .ascii_bytes = 48, .compact_bytes = 72},
    .bytes = {.size = 16, .data = 32},
    .gil = {.pointer = PYTHON_ABSENT, .enabled = PYTHON_ABSENT, .holder = 360, .locked = 368},
};

static const struct python_layout layout_3_10 = {
    .runtime = {.interpreters_head = 32, .finalizing = 16},
    .interpreter = {.next = 0,
                    .threads_head = 8,
                    .threads_made = 3448,
                    .code_generation = PYTHON_ABSENT},
    .thread = {.next = 8,
               .interp = 16,
               .frame = 24,
               .base_frame = PYTHON_ABSENT,
               .cframe = PYTHON_ABSENT,
               .native_id = PYTHON_ABSENT,
               .pthread = 176,
               .chunk = PYTHON_ABSENT},
    .cframe = {.frame = PYTHON_ABSENT, .previous = PYTHON_ABSENT},
    .frame = {.code = 32,
              .previous = 24,
              .last = 96,
              .ip = PYTHON_ABSENT,
              .owner = PYTHON_ABSENT,
              .is_entry = PYTHON_ABSENT,
              .tlbc_index = PYTHON_ABSENT},
    .object = {.type = 8, .name = 24},
    .code = {.units = PYTHON_ABSENT,
             .first_line = 40,
             .first_traceable = PYTHON_ABSENT,
             .filename = 104,
             .qualname = 112,
             .linetable = 120,
             .instructions = PYTHON_ABSENT,
             .tlbc = PYTHON_ABSENT},
    .unicode = {.length = 16, .state = 32, .ascii_bytes = 48, .compact_bytes = 72},
    .bytes = {.size = 16, .data = 32},
    .gil = {.pointer = PYTHON_ABSENT, .enabled = PYTHON_ABSENT, .holder = 360, .locked = 368},
};

static const struct python_layout layout_3_11 = {
    .runtime = {.interpreters_head = 40, .finalizing = 24},
    .interpreter = {.next = 0,
                    .threads_head = 16,
                    .threads_made = 8,
                    .code_generation = PYTHON_ABSENT},
    .thread = {.next = 8,
               .interp = 16,
               .frame = PYTHON_ABSENT,
               .base_frame = PYTHON_ABSENT,
               .cframe = 56,
               .native_id = 160,
               .pthread = PYTHON_ABSENT,
               .chunk = 296},
    .cframe = {.frame = 8, .previous = 16},
    .frame = {.code = 32,
              .previous = 48,
              .last = PYTHON_ABSENT,
              .ip = 56,
              .owner = 69,
              .is_entry = 68,
              .tlbc_index = PYTHON_ABSENT},
    .object = {.type = 8, .name = 24},
    .code = {.units = 16,
             .first_line = 72,
             .first_traceable = 168,
             .filename = 112,
             .qualname = 128,
             .linetable = 136,
             .instructions = 184,
             .tlbc = PYTHON_ABSENT},
    .unicode = {.length = 16, .state = 32, .ascii_bytes = 48, .compact_bytes = 72},
    .bytes = {.size = 16, .data = 32},
    .gil = {.pointer = PYTHON_ABSENT, .enabled = PYTHON_ABSENT, .holder = 368, .locked = 376},
};

static const struct python_layout layout_3_12 = {
    .runtime = {.interpreters_head = 40, .finalizing = 24},
    .interpreter = {.next = 0,
                    .threads_head = 72,
                    .threads_made = 64,
                    .code_generation = PYTHON_ABSENT},
    .thread = {.next = 8,
               .interp = 16,
               .frame = PYTHON_ABSENT,
               .base_frame = PYTHON_ABSENT,
               .cframe = 56,
               .native_id = 144,
               .pthread = PYTHON_ABSENT,
               .chunk = 232},
    .cframe = {.frame = 0, .previous = 8},
    .frame = {.code = 0,
              .previous = 8,
              .last = PYTHON_ABSENT,
              .ip = 56,
              .owner = 70,
              .is_entry = PYTHON_ABSENT,
              .tlbc_index = PYTHON_ABSENT},
    .object = {.type = 8, .name = 24},
    .code = {.units = 16,
             .first_line = 68,
             .first_traceable = 176,
             .filename = 112,
             .qualname = 128,
             .linetable = 136,
             .instructions = 192,
             .tlbc = PYTHON_ABSENT},
    .unicode = {.length = 16, .state = 32, .ascii_bytes = 40, .compact_bytes = 56},
    .bytes = {.size = 16, .data = 32},
    .gil = {.pointer = 384, .enabled = PYTHON_ABSENT, .holder = 8, .locked = 16},
};

static const struct python_layout layout_3_13 = {
    .code = {.units = 16, .first_traceable = 184},
    .unicode = {.compact_bytes = 56},
};

static const struct python_layout layout_3_13t = {
    .code = {.units = 32, .first_traceable = 200},
    .unicode = {.compact_bytes = 72},
};

static const struct python_layout layout_3_14 = {
    .code = {.units = 16, .first_traceable = 192},
    .unicode = {.compact_bytes = 56},
};

static const struct python_layout layout_3_14t = {
    .code = {.units = 32, .first_traceable = 208},
    .unicode = {.compact_bytes = 72},
};

static const struct python_layout layout_3_15 = {
    .code = {.units = 16, .first_traceable = 192},
    .unicode = {.compact_bytes = 56},
};

static const struct python_layout layout_3_15t = {
    .code = {.units = 32, .first_traceable = 208},
    .unicode = {.compact_bytes = 72},
};

#endif
