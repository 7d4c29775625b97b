// SPDX-License-Identifier: LGPL-2.1-or-later
// Prompts with weights, and of any length, in the syntax of AUTOMATIC1111's web UI:
//     (text)      times 1.1           [text]       divided by 1.1
//     (text:1.3)  times 1.3           BREAK        begins another chunk
// Brackets nest, and one that is not closed goes on to the end; \( \) \[ \] \: \\ are those characters. What has one
// weight is made tokens as one text. The tokens are cut into chunks, of 75 with CLIP, each of which gets a start and an
// end, is filled up with the padding, and goes through the text tower by itself; no chunk ends earlier for a comma.
// What the tower makes of a token is multiplied by its weight; then all of the chunk is multiplied by what brings back
// the mean of all its values.
#ifndef UDM_TEXT_EMPHASIS_H
#define UDM_TEXT_EMPHASIS_H

#include "text/tokenizer.h"

typedef struct udm_emphasis {
    int chunks;     // at least one
    int length;     // tokens of each, start, end and padding among them
    int *ids;       // [chunks, length]
    float *weights; // [chunks, length]
    int *filled;    // [chunks]: tokens up to the end
} udm_emphasis;

// length: at least 3. Errors: SETTINGS (not UTF-8, or a weight that is none), MEMORY. The caller clears *to, also then.
bool udm_emphasis_read(udm_emphasis *to, const udm_tokenizer *tokenizer, const char *prompt, int length,
                       udm_error *error);
void udm_emphasis_clear(udm_emphasis *emphasis);

// What the tower made of a chunk, [width, 1, count]; weights: [count].
void udm_emphasis_apply(const float *weights, int count, int width, float *tokens);

#endif
