// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * Fields in, frames out. A field shows every second row of the picture at its instant; the rows between are lost there
 * (the process "rows" at a half), and the fields before and after have shown them.
 */
#ifndef UDM_FIELDS_H
#define UDM_FIELDS_H

#include "udm/image.h"
#include "udm/restore.h"
#include "udm/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/** It belongs to one thread at a time but for its cancel. */
typedef struct udm_deinterlacer udm_deinterlacer;

/** What comes out. */
typedef enum udm_deinterlace {
    UDM_DEINTERLACE_FRAMES, /**< a frame for each that goes in: its first field, completed */
    UDM_DEINTERLACE_FIELDS, /**< a frame for each field, completed */
    UDM_DEINTERLACE_WHOLE,  /**< as FRAMES, but where another field is of the same instant, as in film that lasts for 3
                                 and 2 fields in turns, or for 2, both are woven and nothing is guessed */
    UDM_DEINTERLACE_FILM,   /**< that undone: each picture of film once, woven of its fields; of video among it, a frame
                                 for each that goes in */
} udm_deinterlace;

/**
 * Opens a deinterlacer. Memory is allocated when the first frame says how its components are stored.
 * @param settings width, height, channels, alpha, threads and an instruction set in device ("cpu:avx2") are used
 * @return for udm_deinterlacer_free(); NULL with SETTINGS, NOT_FOUND or MEMORY
 */
UDM_API udm_deinterlacer *udm_deinterlacer_open(const udm_settings *settings, udm_deinterlace how, udm_error *error);
UDM_API void udm_deinterlacer_free(udm_deinterlacer *deinterlacer); /**< NULL is fine */

/** A frame as it enters: two fields, row by row in turns. All is copied. */
typedef struct udm_woven {
    const udm_image *image; /**< of the deinterlacer's size and channels. Components are taken as they are, at their own
                                 size: of shared chroma each field has every second row, too */
    const udm_image *alpha; /**< of one channel, if the settings say that there is any; NULL: it is opaque */
    bool bottom_first;      /**< the bottom field, whose first row is the second of the frame, is the earlier one */
    bool one_field;         /**< there is only that which is first; the other rows mean nothing */
    bool progressive;       /**< both are of one instant: the frame comes out as it is */
    bool repeat_first;      /**< the first field is shown again after the second, as that of a third (soft telecine) */
    bool discontinuity;     /**< it is not a continuation of the frames before */
} udm_woven;

/**
 * Takes in the next frame; no motion is found yet.
 * @return false with SETTINGS (also if frames are left to be pulled, or frames are stored in another way than those
 * before) or MEMORY
 */
UDM_API bool udm_deinterlacer_push(udm_deinterlacer *deinterlacer, const udm_woven *frame, udm_error *error);

/** A field of a frame that was pushed, of which the first is 0. */
typedef struct udm_field_at {
    uint64_t frame;
    int field; /**< 0 for the field that is shown first, 1 for the second, 2 for the first shown again */
} udm_field_at;

/** What came out. */
typedef struct udm_unwoven {
    udm_field_at first, last; /**< the fields in whose place it stands; it is at the instant of the first */
    udm_field_at next; /**< UDM_DEINTERLACE_FILM: the last field of what comes out next; `last` if nothing does */
    bool woven;        /**< of rows that went in alone: nothing was guessed */
    uint64_t done;     /**< so many frames have nothing to do with what comes out from now on */
} udm_unwoven;

/**
 * Makes the next frame. The rows of the field come out as they went in, bit for bit. To be called until there is
 * nothing.
 * @param out of the size and the kind of those that were pushed; may be the memory of a pushed image
 * @param alpha takes alpha; NULL: it is dropped
 * @param made may be NULL
 * @param error SETTINGS or CANCELLED
 */
UDM_API udm_pulled udm_deinterlacer_pull(udm_deinterlacer *deinterlacer, const udm_image *out, const udm_image *alpha,
                                         udm_unwoven *made, udm_error *error);

/** Whether there is a frame to be pulled. */
UDM_API bool udm_deinterlacer_ready(udm_deinterlacer *deinterlacer);

/**
 * For when there is no time: from the next frame on, no motion is found. What a field lacks is guessed from its own
 * rows, and with UDM_DEINTERLACE_FRAMES and UDM_DEINTERLACE_FIELDS no frame waits for the one after it. Film is still
 * found.
 */
UDM_API void udm_deinterlacer_hurry(udm_deinterlacer *deinterlacer, bool hurry);

UDM_API void udm_deinterlacer_end(udm_deinterlacer *deinterlacer);   /**< no more frames: the last can be pulled */
UDM_API void udm_deinterlacer_reset(udm_deinterlacer *deinterlacer); /**< drops what is held, undoes the end */
/** Frames that are held back, at the most: 1, or with UDM_DEINTERLACE_WHOLE and UDM_DEINTERLACE_FILM 9. */
UDM_API int udm_deinterlacer_delay(const udm_deinterlacer *deinterlacer);

/** As udm_restorer_cancel(). */
UDM_API void udm_deinterlacer_cancel(udm_deinterlacer *deinterlacer, bool cancel);

/** frames: that came out. @param size sizeof *stats */
UDM_API void udm_deinterlacer_stats(const udm_deinterlacer *deinterlacer, udm_stats *stats, size_t size);

#ifdef __cplusplus
}
#endif
#endif
