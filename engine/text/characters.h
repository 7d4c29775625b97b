// SPDX-License-Identifier: LGPL-2.1-or-later
// Characters as CLIP's tokenizer sees them: composed and in lower case, and their classes.
#ifndef UDM_TEXT_CHARACTERS_H
#define UDM_TEXT_CHARACTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "udm/error.h"

typedef enum udm_character_class { UDM_SPACE, UDM_LETTER, UDM_NUMBER, UDM_SIGN } udm_character_class;

// Letters and numbers by their general category, spaces by White_Space, U+0085 among them; all else are signs.
udm_character_class udm_character_class_of(int32_t character);

// `size` bytes of UTF-8 in normal form C, each run of spaces as one space, in lower case, character by character and so
// without regard to what stands beside it. The caller frees *out. Errors: SETTINGS (this is not UTF-8), MEMORY.
bool udm_characters_normalise(const char *text, size_t size, char **out, size_t *count, udm_error *error);

// The first character of valid UTF-8, and of how many bytes it is.
int32_t udm_character_read(const char *text, size_t size, size_t *bytes);

// The bytes of one in UTF-8; how many there are.
int udm_character_write(int32_t character, unsigned char bytes[4]);

#endif
