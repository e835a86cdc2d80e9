/* Runs a fuzz target without libFuzzer, so that it is an ordinary test under any compiler.
 *
 *     fuzz-X FILE...              runs each file
 *     fuzz-X -n COUNT [-s SEED]   runs pseudo-random inputs; the same seed gives the same inputs */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/file.h"

#define INPUT_BYTES_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* xorshift64* (Vigna 2014): the same everywhere, unlike rand(3). */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static void run_random(unsigned long count, uint64_t seed)
{
    uint64_t state = seed * 2 + 1;
    for (unsigned long i = 0; i < count; i++) {
        /* From malloc and of the exact size, so that a sanitizer sees one byte too far. */
        size_t size = next_random(&state) % INPUT_BYTES_MAX;
        uint8_t *data = malloc(size ? size : 1);
        if (!data)
            abort();
        /* Each input has its own share of small bytes, which structured formats like better. */
        unsigned small_of_eight = (unsigned)(next_random(&state) % 8);
        for (size_t k = 0; k < size; k++) {
            uint64_t value = next_random(&state);
            data[k] = (uint8_t)(value >> 60 < 2 * small_of_eight ? value >> 8 & 15 : value >> 8);
        }
        LLVMFuzzerTestOneInput(data, size);
        free(data);
    }
}

int main(int argc, char **argv)
{
    unsigned long count = 0, seed = 1;
    int option;
    while ((option = getopt(argc, argv, "n:s:")) != -1) {
        if (option == 'n')
            count = strtoul(optarg, NULL, 10);
        else if (option == 's')
            seed = strtoul(optarg, NULL, 10);
        else
            return 2;
    }
    for (int i = optind; i < argc; i++) {
        _cleanup_(freep) char *text = NULL;
        size_t length;
        if (file_read(argv[i], &text, &length) < 0) {
            perror(argv[i]);
            return 1;
        }
        LLVMFuzzerTestOneInput((const uint8_t *)text, length);
    }
    run_random(count, seed);
    return 0;
}
