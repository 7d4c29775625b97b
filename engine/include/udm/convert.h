// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * Single files of Stable Diffusion 1 and 2 to directories in the layout of diffusers, which udm_model_open() opens.
 */
#ifndef UDM_CONVERT_H
#define UDM_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#include "udm/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Start with udm_converting_init(). Strings need only live until the call returns. */
typedef struct udm_converting {
    size_t size;            /**< of this struct, as passed to udm_converting_init() */
    const char *with;       /**< a directory of Stable Diffusion, or of a tokenizer: NULL (default), or what the file
                                 lacks is taken from it. A tokenizer is in no such file */
    const char *prediction; /**< "epsilon" or "v_prediction"; NULL (default): it is guessed, as no tensor says it */
    void (*said)(void *context, const char *line); /**< NULL (default), or told what was found and guessed */
    bool (*progress)(void *context, uint64_t done, uint64_t bytes); /**< NULL (default), or called while files are
                                                                         written; false ends that with CANCELLED */
    void *context;                                                  /**< passed to both */
} udm_converting;

UDM_API void udm_converting_init(udm_converting *converting, size_t size); /**< @param size sizeof *converting */

/**
 * Writes a directory of what a file holds: safetensors in the names of the code of Latent Diffusion, and OpenCLIP's.
 * Weights keep their type; a few MiB of them are in memory at a time. The directory appears when it is complete and was
 * opened; until then it lies beside itself, as OUT.part-NUMBER.
 * @param in the file, or the index (.json) of several
 * @param out a path where nothing is
 * @return false with SETTINGS (also: something is at `out`), NOT_FOUND, UNREADABLE (also: it cannot be written),
 * CORRUPT, UNSUPPORTED (it is something else; a pickle, with the command that converts it), CANCELLED or MEMORY
 */
UDM_API bool udm_convert(const char *in, const char *out, const udm_converting *converting, udm_error *error);

#ifdef __cplusplus
}
#endif
#endif
