// SPDX-License-Identifier: LGPL-2.1-or-later
// Text to added tokens and words, words to bytes, bytes to tokens: pairs of neighbours are merged, that of the lowest
// rank first, and of those the leftmost.
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "text/characters.h"
#include "text/vocabulary.h"

struct udm_tokenizer {
    udm_vocabulary vocabulary;
};

udm_tokenizer *udm_tokenizer_open(const char *folder, udm_error *error)
{
    udm_tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (!tokenizer)
        udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for a tokenizer", folder);
    if (tokenizer && udm_vocabulary_read(&tokenizer->vocabulary, folder, error))
        return tokenizer;
    free(tokenizer);
    return NULL;
}

void udm_tokenizer_free(udm_tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    udm_vocabulary_clear(&tokenizer->vocabulary);
    free(tokenizer);
}

int udm_tokenizer_length(const udm_tokenizer *tokenizer)
{
    return tokenizer->vocabulary.length;
}

int udm_tokenizer_size(const udm_tokenizer *tokenizer)
{
    return tokenizer->vocabulary.size;
}

int udm_tokenizer_begin(const udm_tokenizer *tokenizer)
{
    return tokenizer->vocabulary.begin;
}

int udm_tokenizer_end(const udm_tokenizer *tokenizer)
{
    return tokenizer->vocabulary.end;
}

int udm_tokenizer_pad(const udm_tokenizer *tokenizer)
{
    return tokenizer->vocabulary.pad;
}

// ---- what is written

typedef struct output {
    const udm_vocabulary *vocabulary;
    int *ids;
    size_t count, room, most; // most: of the ids between start and end
    udm_error *error;
} output;

// Once there are enough, more are dropped.
static bool put(output *to, int id)
{
    if (to->count == to->room) {
        const size_t room = to->room ? 2 * to->room : 96;
        int *more = realloc(to->ids, room * sizeof *more);
        if (!more)
            return udm_fail(to->error, UDM_ERROR_MEMORY, "no memory for the tokens of a text");
        to->ids = more, to->room = room;
    }
    to->ids[to->count++] = id;
    return true;
}

static bool is_full(const output *to)
{
    return to->count > to->most; // the start is one of them
}

// ---- a word

// The tokens of a word, in a list, and the merges that wait, in a heap.
typedef struct symbol {
    int id, before, after; // indices; -1: none
    bool gone;
} symbol;

typedef struct waiting {
    int rank, at, result;
} waiting;

typedef struct word {
    const udm_vocabulary *vocabulary;
    symbol *symbols;
    waiting *heap;
    size_t waits;
} word;

static bool is_before(const waiting *a, const waiting *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void push(word *of, waiting w)
{
    size_t i = of->waits++;
    for (; i > 0 && is_before(&w, &of->heap[(i - 1) / 2]); i = (i - 1) / 2)
        of->heap[i] = of->heap[(i - 1) / 2];
    of->heap[i] = w;
}

static waiting pop(word *of)
{
    const waiting first = of->heap[0], last = of->heap[--of->waits];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < of->waits; i = child) {
        child += child + 1 < of->waits && is_before(&of->heap[child + 1], &of->heap[child]);
        if (!is_before(&of->heap[child], &last))
            break;
        of->heap[i] = of->heap[child];
    }
    of->heap[i] = last;
    return first;
}

// at: the left one of two; it may be none, or the last.
static void push_pair(word *of, int at)
{
    if (at < 0 || of->symbols[at].after < 0)
        return;
    const udm_merge *merge =
        udm_vocabulary_merge(of->vocabulary, of->symbols[at].id, of->symbols[of->symbols[at].after].id);
    if (merge)
        push(of, (waiting){ merge->rank, at, merge->result });
}

static void merge_all(word *of)
{
    while (of->waits > 0) {
        const waiting w = pop(of);
        symbol *left = &of->symbols[w.at];
        if (left->gone || left->after < 0)
            continue;
        symbol *right = &of->symbols[left->after];
        const udm_merge *merge = udm_vocabulary_merge(of->vocabulary, left->id, right->id);
        if (!merge || merge->result != w.result)
            continue; // it is of tokens that are no more
        left->id = merge->result;
        left->after = right->after;
        right->gone = true;
        if (left->after >= 0)
            of->symbols[left->after].before = w.at;
        push_pair(of, left->before);
        push_pair(of, w.at);
    }
}

static bool put_word(output *to, const char *bytes, size_t size)
{
    const udm_vocabulary *vocabulary = to->vocabulary;
    word of = { .vocabulary = vocabulary };
    of.symbols = malloc(size * sizeof *of.symbols);
    of.heap = malloc(3 * size * sizeof *of.heap); // one for each pair, and two for each merge
    bool good = of.symbols && of.heap;
    if (!good)
        udm_fail(to->error, UDM_ERROR_MEMORY, "no memory for the tokens of a text");
    for (size_t i = 0; good && i < size; i++) {
        const int id = vocabulary->letters[i + 1 == size][(unsigned char)bytes[i]];
        of.symbols[i] =
            (symbol){ id < 0 ? vocabulary->unknown : id, (int)i - 1, i + 1 < size ? (int)i + 1 : -1, false };
    }
    for (size_t i = 0; good && i < size; i++)
        push_pair(&of, (int)i);
    if (good)
        merge_all(&of);
    for (int i = 0; good && i >= 0 && !is_full(to); i = of.symbols[i].after)
        good = put(to, of.symbols[i].id);
    free(of.symbols);
    free(of.heap);
    return good;
}

// ---- words of a text

static bool starts(const char *text, size_t size, const char *with)
{
    const size_t length = strlen(with);
    return length <= size && memcmp(text, with, length) == 0;
}

// Characters of one class, from the first.
static size_t run_of(const char *text, size_t size, udm_character_class class)
{
    size_t at = 0, bytes;
    while (at < size && udm_character_class_of(udm_character_read(text + at, size - at, &bytes)) == class)
        at += bytes;
    return at;
}

// Bytes of the word that the text begins with; 0 where that is a space.
static size_t word_size(const char *text, size_t size)
{
    static const char *const endings[] = { "'s", "'t", "'re", "'ve", "'m", "'ll", "'d" };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (starts(text, size, endings[i]))
            return strlen(endings[i]);
    size_t bytes;
    const udm_character_class class = udm_character_class_of(udm_character_read(text, size, &bytes));
    return class == UDM_SPACE ? 0 : class == UDM_NUMBER ? bytes : run_of(text, size, class);
}

// What would be a special token, had it been written in lower case, is three words.
static size_t marker_size(const char *text, size_t size)
{
    static const char *const markers[] = { "<|startoftext|>", "<|endoftext|>" };
    for (int i = 0; i < 2; i++)
        if (starts(text, size, markers[i]))
            return strlen(markers[i]);
    return 0;
}

static bool put_words(output *to, const char *text, size_t size)
{
    bool good = true;
    for (size_t at = 0, length; good && at < size && !is_full(to); at += length) {
        const size_t marker = marker_size(text + at, size - at);
        length = marker ? marker : word_size(text + at, size - at);
        if (marker)
            good = put_word(to, text + at, 2) && put_word(to, text + at + 2, marker - 4) &&
                   put_word(to, text + at + marker - 2, 2);
        else if (length > 0)
            good = put_word(to, text + at, length);
        else
            length = run_of(text + at, size - at, UDM_SPACE);
    }
    return good;
}

// ---- added tokens

// The first added token at or after `at`, the longest of those there; *place: where.
static const udm_added_token *find_added(const udm_vocabulary *vocabulary, bool normalized, const char *text,
                                         size_t size, size_t at, size_t *place)
{
    const udm_added_token *found = NULL;
    for (; at < size && !found; at++)
        for (int i = 0; i < vocabulary->added_count; i++) {
            const udm_added_token *added = &vocabulary->added[i];
            if (added->normalized == normalized && starts(text + at, size - at, added->text) &&
                (!found || strlen(added->text) > strlen(found->text)))
                found = added, *place = at;
        }
    return found;
}

static bool put_text(output *to, bool normalized, const char *text, size_t size);

static bool put_between(output *to, bool normalized, const char *text, size_t size)
{
    if (size == 0)
        return true;
    if (normalized)
        return put_words(to, text, size);
    char *lower;
    size_t count;
    if (!udm_characters_normalise(text, size, &lower, &count, to->error))
        return false;
    const bool good = put_text(to, true, lower, count);
    free(lower);
    return good;
}

// Added tokens, and the text between them: first those that are found as they are written, then those in lower case.
static bool put_text(output *to, bool normalized, const char *text, size_t size)
{
    size_t at = 0, place = 0;
    const udm_added_token *added;
    bool good = true;
    while (good && !is_full(to) && (added = find_added(to->vocabulary, normalized, text, size, at, &place))) {
        good = put_between(to, normalized, text + at, place - at) && (is_full(to) || put(to, added->id));
        at = place + strlen(added->text);
    }
    return good && (is_full(to) || put_between(to, normalized, text + at, size - at));
}

bool udm_tokenizer_encode(const udm_tokenizer *tokenizer, const char *text, size_t most, int **ids, size_t *count,
                          udm_error *error)
{
    const udm_vocabulary *vocabulary = &tokenizer->vocabulary;
    output to = { .vocabulary = vocabulary, .most = most ? most - 2 : (size_t)-1 / 2, .error = error };
    const bool good = put(&to, vocabulary->begin) && put_text(&to, false, text, strlen(text));
    if (good && put(&to, vocabulary->end)) {
        *ids = to.ids, *count = to.count;
        return true;
    }
    free(to.ids);
    return false;
}

bool udm_tokenizer_encode_part(const udm_tokenizer *tokenizer, const char *text, size_t size, int **ids, size_t *count,
                               udm_error *error)
{
    output to = { .vocabulary = &tokenizer->vocabulary, .most = (size_t)-1 / 2, .error = error };
    if (put_text(&to, false, text, size)) {
        *ids = to.ids, *count = to.count;
        return true;
    }
    free(to.ids);
    return false;
}
