// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the files of a tokenizer. Tokens are strings there, in which a letter stands for each byte; once read, they are
// numbers only.
#include "text/vocabulary.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/file.h"
#include "model/json.h"
#include "text/characters.h"

enum { MAX_BYTES = 16 << 20, MAX_TOKENS = 1 << 20, TOKEN_ROOM = 512 };

#define WORD_END "</w>"

// What is being read.
typedef struct reader {
    udm_vocabulary *to;
    const char *path; // of the file, for errors
    const json_t *ids;
    int settled; // added tokens of a list of them, of which what else names them says nothing more
    udm_error *error;
} reader;

static bool corrupt(const reader *from, const char *what)
{
    return udm_fail(from->error, UDM_ERROR_CORRUPT, "%s: %s", from->path, what);
}

// Whole numbers become reals, which hold those that count, as "no limit" is a number of 31 digits.
static json_t *load_json(const char *path, udm_error *error)
{
    size_t size;
    char *bytes = udm_file_read(path, MAX_BYTES, &size, error);
    json_t *root = bytes ? udm_json_parse(path, "this", bytes, size, JSON_DECODE_INT_AS_REAL, error) : NULL;
    free(bytes);
    return root;
}

// -1 if there is no such token.
static int id_of(const reader *from, const char *token)
{
    const json_t *id = json_object_get(from->ids, token);
    return id ? (int)json_real_value(id) : -1;
}

static bool check_ids(const reader *from)
{
    const char *key;
    json_t *value;
    if (!json_is_object(from->ids) || json_object_size(from->ids) == 0)
        return corrupt(from, "there is no vocabulary, an object of tokens and their numbers");
    json_object_foreach((json_t *)from->ids, key, value)
    {
        const double id = json_is_real(value) ? json_real_value(value) : -1;
        if (!(id >= 0 && id < MAX_TOKENS && id == (int)id))
            return corrupt(from, "a token's number is not one of 0 to 1048575");
        if (id >= from->to->size)
            from->to->size = (int)id + 1;
    }
    return true;
}

// The letter that stands for a byte: itself where it can be printed, else one from 256 on, in order.
static void read_letters(const reader *from)
{
    int next = 256;
    for (int byte = 0; byte < 256; byte++) {
        const bool plain = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        unsigned char letter[4 + sizeof WORD_END];
        const int size = udm_character_write(plain ? byte : next++, letter);
        letter[size] = 0;
        from->to->letters[0][byte] = id_of(from, (const char *)letter);
        memcpy(letter + size, WORD_END, sizeof WORD_END);
        from->to->letters[1][byte] = id_of(from, (const char *)letter);
    }
}

static size_t place_of(const udm_vocabulary *v, int left, int right)
{
    uint64_t hash = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9e3779b97f4a7c15u;
    size_t place = (size_t)(hash >> 32) & (v->room - 1);
    while (v->merges[place].rank >= 0 && (v->merges[place].left != left || v->merges[place].right != right))
        place = (place + 1) & (v->room - 1);
    return place;
}

const udm_merge *udm_vocabulary_merge(const udm_vocabulary *v, int left, int right)
{
    const udm_merge *merge = &v->merges[place_of(v, left, right)];
    return merge->rank >= 0 ? merge : NULL;
}

static bool make_room(const reader *from, size_t merges)
{
    udm_vocabulary *v = from->to;
    for (v->room = 64; v->room < 2 * merges;)
        v->room *= 2;
    v->merges = malloc(v->room * sizeof *v->merges);
    if (!v->merges)
        return udm_fail(from->error, UDM_ERROR_MEMORY, "%s: no memory for it", from->path);
    for (size_t i = 0; i < v->room; i++)
        v->merges[i].rank = -1;
    return true;
}

static bool add_merge(const reader *from, const char *left, size_t left_size, const char *right, size_t right_size)
{
    char token[TOKEN_ROOM];
    if (left_size == 0 || right_size == 0 || left_size + right_size >= sizeof token)
        return corrupt(from, "a merge is not two tokens");
    memcpy(token, left, left_size);
    token[left_size] = 0;
    udm_merge merge = { .left = id_of(from, token), .rank = (int)from->to->count };
    memcpy(token, right, right_size);
    token[right_size] = 0;
    merge.right = id_of(from, token);
    memcpy(token, left, left_size);
    memcpy(token + left_size, right, right_size);
    token[left_size + right_size] = 0;
    merge.result = id_of(from, token);
    if (merge.left < 0 || merge.right < 0 || merge.result < 0)
        return udm_fail(from->error, UDM_ERROR_CORRUPT,
                        "%s: a merge makes \"%.100s\": the vocabulary lacks that token, "
                        "or a part of it",
                        from->path, token);
    udm_merge *place = &from->to->merges[place_of(from->to, merge.left, merge.right)];
    if (place->rank >= 0)
        return corrupt(from, "a merge is there twice");
    *place = merge;
    from->to->count++;
    return true;
}

static bool add_line(const reader *from, const char *line, size_t size)
{
    const char *space = memchr(line, ' ', size);
    if (!space || memchr(space + 1, ' ', size - (space + 1 - line)))
        return corrupt(from, "a line is not two tokens with a space between them");
    return add_merge(from, line, space - line, space + 1, size - (space + 1 - line));
}

static bool read_merge_lines(reader *from, const char *path)
{
    size_t size;
    char *bytes = udm_file_read(path, MAX_BYTES, &size, from->error);
    from->path = path;
    size_t lines = 1;
    for (size_t i = 0; bytes && i < size; i++)
        lines += bytes[i] == '\n';
    bool good = bytes && make_room(from, lines);
    for (size_t at = 0, end; good && at < size; at = end + 1) {
        const char *stop = memchr(bytes + at, '\n', size - at);
        end = stop ? (size_t)(stop - bytes) : size;
        size_t length = end - at;
        length -= length > 0 && bytes[end - 1] == '\r';
        if (length > 0 && (length < 8 || memcmp(bytes + at, "#version", 8) != 0))
            good = add_line(from, bytes + at, length);
    }
    free(bytes);
    return good;
}

// Each is "left right" or ["left", "right"].
static bool read_merge_list(const reader *from, const json_t *list)
{
    if (!json_is_array(list) || !make_room(from, json_array_size(list)))
        return json_is_array(list) ? false : corrupt(from, "\"merges\" is not a list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *each = json_array_get(list, i), *left = json_array_get(each, 0), *right = json_array_get(each, 1);
        const bool good = json_is_string(each) ? add_line(from, json_string_value(each), json_string_length(each))
                          : json_is_string(left) && json_is_string(right)
                              ? add_merge(from, json_string_value(left), json_string_length(left),
                                          json_string_value(right), json_string_length(right))
                              : corrupt(from, "a merge is not two tokens");
        if (!good)
            return false;
    }
    return true;
}

// ---- special tokens

static bool truth(const json_t *of, const char *key)
{
    return json_is_true(json_object_get(of, key));
}

// A token that is named more than once is normalized if each of the names says so.
static bool add_special(const reader *from, const char *text, int id, const json_t *flags)
{
    udm_vocabulary *v = from->to;
    if (truth(flags, "lstrip") || truth(flags, "rstrip") || truth(flags, "single_word"))
        return udm_fail(from->error, UDM_ERROR_UNSUPPORTED,
                        "%s: the token \"%.100s\" is \"lstrip\", \"rstrip\" or \"single_word\": that is not "
                        "implemented",
                        from->path, text);
    const bool normalized = truth(flags, "normalized");
    for (int i = 0; i < v->added_count; i++)
        if (v->added[i].id == id) {
            v->added[i].normalized &= normalized || i < from->settled;
            return true;
        }
    if (v->added_count == UDM_ADDED_TOKENS || !*text)
        return corrupt(from, "there are more than 64 added tokens, or one is empty");
    char *copy = strdup(text);
    if (!copy)
        return udm_fail(from->error, UDM_ERROR_MEMORY, "%s: no memory for it", from->path);
    v->added[v->added_count++] = (udm_added_token){ copy, id, normalized };
    return true;
}

static void lower_normalized(udm_vocabulary *v)
{
    for (int i = 0; i < v->added_count; i++)
        for (char *c = v->added[i].text; v->added[i].normalized && *c; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c - 'A' + 'a');
}

// What a key names, a string or an object with "content"; NULL if it is not there.
static const char *content_of(const json_t *value)
{
    return json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
}

// config, map: may be NULL
static bool read_special(const reader *from, const json_t *config, const json_t *map, const char *key,
                         const char *usual, int *id)
{
    const json_t *value = json_object_get(config, key);
    if (!content_of(value))
        value = json_object_get(map, key);
    const char *text = content_of(value) ? content_of(value) : usual;
    *id = id_of(from, text);
    if (*id < 0)
        return udm_fail(from->error, UDM_ERROR_CORRUPT, "%s: the vocabulary lacks the special token \"%.100s\"",
                        from->path, text);
    return add_special(from, text, *id, json_is_object(value) ? value : NULL);
}

static bool read_specials(reader *from, const json_t *config, const json_t *map)
{
    static const char begin[] = "<|startoftext|>", end[] = "<|endoftext|>";
    udm_vocabulary *v = from->to;
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(config, "added_tokens_decoder"), key, value)
    {
        const char *text = content_of(value);
        const int id = text ? id_of(from, text) : -1;
        if (id < 0)
            return corrupt(from, "\"added_tokens_decoder\" has a token that the vocabulary lacks");
        if (!add_special(from, text, id, value))
            return false;
    }
    from->settled = v->added_count;
    const json_t *length = json_object_get(config, "model_max_length");
    if (json_is_real(length) && json_real_value(length) >= 2 && json_real_value(length) < MAX_TOKENS)
        v->length = (int)json_real_value(length);
    if (json_is_false(json_object_get(config, "do_lower_case")))
        return udm_fail(from->error, UDM_ERROR_UNSUPPORTED, "%s: \"do_lower_case\": false is not implemented",
                        from->path);
    return read_special(from, config, map, "bos_token", begin, &v->begin) &&
           read_special(from, config, map, "eos_token", end, &v->end) &&
           read_special(from, config, map, "unk_token", end, &v->unknown) &&
           read_special(from, config, map, "pad_token", end, &v->pad);
}

// ---- the files

static const char *word_of(const json_t *of, const char *key)
{
    const char *word = json_string_value(json_object_get(of, key));
    return word ? word : "";
}

// tokenizer.json can hold a tokenizer of any kind.
static bool is_clips(const json_t *root)
{
    const json_t *model = json_object_get(root, "model"), *normalizer = json_object_get(root, "normalizer");
    const json_t *steps = json_object_get(normalizer, "normalizers");
    static const char *const names[] = { "NFC", "Replace", "Lowercase" };
    bool same = json_array_size(steps) == 3;
    for (size_t i = 0; i < 3 && same; i++)
        same = strcmp(word_of(json_array_get(steps, i), "type"), names[i]) == 0;
    return same && strcmp(word_of(model, "type"), "BPE") == 0 &&
           strcmp(word_of(model, "end_of_word_suffix"), WORD_END) == 0 &&
           *word_of(model, "continuing_subword_prefix") == 0;
}

static bool read_one(reader *from, const json_t *root)
{
    const json_t *model = json_object_get(root, "model"), *added = json_object_get(root, "added_tokens");
    if (!is_clips(root))
        return udm_fail(from->error, UDM_ERROR_UNSUPPORTED,
                        "%s: this is not the tokenizer of CLIP (NFC, lower case, byte-level BPE with \"</w>\")",
                        from->path);
    from->ids = json_object_get(model, "vocab");
    if (!check_ids(from))
        return false;
    read_letters(from);
    for (size_t i = 0; i < json_array_size(added); i++) {
        const json_t *each = json_array_get(added, i);
        const char *text = word_of(each, "content");
        if (id_of(from, text) < 0)
            return corrupt(from, "\"added_tokens\" has a token that the vocabulary lacks");
        if (!add_special(from, text, id_of(from, text), each))
            return false;
    }
    return read_merge_list(from, json_object_get(model, "merges"));
}

static bool read_two(reader *from, const json_t *root, const char *merges)
{
    from->ids = root;
    if (!check_ids(from))
        return false;
    read_letters(from);
    return read_merge_lines(from, merges);
}

enum { VOCAB, MERGES, BOTH, CONFIG, MAP, FILES };

static bool read_files(udm_vocabulary *vocabulary, char *const paths[FILES], udm_error *error)
{
    const bool two = access(paths[VOCAB], F_OK) == 0 || access(paths[BOTH], F_OK) != 0;
    reader from = { .to = vocabulary, .path = paths[two ? VOCAB : BOTH], .error = error };
    json_t *root = load_json(from.path, error), *config = NULL, *map = NULL;
    bool good = root && (access(paths[CONFIG], F_OK) != 0 || (config = load_json(paths[CONFIG], error)));
    good = good && (access(paths[MAP], F_OK) != 0 || (map = load_json(paths[MAP], error)));
    good = good && (two ? read_two(&from, root, paths[MERGES]) : read_one(&from, root));
    from.path = paths[config ? CONFIG : two ? VOCAB : BOTH];
    good = good && read_specials(&from, config, map);
    lower_normalized(vocabulary);
    json_decref(root);
    json_decref(config);
    json_decref(map);
    return good;
}

bool udm_vocabulary_read(udm_vocabulary *vocabulary, const char *folder, udm_error *error)
{
    static const char *const names[FILES] = { "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json",
                                              "special_tokens_map.json" };
    char *paths[FILES] = { NULL };
    bool good = true;
    *vocabulary = (udm_vocabulary){ 0 };
    for (int i = 0; i < FILES && good; i++)
        good = (paths[i] = udm_file_join(folder, names[i], error)) != NULL;
    good = good && read_files(vocabulary, paths, error);
    for (int i = 0; i < FILES; i++)
        free(paths[i]);
    if (!good)
        udm_vocabulary_clear(vocabulary);
    return good;
}

void udm_vocabulary_clear(udm_vocabulary *vocabulary)
{
    for (int i = 0; i < vocabulary->added_count; i++)
        free(vocabulary->added[i].text);
    free(vocabulary->merges);
    *vocabulary = (udm_vocabulary){ 0 };
}
