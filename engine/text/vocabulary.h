// SPDX-License-Identifier: LGPL-2.1-or-later
// The files of a CLIP tokenizer: vocab.json and merges.txt, or tokenizer.json, which holds both, and
// tokenizer_config.json and special_tokens_map.json, which name the special tokens.
#ifndef UDM_TEXT_VOCABULARY_H
#define UDM_TEXT_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "udm/error.h"

// Two neighbours that become one token; the lower the rank, the earlier.
typedef struct udm_merge {
    int left, right, rank, result;
} udm_merge;

// A token that is found in the text itself, before it is divided into words.
typedef struct udm_added_token {
    char *text;
    int id;
    bool normalized; // it is looked for in what the text became in lower case
} udm_added_token;

enum { UDM_ADDED_TOKENS = 64 };

typedef struct udm_vocabulary {
    int letters[2][256]; // tokens of a byte: within a word, and at its end; -1: there is none
    udm_merge *merges;   // a hash table of `room` places, a power of two; rank -1: empty
    size_t room, count;
    udm_added_token added[UDM_ADDED_TOKENS]; // `normalized` ones are in lower case
    int added_count;
    int begin, end, unknown, pad;
    int length; // tokens of a text, at most; 0: not said
    int size;   // ids are below
} udm_vocabulary;

// Errors name the file: NOT_FOUND, UNREADABLE, CORRUPT, UNSUPPORTED (a tokenizer of another kind), MEMORY.
bool udm_vocabulary_read(udm_vocabulary *vocabulary, const char *folder, udm_error *error);
void udm_vocabulary_clear(udm_vocabulary *vocabulary);

// NULL if the two do not merge.
const udm_merge *udm_vocabulary_merge(const udm_vocabulary *vocabulary, int left, int right);

#endif
