// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/paint.h: what painters of all kinds are asked, and the prompts that they keep. Kinds are in pipelines/.
#include <stdlib.h>
#include <string.h>

#include "api/painter.h"

// ---- opening

static const udm_painter_kind *kind_of(const udm_model *model)
{
    return udm_model_has_latents(model) ? &udm_painter_latent : &udm_painter_unclip;
}

static bool check_model(const udm_model *model, udm_error *error)
{
    return udm_model_text(model) ||
           udm_fail(error, UDM_ERROR_UNSUPPORTED,
                    "%s knows no text: for a prompt use a model with a text_encoder, a prior and a decoder, such as "
                    "world, or a directory of Stable Diffusion",
                    udm_model_directory(model));
}

static bool read_settings(udm_painter *painter, const udm_settings *settings, udm_error *error)
{
    udm_settings *own = &painter->settings;
    if (!udm_settings_read(own, settings, error))
        return false;
    own->channels = 3, own->lookahead = 0, own->ensemble = 1;
    return udm_settings_check_method(own, error);
}

udm_painter *udm_painter_open(const udm_model *model, const udm_settings *settings, udm_error *error)
{
    if (!udm_check_argument(model, "the model", error) || !udm_check_argument(settings, "the settings", error) ||
        !check_model(model, error))
        return NULL;
    udm_painter *painter = calloc(1, sizeof *painter);
    if (!painter) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a painter");
        return NULL;
    }
    painter->scheduler = udm_model_scheduler(model);
    painter->kind = kind_of(model);
    painter->stats.tiles = 1;
    if (!read_settings(painter, settings, error) || !painter->kind->open(painter, model, error)) {
        udm_painter_free(painter);
        return NULL;
    }
    udm_log_device(&painter->settings, painter->device, painter->stats.tiles);
    udm_log_fallback(&painter->settings, painter->device, &painter->warned);
    return painter;
}

void udm_painter_free(udm_painter *painter)
{
    if (!painter)
        return;
    for (int i = 0; i < UDM_KEPT_PROMPTS; i++)
        free(painter->kept[i].text), free(painter->kept[i].negative);
    painter->kind->close(painter);
    udm_painter_close_network(painter);
    udm_loop_free(painter->loop);
    udm_device_close(painter->device);
    udm_noise_clear(&painter->own_noise);
    free(painter->memory);
    free(painter);
}

int udm_painter_width(const udm_painter *painter)
{
    return painter->settings.width;
}

int udm_painter_height(const udm_painter *painter)
{
    return painter->settings.height;
}

int udm_painter_size(const udm_painter *painter)
{
    return painter->size;
}

void udm_painter_latents(const udm_painter *painter, int shape[3])
{
    shape[0] = painter->channels, shape[1] = painter->height, shape[2] = painter->width;
}

// ---- embeddings

void udm_prompting_init(udm_prompting *prompting, size_t size)
{
    const udm_prompting all = { .size = size, .guidance = UDM_GUIDANCE_USUAL, .steps = 25 };
    udm_copy_sized(prompting, size, &all, sizeof all);
}

static bool check_scale(double guidance, udm_error *error)
{
    return (guidance >= 0 && guidance <= 100) ||
           udm_fail(error, UDM_ERROR_SETTINGS, "a guidance scale of %g: it must be 0 to 100", guidance);
}

static bool check_prompting(const udm_prompting *p, udm_error *error)
{
    if (!udm_check_argument(p, "the prompt", error))
        return false;
    if (p->size < sizeof *p)
        return udm_fail(error, UDM_ERROR_SETTINGS, "the prompt has %zu bytes: start with udm_prompting_init()",
                        p->size);
    if (p->steps < 0 || p->steps > UDM_MAX_STEPS)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a prior of %d steps: it must be 0 to %d", p->steps, UDM_MAX_STEPS);
    return udm_check_argument(p->text, "the text of the prompt", error) &&
           (p->guidance == UDM_GUIDANCE_USUAL || check_scale(p->guidance, error));
}

// The prompt among those that are kept, or the place for a new one: the one that was used least recently.
static udm_kept_prompt *find_kept(udm_painter *painter, const udm_prompting *p)
{
    udm_kept_prompt *oldest = painter->kept;
    for (int i = 0; i < UDM_KEPT_PROMPTS; i++) {
        udm_kept_prompt *kept = &painter->kept[i];
        if (kept->text && strcmp(kept->text, p->text) == 0 && strcmp(kept->negative, p->negative) == 0 &&
            kept->guidance == p->guidance && kept->steps == p->steps)
            return kept;
        oldest = kept->used < oldest->used ? kept : oldest;
    }
    free(oldest->text), free(oldest->negative);
    oldest->text = oldest->negative = NULL;
    return oldest;
}

bool udm_painter_read(udm_painter *painter, const udm_prompting *prompting, float *embedding, udm_error *error)
{
    if (!check_prompting(prompting, error) || !udm_check_argument(embedding, "the embedding", error))
        return false;
    udm_prompting p = *prompting;
    p.negative = p.negative ? p.negative : "";
    udm_kept_prompt *kept = find_kept(painter, &p);
    if (!kept->text) {
        if (!painter->kind->read(painter, &p, kept->embedding, error))
            return false;
        udm_log_fallback(&painter->settings, painter->device, &painter->warned);
        kept->text = strdup(p.text), kept->negative = strdup(p.negative);
        kept->guidance = p.guidance, kept->steps = p.steps;
        if (!kept->text || !kept->negative)
            return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a prompt");
    }
    kept->used = ++painter->clock;
    memcpy(embedding, kept->embedding, painter->size * sizeof *embedding);
    return true;
}

bool udm_painter_look(udm_painter *painter, const udm_image *image, float *embedding, udm_error *error)
{
    if (!udm_check_argument(image, "the picture", error) || !udm_check_argument(embedding, "the embedding", error) ||
        !udm_check_image(image, "the picture", image->width, image->height, 3, error))
        return false;
    if (!painter->kind->look)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "this model looks at no picture to resemble: it changes one (\"udm generate --image\")");
    float *planes = malloc((size_t)image->width * image->height * 3 * sizeof *planes);
    if (!planes)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a picture of %dx%d", image->width, image->height);
    udm_image_to_planes(image, planes);
    const bool good = painter->kind->look(painter, planes, image->width, image->height, embedding, error);
    free(planes);
    return good;
}

bool udm_painter_looks(const udm_painter *painter)
{
    return painter->kind->look != NULL;
}

// ---- drawing

void udm_painting_init(udm_painting *painting, size_t size)
{
    const udm_painting all = { .size = size, .guidance = UDM_GUIDANCE_USUAL };
    udm_copy_sized(painting, size, &all, sizeof all);
}

static bool check_painting(const udm_painting *p, udm_error *error)
{
    if (!udm_check_argument(p, "the painting", error))
        return false;
    if (p->size < sizeof *p)
        return udm_fail(error, UDM_ERROR_SETTINGS, "the painting has %zu bytes: start with udm_painting_init()",
                        p->size);
    if (!(p->rescale >= 0 && p->rescale <= 1))
        return udm_fail(error, UDM_ERROR_SETTINGS, "a rescale of %g: it must be 0 to 1", p->rescale);
    if (p->super_res_steps < 0 || p->super_res_steps > UDM_MAX_STEPS)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%d steps of super-resolution: it must be 1 to %d, or 0 for 7",
                        p->super_res_steps, UDM_MAX_STEPS);
    if (!(p->strength >= 0 && p->strength <= 1))
        return udm_fail(error, UDM_ERROR_SETTINGS, "a strength of %g: it must be 0 to 1", p->strength);
    return udm_check_argument(p->embedding, "the embedding", error) &&
           (p->guidance == UDM_GUIDANCE_USUAL || check_scale(p->guidance, error));
}

bool udm_painter_paint(udm_painter *painter, const udm_painting *p, float *planes, udm_error *error)
{
    if (!check_painting(p, error) || !udm_check_argument(planes, "the planes", error))
        return false;
    const double begun = udm_now_ms();
    painter->guidance = p->guidance == UDM_GUIDANCE_USUAL ? painter->kind->guidance : p->guidance;
    const bool good = painter->kind->paint(painter, p, planes, error);
    udm_log_fallback(&painter->settings, painter->device, &painter->warned);
    if (good)
        udm_stats_count(&painter->stats, begun);
    return good;
}

void udm_painter_cancel(udm_painter *painter, bool cancel)
{
    atomic_store(&painter->cancelled, cancel);
}

void udm_painter_stats(const udm_painter *painter, udm_stats *stats, size_t size)
{
    udm_stats all = painter->stats;
    all.memory = painter->tiles ? udm_tiling_memory(painter->tiles) : 0;
    udm_stats_device(&all, painter->device);
    udm_copy_sized(stats, size, &all, sizeof all);
}
