// SPDX-License-Identifier: LGPL-2.1-or-later
// For tokens.py: reads texts, each ended by a zero byte, and prints a line of ids for each; or, of prompts with
// weights, a line of ID:WEIGHT for all chunks of LENGTH tokens, after how many each has up to its end.
//     print_tokens FOLDER MOST <texts
//     print_tokens FOLDER chunks LENGTH <texts
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/emphasis.h"

static bool print_ids(const udm_tokenizer *tokenizer, const char *text, int most, udm_error *error)
{
    int *ids;
    size_t count;
    if (!udm_tokenizer_encode(tokenizer, text, (size_t)most, &ids, &count, error))
        return false;
    for (size_t i = 0; i < count; i++)
        printf("%d%c", ids[i], i + 1 < count ? ' ' : '\n');
    free(ids);
    return true;
}

// A prompt that is an error is a line "error".
static bool print_chunks(const udm_tokenizer *tokenizer, const char *text, int length, udm_error *error)
{
    udm_emphasis read;
    const bool good = udm_emphasis_read(&read, tokenizer, text, length, error);
    for (int i = 0; good && i < read.chunks; i++)
        printf("%d ", read.filled[i]);
    for (int i = 0; good && i < read.chunks * length; i++)
        printf("%d:%.9g ", read.ids[i], read.weights[i]);
    puts(good ? "" : "error");
    udm_emphasis_clear(&read);
    const bool goes_on = good || error->code == UDM_ERROR_SETTINGS;
    if (goes_on)
        *error = (udm_error){ 0 };
    return goes_on;
}

int main(int argc, char **argv)
{
    udm_error error = { 0 };
    const bool chunks = argc == 4 && strcmp(argv[2], "chunks") == 0;
    udm_tokenizer *tokenizer = chunks || argc == 3 ? udm_tokenizer_open(argv[1], &error) : NULL;
    char *text = NULL;
    size_t room = 0;
    while (tokenizer && getdelim(&text, &room, 0, stdin) > 0)
        if (!(chunks ? print_chunks : print_ids)(tokenizer, text, atoi(argv[argc - 1]), &error))
            break;
    free(text);
    udm_tokenizer_free(tokenizer);
    if (tokenizer && error.code == UDM_OK)
        return 0;
    fprintf(stderr, "print_tokens: %s\n", *error.message ? error.message : "print_tokens FOLDER MOST <texts");
    return 1;
}
