// SPDX-License-Identifier: LGPL-2.1-or-later
// The names of a LoRA's tensors to those that they change. Names are compared with "_" for each ".", as kohya's scripts
// write them.
#include "model/lora.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_ROOM = 256 };

typedef enum piece { DOWN, UP, ALPHA, PIECES } piece;
typedef enum part { UNET, TEXT, PARTS } part;

static const char *const part_names[PARTS] = { "unet", "text_encoder" };

static const struct suffix {
    const char *text;
    piece piece;
} suffixes[] = {
    { ".lora_down.weight", DOWN },
    { ".lora_up.weight", UP },
    { ".alpha", ALPHA },
    { ".lora_A.weight", DOWN },
    { ".lora_B.weight", UP },
    { ".lora.down.weight", DOWN },
    { ".lora.up.weight", UP },
    { ".lora_linear_layer.down.weight", DOWN },
    { ".lora_linear_layer.up.weight", UP },
    { "_lora.down.weight", DOWN }, // of an attention processor
    { "_lora.up.weight", UP },
};

static const struct prefix {
    const char *text;
    part part;
} prefixes[] = {
    { "lora_unet_", UNET }, { "lora_te_", TEXT },      { "lora_te1_", TEXT },
    { "unet.", UNET },      { "text_encoder.", TEXT }, { "", UNET },
};

// All that changes one tensor.
typedef struct change {
    char target[NAME_ROOM];
    part part;
    const udm_weight *pieces[PIECES];
} change;

struct udm_lora {
    udm_weights *weights;
    change *changes;
    size_t count;
    double alpha[PARTS]; // of all that have none of their own; 0: the rank
    udm_lora *next;      // of a chain
};

// A tensor that may be changed.
typedef struct target {
    char name[NAME_ROOM];
    udm_weights *weights;
    size_t index;
} target;

typedef struct target_list {
    target *list;
    size_t count;
} target_list;

// ---- names

static bool ends_in(const char *name, const char *end)
{
    const size_t length = strlen(name), size = strlen(end);
    return length >= size && strcmp(name + length - size, end) == 0;
}

static void cut(char *name, const char *text)
{
    char *at = strstr(name, text);
    if (at)
        memmove(at, at + strlen(text), strlen(at + strlen(text)) + 1);
}

// Without what some files have, and others not.
static void flatten(char *name)
{
    for (char *at = name; *at; at++)
        *at = *at == '.' ? '_' : *at;
    if (strncmp(name, "text_model_", 11) == 0)
        cut(name, "text_model_");
}

// *to: empty but for part, name and this piece.
static bool read_name(const udm_weight *weight, change *to)
{
    for (size_t s = 0; s < sizeof suffixes / sizeof *suffixes; s++) {
        const struct suffix *suffix = &suffixes[s];
        if (!ends_in(weight->name, suffix->text))
            continue;
        const struct prefix *prefix = prefixes;
        while (strncmp(weight->name, prefix->text, strlen(prefix->text)) != 0)
            prefix++;
        *to = (change){ .part = prefix->part };
        snprintf(to->target, sizeof to->target, "%.*s",
                 (int)(strlen(weight->name) - strlen(prefix->text) - strlen(suffix->text)),
                 weight->name + strlen(prefix->text));
        cut(to->target, ".processor");
        flatten(to->target);
        if (ends_in(to->target, "_to_out"))
            strcat(to->target, "_0"); // a list of layers, of which the first has weights; no name is that long
        to->pieces[suffix->piece] = weight;
        return true;
    }
    return false;
}

static int by_target(const void *a, const void *b)
{
    const change *x = a, *y = b;
    return x->part != y->part ? (int)x->part - (int)y->part : strcmp(x->target, y->target);
}

static bool merge(udm_lora *lora, udm_error *error)
{
    size_t kept = 0;
    qsort(lora->changes, lora->count, sizeof *lora->changes, by_target);
    for (size_t i = 0; i < lora->count; i++) {
        if (kept == 0 || by_target(&lora->changes[kept - 1], &lora->changes[i]) != 0) {
            lora->changes[kept++] = lora->changes[i];
            continue;
        }
        change *into = &lora->changes[kept - 1];
        for (int p = 0; p < PIECES; p++) {
            const udm_weight *more = lora->changes[i].pieces[p];
            if (more && into->pieces[p])
                return udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"%s\" and \"%s\" are the same",
                                udm_weights_path(lora->weights), into->pieces[p]->name, more->name);
            into->pieces[p] = more ? more : into->pieces[p];
        }
    }
    lora->count = kept;
    return true;
}

static bool read_names(udm_lora *lora, udm_error *error)
{
    const size_t count = udm_weights_count(lora->weights);
    lora->changes = malloc((count + 1) * sizeof *lora->changes);
    if (!lora->changes)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a LoRA");
    for (; lora->count < count; lora->count++) {
        const udm_weight *weight = udm_weights_at(lora->weights, lora->count);
        if (!read_name(weight, &lora->changes[lora->count]))
            return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                            "%s: the tensor \"%s\" is none of a LoRA as kohya's scripts or diffusers write it",
                            udm_weights_path(lora->weights), weight->name);
    }
    return merge(lora, error);
}

// ---- what peft says of all of them

// Options that change the maths, of a part: "unet.use_dora" ...
static bool check_option(const udm_lora *lora, const char *key, const json_t *value, udm_error *error)
{
    static const char *const off[] = { "use_dora", "use_rslora", "alpha_pattern", "lora_bias", "fan_in_fan_out" };
    const char *option = strrchr(key, '.') ? strrchr(key, '.') + 1 : key;
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        if (strcmp(option, off[i]) == 0 && (json_is_true(value) || json_object_size(value) > 0))
            return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: this is not implemented: \"%s\"",
                            udm_weights_path(lora->weights), key);
    return true;
}

static bool read_notes(udm_lora *lora, udm_error *error)
{
    const char *text = udm_weights_note(lora->weights, "lora_adapter_metadata");
    json_t *notes = text ? json_loads(text, 0, NULL) : NULL, *value;
    const char *key;
    bool good = true;
    if (text && !json_is_object(notes))
        good = udm_fail(error, UDM_ERROR_CORRUPT, "%s: its lora_adapter_metadata is not a JSON object",
                        udm_weights_path(lora->weights));
    json_object_foreach(notes, key, value) good = good && check_option(lora, key, value, error);
    for (int p = 0; good && p < PARTS; p++) {
        char name[32];
        snprintf(name, sizeof name, "%s.lora_alpha", part_names[p]);
        lora->alpha[p] = json_number_value(json_object_get(notes, name));
    }
    json_decref(notes);
    return good;
}

// ---- what is changed

static bool add_targets(target_list *to, udm_weights *weights, udm_error *error)
{
    static const char end[] = ".weight";
    if (!weights)
        return true;
    target *list = realloc(to->list, (to->count + udm_weights_count(weights) + 1) * sizeof *list);
    if (!list)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a LoRA");
    to->list = list;
    for (size_t i = 0; i < udm_weights_count(weights); i++) {
        const char *name = udm_weights_at(weights, i)->name;
        if (!ends_in(name, end))
            continue;
        target *next = &list[to->count++];
        *next = (target){ .weights = weights, .index = i };
        snprintf(next->name, sizeof next->name, "%.*s", (int)(strlen(name) - strlen(end)), name);
        flatten(next->name);
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const target *)a)->name, ((const target *)b)->name);
}

static bool fail_shape(const udm_lora *lora, const change *c, udm_error *error)
{
    return udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"%s\" and \"%s\" do not fit the tensor that they change",
                    udm_weights_path(lora->weights), c->pieces[DOWN]->name, c->pieces[UP]->name);
}

static bool read_alpha(const udm_lora *lora, const change *c, double *alpha, udm_error *error)
{
    const udm_weight *own = c->pieces[ALPHA];
    if (!own)
        return true;
    float *value = own->elements == 1 ? udm_weights_read(lora->weights, own->name, own->dims, own->shape, error) : NULL;
    if (!value)
        return own->elements == 1 ? false
                                  : udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"%s\" must be one number",
                                             udm_weights_path(lora->weights), own->name);
    *alpha = *value;
    free(value);
    return true;
}

static bool apply(const udm_lora *lora, const change *c, const target *to, double scale, udm_error *error)
{
    const udm_weight *base = udm_weights_at(to->weights, to->index), *down = c->pieces[DOWN], *up = c->pieces[UP];
    if (!down || !up) {
        const udm_weight *alone = down ? down : up ? up : c->pieces[ALPHA];
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"%s\" is there, but not the other half of it",
                        udm_weights_path(lora->weights), alone->name);
    }
    if (base->dims < 2 || down->dims < 2 || up->dims < 2 || base->shape[0] < 1 || down->shape[0] < 1)
        return fail_shape(lora, c, error);
    const size_t rows = (size_t)base->shape[0], columns = base->elements / rows, rank = (size_t)down->shape[0];
    double alpha = lora->alpha[c->part] > 0 ? lora->alpha[c->part] : (double)rank;
    if (down->elements != rank * columns || up->elements != rows * rank || up->shape[0] != base->shape[0])
        return fail_shape(lora, c, error);
    if (!read_alpha(lora, c, &alpha, error))
        return false;
    const udm_patch patch = { .from = lora->weights, .down = down, .up = up, .rank = rank };
    return udm_weights_patch(to->weights, to->index, patch, scale * alpha / (double)rank, error);
}

static bool apply_part(const udm_lora *lora, part part, target_list *targets, double scale, udm_error *error)
{
    if (targets->count > 0)
        qsort(targets->list, targets->count, sizeof *targets->list, by_name);
    for (size_t i = 0; i < lora->count; i++) {
        const change *c = &lora->changes[i];
        if (c->part != part)
            continue;
        target key = { 0 };
        snprintf(key.name, sizeof key.name, "%s", c->target);
        const target *found = targets->count ? bsearch(&key, targets->list, targets->count, sizeof key, by_name) : NULL;
        int any = 0;
        while (any < PIECES - 1 && !c->pieces[any])
            any++;
        if (!found)
            return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                            "%s: the model has no tensor that \"%s\" changes: it was made for another model",
                            udm_weights_path(lora->weights), c->pieces[any]->name);
        if (!apply(lora, c, found, scale, error))
            return false;
    }
    return true;
}

static bool apply_all(const udm_lora *lora, double scale, const udm_lora_targets *targets, udm_error *error)
{
    target_list unet = { 0 }, text = { 0 };
    const bool good = add_targets(&unet, targets->unet, error) && add_targets(&unet, targets->motion, error) &&
                      add_targets(&text, targets->text, error) && apply_part(lora, UNET, &unet, scale, error) &&
                      apply_part(lora, TEXT, &text, scale, error);
    free(unet.list);
    free(text.list);
    return good;
}

static void take_back(const udm_lora *lora, const udm_lora_targets *targets)
{
    udm_weights *const changed[] = { targets->unet, targets->motion, targets->text };
    for (int i = 0; lora->weights && i < 3; i++)
        if (changed[i])
            udm_weights_unpatch(changed[i], lora->weights);
}

udm_lora *udm_lora_open(const char *path, double scale, const udm_lora_targets *targets, udm_error *error)
{
    udm_lora *lora = calloc(1, sizeof *lora);
    if (!lora) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a LoRA");
        return NULL;
    }
    lora->weights = udm_weights_open(path, error);
    if (lora->weights && read_names(lora, error) && read_notes(lora, error) && apply_all(lora, scale, targets, error))
        return lora;
    take_back(lora, targets);
    udm_lora_free(lora);
    return NULL;
}

void udm_lora_free(udm_lora *lora)
{
    if (!lora)
        return;
    udm_weights_free(lora->weights);
    free(lora->changes);
    free(lora);
}

// ---- lists

// Cuts ":SCALE" off the end of an entry, if it is there.
static bool read_scale(char *entry, double *scale, udm_error *error)
{
    char *colon = strrchr(entry, ':');
    *scale = 1;
    if (!colon || strspn(colon + 1, "+-.0123456789") != strlen(colon + 1))
        return true;
    const char *at = colon + 1 + (colon[1] == '-' || colon[1] == '+');
    double digits = 1;
    *scale = 0;
    for (bool point = false; *at && (*at != '.' || !point); at++) // whatever the locale
        if (*at == '.')
            point = true;
        else if (*at >= '0' && *at <= '9')
            *scale = 10 * *scale + (*at - '0'), digits *= point ? 10 : 1;
        else
            break;
    *scale /= colon[1] == '-' ? -digits : digits;
    if (*at || !colon[1] || !(*scale >= -100 && *scale <= 100))
        return udm_fail(error, UDM_ERROR_SETTINGS, "the LoRA \"%s\": its scale must be a number from -100 to 100",
                        entry);
    *colon = 0;
    return true;
}

// entry: is cut
static bool add_one(udm_lora **first, char *entry, const udm_lora_targets *targets, udm_error *error)
{
    double scale;
    if (!read_scale(entry, &scale, error))
        return false;
    udm_lora *lora = udm_lora_open(entry, scale, targets, error);
    if (!lora)
        return false;
    lora->next = *first;
    *first = lora;
    return true;
}

bool udm_loras_add(udm_lora **first, const char *list, const udm_lora_targets *targets, udm_error *error)
{
    udm_lora *const before = *first;
    char *copy = strdup(list), *rest = copy;
    bool good = copy || udm_fail(error, UDM_ERROR_MEMORY, "no memory for a LoRA");
    for (char *entry; good && (entry = strsep(&rest, ";"));)
        if (*entry)
            good = add_one(first, entry, targets, error);
    free(copy);
    while (!good && *first != before) {
        udm_lora *gone = *first;
        *first = gone->next;
        take_back(gone, targets);
        udm_lora_free(gone);
    }
    return good;
}

void udm_loras_free(udm_lora *first)
{
    for (udm_lora *next; first; first = next) {
        next = first->next;
        udm_lora_free(first);
    }
}
