// SPDX-License-Identifier: LGPL-2.1-or-later
// Characters by utf8proc.
#include "text/characters.h"

#include <stdlib.h>
#include <utf8proc.h>

enum { DOTTED_CAPITAL_I = 0x130, COMBINING_DOT_ABOVE = 0x307 }; // the one character whose lower case is two

static bool is_space(int32_t c)
{
    return (c >= 0x9 && c <= 0xd) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

udm_character_class udm_character_class_of(int32_t character)
{
    if (is_space(character))
        return UDM_SPACE;
    switch (utf8proc_category(character)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return UDM_LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return UDM_NUMBER;
    default:
        return UDM_SIGN;
    }
}

// Code points in normal form C; NULL with *error.
static int32_t *compose(const char *text, size_t size, size_t *count, udm_error *error)
{
    const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text;
    const utf8proc_ssize_t room = utf8proc_decompose(bytes, (utf8proc_ssize_t)size, NULL, 0, options);
    int32_t *characters = room < 0 ? NULL : malloc(((size_t)room + 1) * sizeof *characters);
    if (room == UTF8PROC_ERROR_INVALIDUTF8) {
        udm_fail(error, UDM_ERROR_SETTINGS, "the text is not valid UTF-8");
    } else if (!characters) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a text of %zu bytes", size);
    } else {
        utf8proc_decompose(bytes, (utf8proc_ssize_t)size, characters, room, options);
        *count = (size_t)utf8proc_normalize_utf32(characters, room, options);
    }
    return characters;
}

static size_t put(char *out, int32_t character)
{
    return (size_t)udm_character_write(character, (unsigned char *)out);
}

bool udm_characters_normalise(const char *text, size_t size, char **out, size_t *count, udm_error *error)
{
    size_t composed = 0, written = 0;
    int32_t *all = compose(text, size, &composed, error);
    char *to = *out = all ? malloc(4 * composed + 1) : NULL; // at most four bytes of a character, and of that one
    if (all && !to)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a text of %zu bytes", size);
    for (size_t i = 0; to && i < composed; i++) {
        if (is_space(all[i])) {
            if (written == 0 || to[written - 1] != ' ')
                to[written++] = ' ';
        } else if (all[i] == DOTTED_CAPITAL_I) {
            written += put(to + written, 'i');
            written += put(to + written, COMBINING_DOT_ABOVE);
        } else {
            written += put(to + written, utf8proc_tolower(all[i]));
        }
    }
    free(all);
    *count = written;
    return to != NULL;
}

int32_t udm_character_read(const char *text, size_t size, size_t *bytes)
{
    int32_t character;
    *bytes = (size_t)utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, &character);
    return character;
}

int udm_character_write(int32_t character, unsigned char bytes[4])
{
    return (int)utf8proc_encode_char(character, bytes);
}
