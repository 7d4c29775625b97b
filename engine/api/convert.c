// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/convert.h: all is planned and checked before the first byte is written.
#include "udm/convert.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "api/painter.h"
#include "convert/save.h"
#include "convert/settings.h"
#include "model/file.h"
#include "model/part.h"
#include "text/vocabulary.h"

#define WEIGHTS "diffusion_pytorch_model.safetensors"

enum { MAX_FILE = 100 << 20 };

static const struct {
    const char *folder, *file, *what;
} parts[UDM_PARTS] = { { "unet", WEIGHTS, "U-Net" },
                       { "vae", WEIGHTS, "autoencoder" },
                       { "text_encoder", "model.safetensors", "text encoder" } };

// The tensors of a part.
typedef struct list {
    const udm_weights *from;
    udm_saved *saved;
    size_t count;
    char *config; // as text
} list;

typedef struct conversion {
    const udm_converting *with;
    const char *in, *out;
    char *partial; // where it is written first
    udm_weights *weights;
    udm_original original;
    udm_original_guess guess;
    list lists[UDM_PARTS];
    udm_text_part borrowed[UDM_PARTS]; // of `with`
    char *tokenizer;                   // a folder; NULL: there is none
    uint64_t bytes, done;
    udm_error *error;
} conversion;

static void say(const conversion *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const conversion *c, const char *format, ...)
{
    char line[512];
    va_list list;
    if (!c->with->said)
        return;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    c->with->said(c->with->context, line);
}

static bool fail_memory(const conversion *c)
{
    return udm_fail(c->error, UDM_ERROR_MEMORY, "%s: no memory to convert it", c->in);
}

// ---- what is in the file

// Pickles are told by their first bytes, or those of a zip archive, whatever they are called.
static bool is_pickle(const char *path)
{
    unsigned char first[4] = { 0 };
    FILE *file = fopen(path, "rb");
    const size_t got = file ? fread(first, 1, sizeof first, file) : 0;
    if (file)
        fclose(file);
    return got == sizeof first && (memcmp(first, "PK\3\4", 4) == 0 || (first[0] == 0x80 && first[1] <= 5));
}

static bool check_pickle(const conversion *c)
{
    struct stat status;
    if (stat(c->in, &status) != 0 || !S_ISREG(status.st_mode) || !is_pickle(c->in))
        return true;
    const bool plain =
        strspn(c->in, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == strlen(c->in);
    return udm_fail(
        c->error, UDM_ERROR_UNSUPPORTED,
        "%s is a pickle, which is not safe to read. Make safetensors of it first: python3 -c \"import torch, "
        "safetensors.torch as s; d = torch.load('%s', 'cpu', weights_only=True); d = d.get('state_dict', "
        "d); s.save_file({k: v.clone().contiguous() for k, v in d.items() if hasattr(v, 'dtype')}, "
        "'OUT.safetensors')\"",
        c->in, plain ? c->in : "FILE");
}

static bool add(conversion *c, list *to, const udm_weight *weight, const udm_renamed *as)
{
    udm_saved *saved = realloc(to->saved, (to->count + 1) * sizeof *saved);
    if (!saved)
        return fail_memory(c);
    to->saved = saved;
    saved[to->count++] = (udm_saved){ weight, *as };
    if (weight->dtype == UDM_OTHER_DTYPE || weight->dims > UDM_MAX_DIMS)
        return udm_fail(c->error, UDM_ERROR_UNSUPPORTED, "%s: tensor \"%s\" must be F32, F16 or BF16", c->in,
                        weight->name);
    c->bytes += udm_saved_bytes(&saved[to->count - 1]);
    return true;
}

// Tensors to the lists of parts.
static bool sort(conversion *c)
{
    size_t idle = 0;
    const char *first = "";
    for (size_t i = 0; i < udm_weights_count(c->weights); i++) {
        const udm_weight *weight = udm_weights_at(c->weights, i);
        udm_renamed as[UDM_RENAMED_MOST];
        int count;
        const udm_original_part part = udm_original_rename(&c->original, weight, as, &count);
        if (part == UDM_PART_UNKNOWN)
            return udm_fail(c->error, UDM_ERROR_UNSUPPORTED,
                            "%s: nothing is known of the tensor \"%s\": this is not Stable Diffusion 1 or 2", c->in,
                            weight->name);
        if (part == UDM_PART_NONE)
            first = idle++ ? first : weight->name;
        for (int k = 0; k < count && part >= 0; k++)
            if (!add(c, &c->lists[part], weight, &as[k]))
                return false;
    }
    if (idle > 0)
        say(c, "left out: %zu tensors that nothing needs, such as \"%s\"", idle, first);
    return true;
}

static bool read_file(conversion *c)
{
    const char *prediction = c->with->prediction;
    if (prediction && strcmp(prediction, "epsilon") != 0 && strcmp(prediction, "v_prediction") != 0)
        return udm_fail(c->error, UDM_ERROR_SETTINGS, "a prediction of \"%s\": it must be epsilon or v_prediction",
                        prediction);
    if (!check_pickle(c) || !(c->weights = udm_weights_open(c->in, c->error)) ||
        !udm_original_read(&c->original, c->weights, c->error))
        return false;
    c->guess = udm_original_guess_rest(&c->original, prediction);
    if (!sort(c))
        return false;
    for (int i = 0; i < UDM_PARTS; i++) {
        c->lists[i].from = c->weights;
        if (udm_original_has(&c->original, i) &&
            !(c->lists[i].config = udm_original_config(&c->original, &c->guess, i)))
            return fail_memory(c);
    }
    return true;
}

static void say_found(const conversion *c)
{
    const udm_original_unet *unet = &c->original.unet;
    const udm_original_noise *noise = &c->original.noise;
    say(c, "U-Net: %d levels from %d to %d channels, tokens of %d, %d planes in: Stable Diffusion %s%s", unet->levels,
        unet->width[0], unet->width[unet->levels - 1], unet->token_width, unet->in, unet->linear ? "2.x" : "1.x",
        unet->guidance > 0      ? ", LCM"
        : unet->in != unet->out ? ", inpainting"
                                : "");
    say(c, "noise: %s from %g to %g, %d steps%s%s", noise->scaled ? "scaled_linear" : "linear", noise->start,
        noise->end, noise->steps, noise->without_signal ? ", rescaled to no signal at the end" : "",
        noise->said ? "" : " (not in the file: the usual ones)");
    say(c, "prediction: %s%s", c->guess.v ? "v_prediction" : "epsilon",
        c->with->prediction || noise->v ? ""
        : !unet->linear                 ? " (guessed: that of 1.x)"
        : c->guess.v ? " (guessed: that of 2.x for 768x768; Turbo and 2.x for 512x512 want --prediction epsilon)"
                     : " (guessed: that of 2.x for holes)");
}

// ---- what it lacks

static char *read_config(const conversion *c, const char *folder)
{
    size_t size;
    char *path = udm_file_join(folder, "config.json", c->error);
    char *text = path ? udm_file_read(path, MAX_FILE, &size, c->error) : NULL;
    free(path);
    return text;
}

// All tensors of a part of `with`, as they are.
static bool borrow(conversion *c, udm_original_part part)
{
    list *to = &c->lists[part];
    if (!c->with->with)
        return udm_fail(c->error, UDM_ERROR_UNSUPPORTED,
                        "%s has no %s: name a directory of Stable Diffusion that has one (--with DIR)", c->in,
                        parts[part].what);
    char *folder = udm_file_join(c->with->with, parts[part].folder, c->error);
    bool good = folder && (to->config = read_config(c, folder));
    if (!good)
        free(folder);
    good = good && udm_part_open(folder, &c->borrowed[part], c->error);
    to->from = c->borrowed[part].weights;
    for (size_t i = 0; good && i < udm_weights_count(to->from); i++) {
        const udm_weight *weight = udm_weights_at(to->from, i);
        udm_renamed as = { .elements = weight->elements, .dims = weight->dims };
        if (weight->dtype == UDM_OTHER_DTYPE)
            continue; // positions
        good = snprintf(as.name, sizeof as.name, "%s", weight->name) < (int)sizeof as.name ||
               udm_fail(c->error, UDM_ERROR_UNSUPPORTED, "%s: a tensor has too long a name", weight->name);
        memcpy(as.shape, weight->shape, sizeof as.shape);
        good = good && add(c, to, weight, &as);
    }
    if (good)
        say(c, "%s: of %s", parts[part].what, c->with->with);
    return good;
}

static bool find_tokenizer(conversion *c)
{
    const int words = c->original.text.words;
    udm_vocabulary vocabulary;
    if (!c->with->with)
        return true;
    char *folder = udm_file_join(c->with->with, "tokenizer", c->error);
    if (!folder)
        return false;
    const bool inside = udm_part_has(folder, "vocab.json") || udm_part_has(folder, "tokenizer.json");
    c->tokenizer = inside ? folder : strdup(c->with->with);
    if (!inside)
        free(folder);
    if (!c->tokenizer)
        return fail_memory(c);
    if (!udm_vocabulary_read(&vocabulary, c->tokenizer, c->error))
        return false;
    const int size = vocabulary.size;
    udm_vocabulary_clear(&vocabulary);
    return !c->original.text.there || size == words ||
           udm_fail(c->error, UDM_ERROR_UNSUPPORTED,
                    "%s: this tokenizer has %d tokens, the text encoder of %s knows %d: they are of different models",
                    c->tokenizer, size, c->in, words);
}

static bool find_rest(conversion *c)
{
    return (c->original.vae.there || borrow(c, UDM_PART_VAE)) && (c->original.text.there || borrow(c, UDM_PART_TEXT)) &&
           find_tokenizer(c);
}

// ---- writing

static bool check_room(const conversion *c)
{
    struct statvfs room;
    if (statvfs(c->partial, &room) != 0)
        return true;
    const uint64_t bytes = (uint64_t)room.f_bavail * room.f_frsize;
    return bytes > c->bytes ||
           udm_fail(c->error, UDM_ERROR_UNREADABLE, "%s: %llu MiB are needed, and only %llu MiB are free there", c->out,
                    (unsigned long long)(c->bytes >> 20), (unsigned long long)(bytes >> 20));
}

// udm_save_progress
static bool advance(void *context, size_t bytes)
{
    conversion *c = context;
    c->done += bytes;
    return !c->with->progress || c->with->progress(c->with->context, c->done, c->bytes);
}

static char *make_folder(const conversion *c, const char *name)
{
    char *path = udm_file_join(c->partial, name, c->error);
    if (path && mkdir(path, 0777) == 0)
        return path;
    if (path)
        udm_fail(c->error, UDM_ERROR_UNREADABLE, "%s: it cannot be made: %s", path, strerror(errno));
    free(path);
    return NULL;
}

static bool write_file(const conversion *c, const char *folder, const char *name, const char *text)
{
    char *path = udm_file_join(folder, name, c->error);
    const bool good = path && (text || fail_memory(c)) && udm_save_bytes(path, text, strlen(text), c->error);
    free(path);
    return good;
}

// Takes the text.
static bool write_text(const conversion *c, const char *folder, const char *name, char *text)
{
    const bool good = write_file(c, folder, name, text);
    free(text);
    return good;
}

static bool write_part(conversion *c, udm_original_part part)
{
    const list *of = &c->lists[part];
    char *folder = make_folder(c, parts[part].folder);
    char *path = folder ? udm_file_join(folder, parts[part].file, c->error) : NULL;
    const bool good = path && write_file(c, folder, "config.json", of->config) &&
                      udm_save_tensors(path, of->from, of->saved, of->count, advance, c, c->error);
    free(path);
    free(folder);
    return good;
}

static bool write_tokenizer(const conversion *c)
{
    static const char *const files[] = { "vocab.json", "merges.txt", "tokenizer.json" };
    if (!c->tokenizer)
        return true;
    char *folder = make_folder(c, "tokenizer");
    bool good = folder && write_text(c, folder, "tokenizer_config.json", udm_original_tokens(&c->original));
    for (int i = 0; good && i < 3; i++) {
        size_t size;
        if (!udm_part_has(c->tokenizer, files[i]))
            continue;
        char *from = udm_file_join(c->tokenizer, files[i], c->error), *to = udm_file_join(folder, files[i], c->error);
        char *bytes = from && to ? udm_file_read(from, MAX_FILE, &size, c->error) : NULL;
        good = bytes && udm_save_bytes(to, bytes, size, c->error);
        free(from), free(to), free(bytes);
    }
    free(folder);
    return good;
}

static bool write_all(conversion *c)
{
    char *folder = make_folder(c, "scheduler");
    bool good = folder &&
                write_text(c, folder, "scheduler_config.json", udm_original_scheduler(&c->original, &c->guess)) &&
                write_text(c, c->partial, "model_index.json", udm_original_index(&c->original, &c->guess)) &&
                write_tokenizer(c);
    free(folder);
    for (int i = 0; good && i < UDM_PARTS; i++)
        good = write_part(c, i);
    return good;
}

// Opens every part, on a device that computes nothing: all tensors are there, of the right shape, and none is left.
static bool check_written(const conversion *c)
{
    udm_info info = { 0 };
    udm_model *model = udm_model_open(c->partial, c->error);
    const bool good = model && udm_latent_info(model, &info, c->error);
    udm_model_free(model);
    return good;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status, (void)kind, (void)at;
    return remove(path);
}

static bool write_directory(conversion *c)
{
    if (mkdir(c->partial, 0777) != 0)
        return udm_fail(c->error, UDM_ERROR_UNREADABLE, "%s: it cannot be made: %s", c->partial, strerror(errno));
    bool good = check_room(c) && write_all(c) && check_written(c);
    if (good && rename(c->partial, c->out) != 0)
        good = udm_fail(c->error, UDM_ERROR_UNREADABLE, "%s: it cannot be made: %s", c->out, strerror(errno));
    if (!good)
        nftw(c->partial, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    else if (!c->tokenizer)
        say(c,
            "a tokenizer is in no such file: put vocab.json and merges.txt of CLIP into %s/tokenizer, or convert "
            "with --with DIR, a directory that has one",
            c->out);
    return good;
}

// ---- all

void udm_converting_init(udm_converting *converting, size_t size)
{
    const udm_converting all = { .size = size };
    udm_copy_sized(converting, size, &all, sizeof all);
}

static bool convert(conversion *c)
{
    struct stat status;
    if (lstat(c->out, &status) == 0)
        return udm_fail(c->error, UDM_ERROR_SETTINGS, "%s: something is there already, and is not overwritten", c->out);
    if (asprintf(&c->partial, "%s.part-%ld", c->out, (long)getpid()) < 0) {
        c->partial = NULL;
        return fail_memory(c);
    }
    if (!read_file(c))
        return false;
    say_found(c);
    return find_rest(c) && write_directory(c);
}

bool udm_convert(const char *in, const char *out, const udm_converting *with, udm_error *error)
{
    if (!udm_check_argument(in, "the file", error) || !udm_check_argument(out, "the directory", error) ||
        !udm_check_argument(with, "the conversion", error))
        return false;
    if (with->size < sizeof *with)
        return udm_fail(error, UDM_ERROR_SETTINGS, "the conversion has %zu bytes: start with udm_converting_init()",
                        with->size);
    size_t length = strlen(out);
    while (length > 1 && out[length - 1] == '/')
        length--;
    char *plain = strndup(out, length);
    conversion c = { .with = with, .in = in, .out = plain, .error = error };
    const bool good =
        plain && length > 0 ? convert(&c) : udm_fail(error, UDM_ERROR_SETTINGS, "the directory's name is empty");
    for (int i = 0; i < UDM_PARTS; i++) {
        free(c.lists[i].saved), free(c.lists[i].config);
        udm_part_close(&c.borrowed[i]);
    }
    udm_weights_free(c.weights);
    free(c.tokenizer), free(c.partial), free(plain);
    return good;
}
