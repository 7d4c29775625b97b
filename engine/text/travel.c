// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the lines before and after a frame.
#include "text/travel.h"

#include <stdlib.h>
#include <string.h>

// A line of a prompt: the text from a frame on.
typedef struct key {
    uint64_t frame;
    const char *text; // NULL: there is none
    size_t size;
} key;

static const char *skip_spaces(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

// Whether the line is "FRAME: text".
static bool read_key(const char *line, const char *end, key *to)
{
    const char *at = skip_spaces(line, end), *digits = at;
    *to = (key){ 0 };
    for (; at < end && *at >= '0' && *at <= '9' && at - digits < 18; at++)
        to->frame = 10 * to->frame + (uint64_t)(*at - '0');
    if (at == digits)
        return false;
    at = skip_spaces(at, end);
    if (at == end || *at != ':')
        return false;
    to->text = skip_spaces(at + 1, end);
    while (end > to->text && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    to->size = (size_t)(end - to->text);
    return true;
}

static bool is_empty(const char *line, const char *end)
{
    return skip_spaces(line, end) == end;
}

static bool keep(char **to, const char *text, size_t size, udm_error *error)
{
    *to = strndup(text, size);
    return *to || udm_fail(error, UDM_ERROR_MEMORY, "no memory for a prompt");
}

// The keys of the lines at and after a frame; where none is at it, the first is both.
static bool find_keys(const char *prompt, uint64_t frame, key *before, key *after, bool *travels, udm_error *error)
{
    int number = 0;
    *travels = false;
    for (const char *line = prompt, *end; *line; line = *end ? end + 1 : end) {
        key found;
        end = line + strcspn(line, "\n");
        number++;
        if (is_empty(line, end))
            continue;
        const bool is_key = read_key(line, end, &found);
        if (!*travels && !is_key)
            return true; // one text
        if (!is_key)
            return udm_fail(error, UDM_ERROR_SETTINGS,
                            "line %d of the prompt is not \"FRAME: text\", as the lines before it are", number);
        *travels = true;
        if (found.frame <= frame && (!before->text || found.frame >= before->frame))
            *before = found;
        if (found.frame > frame && (!after->text || found.frame < after->frame))
            *after = found;
    }
    return true;
}

bool udm_travel_at(const char *prompt, uint64_t frame, udm_travel *travel, udm_error *error)
{
    key before = { 0 }, after = { 0 };
    bool travels;
    *travel = (udm_travel){ 0 };
    if (!find_keys(prompt, frame, &before, &after, &travels, error))
        return false;
    if (!travels)
        return keep(&travel->from, prompt, strlen(prompt), error);
    const key *first = before.text ? &before : &after;
    if (!keep(&travel->from, first->text, first->size, error))
        return false;
    if (!before.text || !after.text || before.frame == frame)
        return true;
    travel->share = (double)(frame - before.frame) / (double)(after.frame - before.frame);
    return keep(&travel->to, after.text, after.size, error);
}

void udm_travel_clear(udm_travel *travel)
{
    free(travel->from);
    free(travel->to);
    *travel = (udm_travel){ 0 };
}
