// SPDX-License-Identifier: LGPL-2.1-or-later
// A prompt to pieces of one weight, pieces to tokens, and tokens to chunks.
#include "text/emphasis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double STEP = 1.1;        // of a bracket without a number
static const double MOST_WEIGHT = 100; // 1.1 to the 48th

typedef struct piece {
    size_t first, size; // in parsing.text
    double weight;
    bool breaks; // it is a BREAK, and no text
} piece;

typedef struct bracket {
    size_t *opened; // the piece that comes after each open one
    size_t count;
} bracket;

typedef struct parsing {
    char *text; // without brackets
    size_t written;
    piece *pieces;
    size_t count;
    bracket round, square;
    udm_error *error;
} parsing;

// ---- pieces

static void add_piece(parsing *p, const char *text, size_t size, bool breaks)
{
    p->pieces[p->count++] = (piece){ p->written, size, 1, breaks };
    memcpy(p->text + p->written, text, size);
    p->written += size;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

// Where a BREAK that stands alone begins, or the end.
static size_t find_break(const char *text, size_t size)
{
    static const char word[] = "BREAK";
    const size_t length = sizeof word - 1;
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(text + i, word, length) == 0 && (i == 0 || !is_word(text[i - 1])) &&
            (i + length == size || !is_word(text[i + length])))
            return i;
    return size;
}

// Text that holds none of \ ( ) [ ] :
static void add_run(parsing *p, const char *text, size_t size)
{
    for (size_t at; (at = find_break(text, size)) < size; text += at + 5, size -= at + 5) {
        add_piece(p, text, at, false);
        add_piece(p, text, 0, true);
    }
    add_piece(p, text, size, false);
}

static void open_bracket(bracket *b, const parsing *p)
{
    b->opened[b->count++] = p->count;
}

static void close_bracket(bracket *b, parsing *p, double factor)
{
    for (size_t i = b->opened[--b->count]; i < p->count; i++)
        p->pieces[i].weight *= factor;
}

// Bytes of ": 1.3 )", and where its number is; 0: it is something else.
static size_t weight_size(const char *text, const char **number)
{
    const char *at = text + 1 + strspn(text + 1, " \t\r\n");
    *number = at;
    at += *at == '+' || *at == '-';
    const size_t digits = strspn(at, ".0123456789");
    at += digits;
    at += strspn(at, " \t\r\n");
    return digits > 0 && *at == ')' ? (size_t)(at + 1 - text) : 0;
}

// Whatever the locale. False where there is more than one point, or no digit.
static bool read_number(const char *text, double *number)
{
    const bool negative = *text == '-';
    double scale = 1;
    int points = 0, digits = 0;
    *number = 0;
    for (text += *text == '-' || *text == '+'; (*text >= '0' && *text <= '9') || *text == '.'; text++)
        if (*text == '.') {
            points++;
        } else {
            *number = 10 * *number + (*text - '0');
            scale *= points ? 10 : 1;
            digits++;
        }
    *number /= negative ? -scale : scale;
    return points < 2 && digits > 0;
}

// *text: at a colon.
static bool read_colon(parsing *p, const char **text)
{
    const char *number;
    double weight;
    const size_t size = weight_size(*text, &number);
    if (size == 0 || p->round.count == 0) {
        add_piece(p, *text, size ? size : 1, false);
        *text += size ? size : 1;
        return true;
    }
    if (!read_number(number, &weight))
        return udm_fail(p->error, UDM_ERROR_SETTINGS,
                        "a weight of the prompt is no number: \"%.*s\"; write \\( and \\) for brackets that are text",
                        (int)(size < 40 ? size : 40), *text);
    *text += size;
    close_bracket(&p->round, p, weight);
    return true;
}

// One bracket, run, ... of the prompt.
static bool read_next(parsing *p, const char **text)
{
    static const char special[] = "\\()[]:";
    const char c = **text;
    if (c == ':')
        return read_colon(p, text);
    if (!strchr(special, c)) {
        const size_t size = strcspn(*text, special);
        add_run(p, *text, size);
        *text += size;
        return true;
    }
    if (c == '\\' && (*text)[1] && strchr(special, (*text)[1]))
        add_piece(p, ++*text, 1, false);
    else if (c == '(' || c == '[')
        open_bracket(c == '(' ? &p->round : &p->square, p);
    else if (c == ')' && p->round.count > 0)
        close_bracket(&p->round, p, STEP);
    else if (c == ']' && p->square.count > 0)
        close_bracket(&p->square, p, 1 / STEP);
    else if (c != '\\')
        add_piece(p, *text, 1, false);
    ++*text;
    return true;
}

// Neighbours of one weight become one, as they lie side by side in the text.
static bool settle(parsing *p)
{
    size_t kept = 0;
    while (p->round.count > 0)
        close_bracket(&p->round, p, STEP);
    while (p->square.count > 0)
        close_bracket(&p->square, p, 1 / STEP);
    for (size_t i = 0; i < p->count; i++) {
        const piece *next = &p->pieces[i];
        if (!(fabs(next->weight) <= MOST_WEIGHT))
            return udm_fail(p->error, UDM_ERROR_SETTINGS, "a weight of %g in the prompt: it must be %g to %g",
                            next->weight, -MOST_WEIGHT, MOST_WEIGHT);
        piece *last = kept > 0 ? &p->pieces[kept - 1] : NULL;
        if (last && !last->breaks && !next->breaks && last->weight == next->weight)
            last->size += next->size;
        else
            p->pieces[kept++] = *next;
    }
    p->count = kept;
    return true;
}

static bool parse(parsing *p, const char *prompt)
{
    const size_t length = strlen(prompt);
    p->text = malloc(length + 1);
    p->pieces = malloc((length + 1) * sizeof *p->pieces); // each takes a byte at least
    p->round.opened = malloc((length + 1) * sizeof *p->round.opened);
    p->square.opened = malloc((length + 1) * sizeof *p->square.opened);
    if (!p->text || !p->pieces || !p->round.opened || !p->square.opened)
        return udm_fail(p->error, UDM_ERROR_MEMORY, "no memory for a prompt of %zu bytes", length);
    while (*prompt)
        if (!read_next(p, &prompt))
            return false;
    return settle(p);
}

// ---- chunks

typedef struct filling {
    udm_emphasis *to;
    const udm_tokenizer *tokenizer;
    udm_error *error;
    bool breaks; // the next token begins a chunk; so one at the very end begins none
} filling;

static bool begin_chunk(filling *f)
{
    udm_emphasis *to = f->to;
    const size_t length = (size_t)to->length, room = (size_t)(to->chunks + 1) * length;
    int *ids = realloc(to->ids, room * sizeof *ids);
    to->ids = ids ? ids : to->ids;
    float *weights = realloc(to->weights, room * sizeof *weights);
    to->weights = weights ? weights : to->weights;
    int *filled = realloc(to->filled, ((size_t)to->chunks + 1) * sizeof *filled);
    to->filled = filled ? filled : to->filled;
    if (!ids || !weights || !filled)
        return udm_fail(f->error, UDM_ERROR_MEMORY, "no memory for the tokens of a text");
    ids += room - length, weights += room - length;
    for (size_t i = 0; i < length; i++)
        ids[i] = udm_tokenizer_pad(f->tokenizer), weights[i] = 1;
    ids[0] = udm_tokenizer_begin(f->tokenizer);
    ids[1] = udm_tokenizer_end(f->tokenizer);
    filled[to->chunks++] = 2;
    f->breaks = false;
    return true;
}

static bool add_token(filling *f, int id, double weight)
{
    udm_emphasis *to = f->to;
    if ((f->breaks || to->filled[to->chunks - 1] == to->length) && !begin_chunk(f))
        return false;
    const size_t at = (size_t)(to->chunks - 1) * to->length + to->filled[to->chunks - 1]++;
    to->ids[at - 1] = id, to->weights[at - 1] = (float)weight;
    to->ids[at] = udm_tokenizer_end(f->tokenizer);
    return true;
}

static bool add_tokens(filling *f, const char *text, size_t size, double weight)
{
    int *ids = NULL;
    size_t count = 0;
    bool good = udm_tokenizer_encode_part(f->tokenizer, text, size, &ids, &count, f->error);
    for (size_t i = 0; good && i < count; i++)
        good = add_token(f, ids[i], weight);
    free(ids);
    return good;
}

static bool fill_chunks(filling *f, const parsing *p)
{
    bool good = begin_chunk(f);
    for (size_t i = 0; good && i < p->count; i++) {
        const piece *next = &p->pieces[i];
        if (!next->breaks)
            good = add_tokens(f, p->text + next->first, next->size, next->weight);
        else if (f->breaks)
            good = begin_chunk(f);
        f->breaks |= next->breaks;
    }
    return good;
}

bool udm_emphasis_read(udm_emphasis *to, const udm_tokenizer *tokenizer, const char *prompt, int length,
                       udm_error *error)
{
    parsing p = { .error = error };
    filling f = { .to = to, .tokenizer = tokenizer, .error = error };
    *to = (udm_emphasis){ .length = length };
    const bool good = parse(&p, prompt) && fill_chunks(&f, &p);
    free(p.text);
    free(p.pieces);
    free(p.round.opened);
    free(p.square.opened);
    return good;
}

void udm_emphasis_clear(udm_emphasis *emphasis)
{
    free(emphasis->ids);
    free(emphasis->weights);
    free(emphasis->filled);
    *emphasis = (udm_emphasis){ 0 };
}

void udm_emphasis_apply(const float *weights, int count, int width, float *tokens)
{
    double before = 0, after = 0;
    bool weighted = false;
    for (int t = 0; t < count; t++)
        weighted |= weights[t] != 1;
    for (int c = 0; weighted && c < width; c++)
        for (int t = 0; t < count; t++) {
            float *value = tokens + (size_t)c * count + t;
            before += *value;
            *value *= weights[t];
            after += *value;
        }
    const double scale = weighted && after != 0 ? before / after : 1;
    for (size_t i = 0; weighted && i < (size_t)width * count; i++)
        tokens[i] = (float)(tokens[i] * scale);
}
