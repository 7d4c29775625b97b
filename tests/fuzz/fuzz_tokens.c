// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes the tokenizer: the bytes up to the first zero are a text, and those after it, if any, are its merges.txt. The
// text is also taken for a prompt that has weights, and for one that changes from frame to frame.
#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "text/emphasis.h"
#include "text/travel.h"

static char folder[64];

static void write_file(const char *name, const void *bytes, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    remove(path); // ext4 syncs a file that is cut and written again, but not a new one
    FILE *file = fopen(path, "wb");
    if (!file || (size > 0 && fwrite(bytes, size, 1, file) != 1) || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void remove_folder(void)
{
    static const char *const names[] = { "vocab.json", "merges.txt" };
    char path[128];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        remove(path);
    }
    remove(folder);
}

static void make_folder(void)
{
    static const char vocab[] = "{\"a\":0,\"b\":1,\"a</w>\":2,\"b</w>\":3,\"ab\":4,\"ab</w>\":5,\"aab</w>\":6,"
                                "\"abab\":7,\"<|startoftext|>\":8,\"<|endoftext|>\":9}";
    snprintf(folder, sizeof folder, "/tmp/udm-fuzz-XXXXXX");
    if (!mkdtemp(folder)) {
        perror(folder);
        exit(1);
    }
    atexit(remove_folder);
    write_file("vocab.json", vocab, strlen(vocab));
}

static void encode(const udm_tokenizer *tokenizer, const char *text)
{
    int *ids;
    size_t count;
    for (size_t most = 0; most <= 8; most += 4)
        if (udm_tokenizer_encode(tokenizer, text, most, &ids, &count, NULL)) {
            for (size_t i = 0; i < count; i++)
                if (ids[i] < 0 || ids[i] >= udm_tokenizer_size(tokenizer) || (most && count > most))
                    abort();
            free(ids);
        }
}

// Every chunk has its end, and weights are those that are allowed.
static void emphasise(const udm_tokenizer *tokenizer, const char *text)
{
    udm_emphasis read;
    enum { LENGTH = 5 };
    if (udm_emphasis_read(&read, tokenizer, text, LENGTH, NULL)) {
        if (read.chunks < 1)
            abort();
        for (int i = 0; i < read.chunks; i++)
            if (read.filled[i] < 2 || read.filled[i] > LENGTH ||
                read.ids[i * LENGTH + read.filled[i] - 1] != udm_tokenizer_end(tokenizer))
                abort();
        for (int i = 0; i < read.chunks * LENGTH; i++)
            if (read.ids[i] < 0 || read.ids[i] >= udm_tokenizer_size(tokenizer) || !(fabsf(read.weights[i]) <= 100))
                abort();
    }
    udm_emphasis_clear(&read);
}

static void travel(const char *text)
{
    udm_travel found;
    for (uint64_t frame = 0; frame < 100; frame += 33) {
        if (udm_travel_at(text, frame, &found, NULL) && (!found.from || !(found.share >= 0 && found.share < 1)))
            abort();
        udm_travel_clear(&found);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static udm_tokenizer *usual; // with good merges
    static const char merges[] = "a b\na b</w>\na ab</w>\nab ab\n";
    if (!*folder)
        make_folder();
    char *text = malloc(size + 1);
    if (!text)
        exit(1);
    memcpy(text, bytes, size);
    text[size] = 0;
    const size_t length = strlen(text);
    travel(text);
    if (!usual) {
        write_file("merges.txt", merges, strlen(merges));
        usual = udm_tokenizer_open(folder, NULL);
    }
    udm_tokenizer *other = NULL;
    if (length < size) {
        write_file("merges.txt", text + length + 1, size - length - 1);
        other = udm_tokenizer_open(folder, NULL);
    }
    if (length == size || other) {
        encode(other ? other : usual, text);
        emphasise(other ? other : usual, text);
    }
    udm_tokenizer_free(other);
    free(text);
    return 0;
}
