/* What every unit test includes: cmocka and what its header needs before it. */
#ifndef MEMSAMPLE_TESTS_TEST_H
#define MEMSAMPLE_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#endif
