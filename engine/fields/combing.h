// SPDX-License-Identifier: LGPL-2.1-or-later
// What is seen of whether two fields are of one picture: woven, they do not look like a comb where something moves.
#ifndef UDM_FIELDS_COMBING_H
#define UDM_FIELDS_COMBING_H

#include <stddef.h>

#include "base/threads.h"
#include "udm/error.h"

typedef struct udm_combing udm_combing;

// Of fields of luma, [rows, width]. The pool is borrowed. NULL with MEMORY.
udm_combing *udm_combing_new(int width, int rows, udm_pool *pool, udm_error *error);
void udm_combing_free(udm_combing *combing); // NULL is fine
void udm_combing_reset(udm_combing *combing);
size_t udm_combing_memory(const udm_combing *combing);

// Where the luma of the next field goes, in codes of 8 bits, before udm_combing_add() is called.
float *udm_combing_field(udm_combing *combing);
// parity: 0 the top field, 1 the bottom one.
void udm_combing_add(udm_combing *combing, int parity);
// The field before the last is shown again.
void udm_combing_repeat(udm_combing *combing);

// Of the two fields before the last one that was added, or, once no more follow, of the last two: from -1, they fit, to
// 1, they do not. 0: it is not to be seen, as nothing moves.
float udm_combing_seen(const udm_combing *combing, int fields_after);

#endif
