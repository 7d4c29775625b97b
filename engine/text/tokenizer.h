// SPDX-License-Identifier: LGPL-2.1-or-later
// CLIP's tokenizer (Radford et al. 2021): byte-level pair encoding (Sennrich et al. 2016) of words in lower case.
// Immutable once open, so threads may share it.
#ifndef UDM_TEXT_TOKENIZER_H
#define UDM_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "udm/error.h"

typedef struct udm_tokenizer udm_tokenizer;

// folder: with vocab.json and merges.txt, or tokenizer.json. Errors: those of udm_vocabulary_read().
udm_tokenizer *udm_tokenizer_open(const char *folder, udm_error *error);
void udm_tokenizer_free(udm_tokenizer *tokenizer); // NULL is fine

int udm_tokenizer_length(const udm_tokenizer *tokenizer); // tokens of a text, at most; 0: not said
int udm_tokenizer_size(const udm_tokenizer *tokenizer);   // ids are below
int udm_tokenizer_begin(const udm_tokenizer *tokenizer);  // the ids of the start and end of a text,
int udm_tokenizer_end(const udm_tokenizer *tokenizer);
int udm_tokenizer_pad(const udm_tokenizer *tokenizer); // and of what shorter texts are filled up with

// The ids of a text, from the token of the start to that of the end. most: of them, at least 2, or 0 for any; of a
// longer text the first are taken, and the end. The caller frees *ids. Errors: SETTINGS (not UTF-8), MEMORY.
bool udm_tokenizer_encode(const udm_tokenizer *tokenizer, const char *text, size_t most, int **ids, size_t *count,
                          udm_error *error);

// ... and those of `size` bytes within a text, all of them, without start and end; *ids may be NULL where none are.
bool udm_tokenizer_encode_part(const udm_tokenizer *tokenizer, const char *text, size_t size, int **ids, size_t *count,
                               udm_error *error);

#endif
