// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs a fuzzer without libFuzzer: fuzz_NAME RUNS FILE... feeds it each file, and RUNS changed copies of each, the same
// ones every time. To see the run that crashed again: fuzz_NAME RUNS FILE, under a debugger.
#include <string.h>

#include "fuzz.h"

enum { MAX_BYTES = 1 << 16, MAX_EDITS = 6, MAX_SPAN = 32 };

// SplitMix64 (Steele, Lea, Flood, 2014).
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t limit)
{
    return limit ? draw(state) % limit : 0;
}

// Puts `text` over or, with make_room, into the bytes.
static size_t put(uint8_t *bytes, size_t size, size_t at, const char *text, int make_room)
{
    size_t length = strlen(text);
    if (make_room && size + length <= MAX_BYTES) {
        memmove(bytes + at + length, bytes + at, size - at);
        size += length;
    }
    memcpy(bytes + at, text, length < size - at ? length : size - at);
    return size;
}

// One change; returns the new size.
static size_t edit(uint8_t *bytes, size_t size, uint64_t *state)
{
    static const char *const words[] = {
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "null",
        "true",
        "-1",
        "0",
        "1e999",
        "9223372036854775807",
        "18446744073709551616",
        "4611686018427387904",
        "F32",
        "F16",
        "I64",
        "BF16",
        "{}",
        "[]",
        "\\u0000",
        "\xff",
        "\"a\":1,",
        "0.5",
    };
    size_t at = below(state, size), span = 1 + below(state, MAX_SPAN);
    if (size == 0)
        return put(bytes, 0, 0, "{}", 1);
    span = span < size - at ? span : size - at;
    switch (below(state, 6)) {
    case 0:
        bytes[at] ^= (uint8_t)(1 << below(state, 8));
        return size;
    case 1: // a digit becomes another, so that the syntax still holds
        while (at < size && (bytes[at] < '0' || bytes[at] > '9'))
            at++;
        if (at < size)
            bytes[at] = (uint8_t)('0' + below(state, 10));
        return size;
    case 2:
        memmove(bytes + at, bytes + at + span, size - at - span);
        return size - span;
    case 3: // bytes from elsewhere
        memmove(bytes + at, bytes + below(state, size - span + 1), span);
        return size;
    case 4:
        return below(state, 8) == 0 ? at : size;
    default:
        return put(bytes, size, at, words[below(state, sizeof words / sizeof *words)], (int)below(state, 2));
    }
}

// A heap block of the exact size, so that sanitizers see the first byte past it.
static void feed(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        exit(1);
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static size_t read_file(const char *path, uint8_t *bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    size_t size = fread(bytes, 1, MAX_BYTES, file);
    fclose(file);
    return size;
}

static void fuzz(const char *path, long runs)
{
    static uint8_t seed[MAX_BYTES], bytes[MAX_BYTES];
    size_t seed_size = read_file(path, seed);
    feed(seed, seed_size);
    for (long run = 0; run < runs; run++) {
        uint64_t state = (uint64_t)run;
        size_t size = seed_size;
        memcpy(bytes, seed, seed_size);
        for (size_t edits = 1 + below(&state, MAX_EDITS); edits > 0; edits--)
            size = edit(bytes, size, &state);
        feed(bytes, size);
    }
}

int main(int argc, char **argv)
{
    long runs = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    if (runs <= 0) {
        fprintf(stderr, "usage: %s RUNS FILE...\n", argv[0]);
        return 1;
    }
    for (int i = 2; i < argc; i++)
        fuzz(argv[i], runs);
    printf("%ld runs on each of %d files\n", runs, argc - 2);
    return 0;
}
