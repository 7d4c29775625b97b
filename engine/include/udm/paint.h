// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * Pictures of what a text says. By the way of DALL-E 2 a prompt, or a picture, becomes the embedding of a picture, and
 * of an embedding a decoder draws pictures; that of a prompt may also hold what a decoder is told of the text itself.
 * By that of latent diffusion (Stable Diffusion and its kin) a prompt and its negative become tokens, which a U-Net
 * attends to as it draws, and a picture is where it begins. Embeddings may be mixed: on the way from one to another lie
 * pictures between the two.
 */
#ifndef UDM_PAINT_H
#define UDM_PAINT_H

#include "udm/image.h"
#include "udm/model.h"
#include "udm/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Belongs to one thread at a time, but for udm_painter_cancel(). */
typedef struct udm_painter udm_painter;

/**
 * Opens a model that draws what a text says. Networks that read prompts are opened when the first one comes.
 * @param settings all but channels, class_label, lookahead and ensemble is used; steps is that of the decoder, for
 * which 10 is usual. Width and height may be 0: the size that the model was trained on
 * @return the painter, for udm_painter_free(); it must not outlive the model. NULL with SETTINGS, UNSUPPORTED (a model
 *         that knows no text), CORRUPT, NOT_FOUND, DEVICE or MEMORY
 */
UDM_API udm_painter *udm_painter_open(const udm_model *model, const udm_settings *settings, udm_error *error);
UDM_API void udm_painter_free(udm_painter *painter); /**< NULL is fine */

UDM_API int udm_painter_width(const udm_painter *painter);
UDM_API int udm_painter_height(const udm_painter *painter);
UDM_API int udm_painter_size(const udm_painter *painter); /**< of an embedding: how many values it has */
/** What noise a picture begins with: channels, height and width of what the network draws. */
UDM_API void udm_painter_latents(const udm_painter *painter, int shape[3]);
UDM_API bool udm_painter_looks(const udm_painter *painter); /**< whether it makes an embedding of a picture */

/** A prompt. Start with udm_prompting_init(). Strings need only live until the call returns. */
typedef struct udm_prompting {
    size_t size;          /**< of this struct, as passed to udm_prompting_init() */
    const char *text;     /**< in UTF-8, with weights such as "(word:1.3)" (udm.1); what is beyond the length that the
                               model reads is left out */
    const char *negative; /**< what the picture is to be kept away from; NULL (default) or "": nothing */
    double guidance; /**< scale of classifier-free guidance of the prior, 0 to 100, 1 is none; or #UDM_GUIDANCE_USUAL
                          (default): 2, and 4 where pictures are enlarged (Karlo) */
    int steps;       /**< of the prior, up to #UDM_MAX_STEPS; default 25. 0: a decoder that is told texts is told
                          nothing else, and `negative` and `guidance` mean nothing */
} udm_prompting;

UDM_API void udm_prompting_init(udm_prompting *prompting, size_t size); /**< @param size sizeof *prompting */

/**
 * The embedding of a picture of which a prompt speaks; it depends on the seed. Those of the last prompts are kept.
 * @param embedding [udm_painter_size()]
 * @return false with SETTINGS, CANCELLED, DEVICE, MEMORY, or what is wrong with the files of the networks
 */
UDM_API bool udm_painter_read(udm_painter *painter, const udm_prompting *prompting, float *embedding, udm_error *error);

/**
 * The embedding of a picture of three channels, of any size, of which the middle square is seen, without a text.
 * @return as above, and false with UNSUPPORTED unless udm_painter_looks()
 */
UDM_API bool udm_painter_look(udm_painter *painter, const udm_image *image, float *embedding, udm_error *error);

/** A picture to be drawn. Start with udm_painting_init(). */
typedef struct udm_painting {
    size_t size;            /**< of this struct, as passed to udm_painting_init() */
    const float *embedding; /**< [udm_painter_size()] */
    double guidance;        /**< scale of classifier-free guidance, 0 to 100, or #UDM_GUIDANCE_USUAL (default); 1 is
                                 none, and so is less with latent diffusion */
    double rescale;         /**< how much of the contrast that this adds is taken back, 0 (default) to 1 */
    uint64_t number;        /**< names its noise, together with the seed */
    const float *latents;   /**< the noise it begins with, of udm_painter_latents(); NULL (default): that of seed and
                                 number */
    void (*progress)(void *context, int done, int steps); /**< NULL (default), or called before each step */
    void *context;                                        /**< passed to it */
    const float *image; /**< of latent diffusion: the picture that is changed, or filled, [3, height, width] in [-1, 1];
                             NULL (default): none */
    const float *mask;  /**< of models that fill holes: where they are, [height, width], 0.5 and more being a hole */
    int super_res_steps; /**< of the networks that enlarge what was drawn, where the model has some (Karlo), 1 to
                              #UDM_MAX_STEPS; 0 (default) is 7 */
    double strength;     /**< of the change: the share of the steps that is made, to 1; 0 (default) is 0.8, or 1 where
                              holes are filled */
} udm_painting;

UDM_API void udm_painting_init(udm_painting *painting, size_t size); /**< @param size sizeof *painting */

/**
 * @param planes [3, height, width], nominally in [-1, 1]: udm_image_from_planes() makes an image of them
 * @return false with SETTINGS, CANCELLED, DEVICE or MEMORY
 */
UDM_API bool udm_painter_paint(udm_painter *painter, const udm_painting *painting, float *planes, udm_error *error);

/** As udm_restorer_cancel(). */
UDM_API void udm_painter_cancel(udm_painter *painter, bool cancel);

/** frames: drawn. @param size sizeof *stats */
UDM_API void udm_painter_stats(const udm_painter *painter, udm_stats *stats, size_t size);

#ifdef __cplusplus
}
#endif
#endif
