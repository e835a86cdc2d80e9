/* Memory that C code takes by itself, for tests/truth/targets. Loaded with ctypes. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096

static void spin(long turns)
{
    for (volatile long i = 0; i < turns; i++)
        ;
}

/* Memory of `bytes`, every page touched, with work before each page. */
void *truth_grow(size_t bytes, long turns)
{
    char *memory = malloc(bytes);
    if (!memory)
        return NULL;
    memory[bytes - 1] = 1;
    for (size_t at = 0; at < bytes; at += PAGE) {
        spin(turns);
        memory[at] = 1;
    }
    return memory;
}

/* Takes and lets go of memory, and keeps nothing. */
void truth_churn(size_t bytes, long turns)
{
    free(truth_grow(bytes, turns));
}

struct growth {
    size_t bytes, blocks;
    long turns;
};

static void *grow_blocks(void *argument)
{
    struct growth growth = *(struct growth *)argument;
    intptr_t missing = 0;
    for (size_t i = 0; i < growth.blocks; i++)
        missing += !truth_grow(growth.bytes, growth.turns);
    return (void *)missing;
}

/* A thread that Python knows nothing of takes `blocks` of `bytes`; returns how many it could not have. */
long truth_thread(size_t bytes, size_t blocks, long turns)
{
    struct growth growth = {.bytes = bytes, .blocks = blocks, .turns = turns};
    pthread_t thread;
    void *missing = NULL;
    if (pthread_create(&thread, NULL, grow_blocks, &growth))
        return (long)blocks;
    pthread_join(thread, &missing);
    return (long)(intptr_t)missing;
}
