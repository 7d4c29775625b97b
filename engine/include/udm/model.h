// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * Models: directories in the layout of Hugging Face diffusers. A model is immutable once it is open, may be shared by
 * threads, and must outlive what is opened on it.
 */
#ifndef UDM_MODEL_H
#define UDM_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "udm/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct udm_model udm_model;

/**
 * The directory of a model.
 * @param name a path, if it has a slash or is "." or ".."; otherwise a folder that is looked for in each folder of the
 *        environment variable UDM_MODEL_PATH, a list separated by colons, then among the installed models
 *        (udm_data_directory()), then in the working directory
 * @return its canonical path, for free(); NULL with SETTINGS (name is NULL or empty), NOT_FOUND, UNREADABLE or MEMORY
 */
UDM_API char *udm_model_find(const char *name, udm_error *error);

/**
 * Opens a model directory: model_index.json, and a folder per part with config.json and safetensors (F32, F16, BF16),
 * which are mapped, not read. Or two other models, one of which is asked, by the noise of each frame. Pickled weights
 * are refused, with the command that converts them.
 * @param name as for udm_model_find(), such as "denoise"
 * @return the model, for udm_model_free(); NULL with SETTINGS (name is NULL or empty), NOT_FOUND, UNREADABLE, CORRUPT
 *         (the file is named), UNSUPPORTED (a class, or a key that changes the maths: it is named) or MEMORY
 */
UDM_API udm_model *udm_model_open(const char *name, udm_error *error);
UDM_API void udm_model_free(udm_model *model); /**< NULL is fine */

/**
 * Has the weights of the U-Net, or decoder, and of the text encoder changed by LoRAs: safetensors with the names of
 * kohya's scripts, or of diffusers, old and new. Before anything is opened on the model, which all of it then sees.
 * @param list "FILE[:SCALE]", 1 being the usual scale; several are separated by semicolons
 * @return false, with nothing changed, with SETTINGS, NOT_FOUND, CORRUPT, UNSUPPORTED (a tensor that is none of a LoRA,
 *         or changes none of the model: it is named) or MEMORY
 */
UDM_API bool udm_model_add_loras(udm_model *model, const char *list, udm_error *error);

/** The degradation that a model undoes. Strings are static. */
typedef struct udm_degradation {
    const char *process; /**< the forward process x_t = F_t(x0, e): a name of udm_list_processes() */
    const char *measure; /**< of its amount, for people: "standard deviation of the noise, 0-255 scale" */
    double usual;        /**< the default amount; -1: it is estimated, 0: the model has none */
    double most;         /**< the largest amount that the model was trained for; larger ones are clamped */
    bool holes;          /**< pixels are lost, or not at all: udm_frame.known says which */
    bool told;           /**< nothing is undone: frames are drawn anew by what a text says (udm_restorer_tell()) */
} udm_degradation;

/** Owned by the model. */
UDM_API const udm_degradation *udm_model_degradation(const udm_model *model);

/**
 * The time t in [0, 1] at which the model's process has degraded a frame by that amount: for noise, at which it has
 * that standard deviation on the 0-255 scale. Amounts outside [0, udm_degradation.most] are clamped.
 */
UDM_API double udm_model_time(const udm_model *model, double amount);
UDM_API double udm_model_amount(const udm_model *model, double time); /**< the inverse; time in [0, 1] */

/** What kind of noise a frame has. */
typedef enum udm_noise_kind {
    UDM_NOISE_JUDGED, /**< nobody said so: it is found out */
    UDM_NOISE_WHITE,  /**< white over pixels and colours */
    UDM_NOISE_OTHER,  /**< of cameras, film and codecs; of 4:2:0 and 4:2:2 always, as chroma is coarser there */
} udm_noise_kind;

/** Facts about a model. Strings are static. */
typedef struct udm_info {
    const char *network;    /**< its class */
    const char *prediction; /**< what it predicts: "epsilon", "x0" or "v" */
    const char *schedule;   /**< its noise schedule: a name of udm_list_schedules() */
    int steps;              /**< timesteps that the schedule was trained with; 0: continuous time */
    int channels;           /**< of a frame */
    int stride;             /**< frames are padded to multiples of it, inside */
    int reach;              /**< the receptive field: pixels farther away have no influence */
    int memory_frames;      /**< nor have frames farther back, but through the temporal filter */
    bool temporal_filter;   /**< each frame is restored with a motion-compensated prediction from its neighbours */
    int64_t weights;        /**< how many parameters */
    const char *process, *measure; /**< as in udm_degradation */
    double max_amount;             /**< udm_degradation.most */
    int width, height; /**< of what it makes, or of the pictures that it was trained on; 0: frames of any size */
    int frames;        /**< that it makes at once; 0: it makes no video */
    int classes;       /**< that it can be conditioned on; 0: none */
    bool symbols;      /**< its pixels are symbols, shown as one plane of greys */
    bool experts;      /**< it asks one of two models, by the noise of a frame; these are facts of the first */
    int embedding;     /**< values of the embedding of a prompt or a picture, of which it draws; 0: it knows none */
    uint64_t memory;   /**< bytes that drawing takes on the processor, in f32, without a limit to all; 0: not known */
    double work;       /**< multiply-adds of an evaluation of the network, which guidance doubles; 0: not known */
    uint64_t least_memory; /**< the least udm_settings.total_memory that it can be drawn with; 0: not known */
    int size_step; /**< pictures may have any width and height that are multiples of it; 0: the model's own, enlarged */
} udm_info;

/**
 * Opens the network for a moment to read its facts.
 * @param size sizeof *info
 * @return false with UNSUPPORTED, CORRUPT, MEMORY or SETTINGS
 */
UDM_API bool udm_model_info(const udm_model *model, udm_info *info, size_t size, udm_error *error);

/**
 * Whether udm_restorer_open() takes the model for frames of that size and so many channels, by a look at its network.
 * @return false with UNSUPPORTED (it is for something else), SETTINGS (it is for other frames), CORRUPT or MEMORY
 */
UDM_API bool udm_model_restores(const udm_model *model, int width, int height, int channels, udm_error *error);
/** ... udm_interpolator_open() for frames of so many channels. */
UDM_API bool udm_model_interpolates(const udm_model *model, int channels, udm_error *error);

/** A network of a model. Strings are valid as long as the model. */
typedef struct udm_part {
    const char *name;       /**< its folder: "unet", "text_encoder", ... */
    const char *class_name; /**< of diffusers, of transformers, or of ours */
    int64_t weights;        /**< how many parameters */
    uint64_t bytes;         /**< that they take in its file, which is mapped */
} udm_part;

/** Calls found() for each network of a model. */
UDM_API void udm_model_parts(const udm_model *model, void (*found)(void *context, const udm_part *part), void *context);

#ifdef __cplusplus
}
#endif
#endif
