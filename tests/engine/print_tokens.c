// SPDX-License-Identifier: LGPL-2.1-or-later
// For tokens.py: reads texts, each ended by a zero byte, and prints a line of ids for each.
//     print_tokens FOLDER MOST <texts
#include <stdio.h>
#include <stdlib.h>

#include "text/tokenizer.h"

int main(int argc, char **argv)
{
    udm_error error = { 0 };
    udm_tokenizer *tokenizer = argc == 3 ? udm_tokenizer_open(argv[1], &error) : NULL;
    char *text = NULL;
    size_t room = 0;
    while (tokenizer && getdelim(&text, &room, 0, stdin) > 0) {
        int *ids;
        size_t count;
        if (!udm_tokenizer_encode(tokenizer, text, (size_t)atoi(argv[2]), &ids, &count, &error))
            break;
        for (size_t i = 0; i < count; i++)
            printf("%d%c", ids[i], i + 1 < count ? ' ' : '\n');
        free(ids);
    }
    free(text);
    udm_tokenizer_free(tokenizer);
    if (tokenizer && error.code == UDM_OK)
        return 0;
    fprintf(stderr, "print_tokens: %s\n", *error.message ? error.message : "print_tokens FOLDER MOST <texts");
    return 1;
}
