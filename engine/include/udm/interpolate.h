// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * The frames between two frames, and beyond them.
 */
#ifndef UDM_INTERPOLATE_H
#define UDM_INTERPOLATE_H

#include "udm/image.h"
#include "udm/model.h"
#include "udm/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Belongs to one thread at a time but for its cancel. */
typedef struct udm_interpolator udm_interpolator;

/**
 * Opens an interpolator.
 * @param model must outlive it; NULL: both frames are moved to the instant along their motion and blended. With a model
 *        one step gives the mean of what the frame may be, too; more begin with noise, and draw what cannot be known
 * @param settings lookahead is not used; alpha takes channels of 3; without a model steps and ensemble must be 1, and
 * device "auto" or "cpu"
 * @return for udm_interpolator_free(); NULL with SETTINGS, NOT_FOUND, UNSUPPORTED, DEVICE or MEMORY
 */
UDM_API udm_interpolator *udm_interpolator_open(const udm_model *model, const udm_settings *settings, udm_error *error);
UDM_API void udm_interpolator_free(udm_interpolator *interpolator); /**< NULL is fine */

/**
 * The two frames that others are made between from now on. They are copied.
 * @param seconds from the first to the second; 0 if not known. If the first is the second of the pair before, of which
 *        frames were made, motion may bend there
 * @return false with SETTINGS
 */
UDM_API bool udm_interpolator_pair(udm_interpolator *interpolator, const udm_image *first, const udm_image *second,
                                   double seconds, udm_error *error);

/**
 * What comes after the second, if it is known: set after the pair and before its first frame is made, it lets motion
 * bend at the second, too. A frame beyond a cut is left out.
 * @param seconds from the second; 0 if not known
 * @return false with SETTINGS
 */
UDM_API bool udm_interpolator_follow(udm_interpolator *interpolator, const udm_image *after, double seconds,
                                     udm_error *error);

/**
 * As udm_interpolator_pair(), of frames with alpha, if the settings say so. Colours are straight, not premultiplied;
 * alpha moves with them, and those of what is transparent do not matter.
 * @param first_alpha,second_alpha of one channel, and as large as the frames; NULL: all of it is opaque
 * @return false with SETTINGS
 */
UDM_API bool udm_interpolator_pair_alpha(udm_interpolator *interpolator, const udm_image *first,
                                         const udm_image *first_alpha, const udm_image *second,
                                         const udm_image *second_alpha, double seconds, udm_error *error);

/** As udm_interpolator_follow(), with alpha. */
UDM_API bool udm_interpolator_follow_alpha(udm_interpolator *interpolator, const udm_image *after,
                                           const udm_image *alpha, double seconds, udm_error *error);

/**
 * How little the two frames have in common: 0 where one is the other, moved, up to 1; from 0.3 on a cut lies between.
 * Once udm_interpolator_follow() was called it also tells a fade that begins there, which has nothing of a cut, and a
 * flash, which begins and ends at once.
 */
UDM_API double udm_interpolator_change(const udm_interpolator *interpolator);

/** Whether the second frame is the first again, but for what compression does. */
UDM_API bool udm_interpolator_repeats(const udm_interpolator *interpolator);

/**
 * Makes a frame. The first one for a pair takes longest, as it finds the motion.
 * @param position of the instant: 0 is the first frame and 1 the second; -8 to 9
 * @param number names the noise that is drawn
 * @return false with SETTINGS (also if no pair is set), CANCELLED, DEVICE or MEMORY
 */
UDM_API bool udm_interpolator_make(udm_interpolator *interpolator, double position, uint64_t number,
                                   const udm_image *out, udm_error *error);

/** As udm_interpolator_make(). @param alpha takes it; NULL: it is dropped */
UDM_API bool udm_interpolator_make_alpha(udm_interpolator *interpolator, double position, uint64_t number,
                                         const udm_image *out, const udm_image *alpha, udm_error *error);

/**
 * Keeps the shutter open for a part of the pair: what udm_interpolator_develop() makes is the mean over all intervals
 * that were exposed since it was last called, of this and earlier pairs, along the motion. Each counts by how many
 * seconds it lasts, or as a share of its pair if those are not known. Faster motion takes more frames to make.
 * @param from,to positions as for udm_interpolator_make(), the first not after the second
 * @param number names the noise that is drawn
 * @return false with SETTINGS (also if no pair is set), CANCELLED, DEVICE or MEMORY; what was exposed before is lost
 */
UDM_API bool udm_interpolator_expose(udm_interpolator *interpolator, double from, double to, uint64_t number,
                                     udm_error *error);

/** Makes a frame of what was exposed. @param out NULL: it is thrown away @return false with SETTINGS or CANCELLED */
UDM_API bool udm_interpolator_develop(udm_interpolator *interpolator, const udm_image *out, udm_error *error);

/** As udm_interpolator_develop(). @param alpha takes it; NULL: it is dropped */
UDM_API bool udm_interpolator_develop_alpha(udm_interpolator *interpolator, const udm_image *out,
                                            const udm_image *alpha, udm_error *error);

/** As udm_restorer_cancel(). */
UDM_API void udm_interpolator_cancel(udm_interpolator *interpolator, bool cancel);

/** frames: made. @param size sizeof *stats */
UDM_API void udm_interpolator_stats(const udm_interpolator *interpolator, udm_stats *stats, size_t size);

/** Planes of udm_interpolator_context(). */
enum { UDM_INTERPOLATOR_CONTEXT = 8 };

/**
 * What the last frame was made of, for training; owned by the interpolator and valid until the next call. Planes in
 * [-1, 1]; NULL before a frame was made.
 */
UDM_API const float *udm_interpolator_moved(const udm_interpolator *interpolator, int which); /**< [C, H, W]; 0 or 1 */
UDM_API const float *
udm_interpolator_mean(const udm_interpolator *interpolator); /**< [C, H, W]: of all that is blended */
UDM_API const float *udm_interpolator_level(const udm_interpolator *interpolator); /**< [H, W]: how little is known */
/**
 * [#UDM_INTERPOLATOR_CONTEXT, H, W]: by how much the first frame, the second, and what lies still differ from the mean;
 * the weight of each in it; and how much of either frame moved there.
 */
UDM_API const float *udm_interpolator_context(const udm_interpolator *interpolator);

#ifdef __cplusplus
}
#endif
#endif
