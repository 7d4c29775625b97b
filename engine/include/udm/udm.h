// SPDX-License-Identifier: LGPL-2.1-or-later
// udm: diffusion for media pipelines. Restores a stream of frames with a model:
//
//     udm_error error = { 0 };
//     udm_model *model = udm_model_open("models/denoise", &error);
//     udm_settings settings = udm_settings_default();
//     settings.width = 640, settings.height = 480, settings.channels = 3;
//     udm_restorer *stream = udm_restorer_open(model, &settings, &error);
//     for (each frame) {
//         udm_frame frame = { .image = &in, .time = udm_model_time(model, 25), .number = n };
//         udm_restorer_push(stream, &frame, &error);
//         while (udm_restorer_pull(stream, &out, &error) == UDM_PULLED_FRAME)
//             show(out);
//     }
//     udm_restorer_end(stream);      // then pull until UDM_PULLED_END
//     udm_restorer_free(stream);
//     udm_model_free(model);
//
// Errors: a call that can fail returns false or NULL (or UDM_PULLED_FAILED) and fills *error, which may be NULL.
// Ownership: the caller owns all that it passes; images need only live until the call returns. Each *_free takes NULL.
// Threads: a model is immutable, may be shared by threads and must outlive its streams. A stream belongs to one thread
// at a time, except udm_restorer_cancel(), which any thread may call at any time. Nothing is global.
#ifndef UDM_H
#define UDM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "udm/error.h"
#include "udm/timing.h"
#include "udm/image.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct udm_model udm_model;
typedef struct udm_restorer udm_restorer;

UDM_API udm_model *udm_model_open(const char *directory, udm_error *error);
UDM_API void udm_model_free(udm_model *model);

// What the frames that a model restores have suffered, and how much of it: its amount. Strings are static.
typedef struct udm_degradation {
    const char *process; // a name of udm_list_processes
    const char *measure; // of the amount, for people
    double usual, most; // amounts: what frames have if nothing is said, -1 if that is estimated and 0 if the model does
                        // not say; and what the model knows, as more is taken for that
    bool holes;         // pixels are lost, or not at all: udm_frame.known says which
} udm_degradation;

UDM_API udm_degradation udm_model_degradation(const udm_model *model);

// The time t in [0, 1] at which the model's process has done that to a frame: for noise, at which it has the standard
// deviation `amount` on the 0-255 scale; at most udm_degradation.most.
UDM_API double udm_model_time(const udm_model *model, double amount);
UDM_API double udm_model_amount(const udm_model *model, double time); // and back

enum { UDM_MAX_LOOKAHEAD = 8, UDM_MAX_ENSEMBLE = 8 };

typedef struct udm_settings {
    int width, height;     // 1 to 65536
    int channels;          // 1 or 3
    const char *device;    // "auto", "cpu", ... (udm_list_devices). Where that fails which "auto" chose, "cpu" goes on
    const char *precision; // "f32", "bf16" or "auto" (udm_list_precisions)
    int threads;           // 0: all
    int steps;             // 1 to 1000; 1 gives the posterior mean
    const char *sampler;   // "model", that of its scheduler, or one of udm_list_samplers
    const char *schedule;  // "model", or one of udm_list_schedules: how the noise falls with time
    const char *spacing;   // "model", or one of udm_list_spacings: at which times the steps stand
    int label;             // the class, of a model that has classes; -1: none
    uint64_t seed;         // of the noise of strength and of stochastic samplers
    int lookahead;         // frames that are held back, so that each is seen in the light of as many after it; 0 to 8
    int ensemble;          // views of a frame, turned and mirrored, of which the network's estimates are averaged; each
                           // takes the time of one. 1 to 8
    size_t memory_limit;   // bytes for a frame's computation; larger frames are done in tiles. 0: 1 GiB
} udm_settings;

UDM_API udm_settings udm_settings_default(void); // all but width and height

// Opens a stream on a model. Errors: SETTINGS (names the field, such as a lookahead for a model that sees each frame
// alone), NOT_FOUND (a device), MEMORY.
UDM_API udm_restorer *udm_restorer_open(const udm_model *model, const udm_settings *settings, udm_error *error);
UDM_API void udm_restorer_free(udm_restorer *restorer);

// Runs the model's network once over whole clips, as a stream, with no sampler around it: what parity tests compare.
// settings: width, height, device, threads, label and memory_limit are used. x: [clips, channels, frames, height,
// width], each frame as x_t at times[frame]; out: the network's output, of the same shape. channels: those of
// udm_model_info(). A network that makes video takes clips of its own size and number of frames.
UDM_API bool udm_model_forward(const udm_model *model, const udm_settings *settings, int clips, int frames,
                               const float *x, const double *times, float *out, udm_error *error);

// The motion that a stream on this model finds between the frames of a clip, for training; it must have a preview.
// settings: width, height, channels (the preview's), device, threads and memory_limit are used. x: [channels, frames,
// height, width] in [-1, 1] with noise of `sigma` (0-255 scale) in it. flow: [2, frames - 1, height, width], in pixels,
// x before y: frame k + 1 at p shows what frame k shows at p + flow(p).
UDM_API bool udm_model_flow(const udm_model *model, const udm_settings *settings, int frames, const float *x,
                            double sigma, float *flow, udm_error *error);

// Pictures from nothing, or on from what a process left of them, with a model for any process.
typedef struct udm_sampling {
    int count;         // of pictures
    double guidance;   // to settings.label: 1 as the model was trained, 0 not at all; others look twice
    double rescale;    // how much of the contrast that this adds is taken back, 0 to 1
    double classifier; // how far the gradient of the model's classifier pushes them there, too; 0: not
    double eta;        // of the sampler "ddim": its share of the noise that "ddpm" draws, 0 to 1
    const float *from; // x_t at `time`, [count, channels, height, width]; NULL: noise
    double time;       // above 0, at most 1
    bool invert;       // the other way: from pictures to the noise that "ddim" makes them of
    // NULL, or called with what the network is about to see, as a picture of the same planes as those of `out`.
    void (*seen)(void *context, int picture, int estimate, double time, const float *x);
    void *context;
} udm_sampling;

// settings: all but channels, lookahead and ensemble is used; label: the class, or -1. out: [count, channels, height,
// width], nominally in [-1, 1]; one channel where the model has symbols. Picture k depends on the seed and on k, not on
// `count`.
UDM_API bool udm_model_sample(const udm_model *model, const udm_settings *settings, const udm_sampling *sampling,
                              float *out, udm_error *error);

typedef struct udm_info {
    const char *network, *prediction, *schedule; // names, for people
    int steps;                                   // of the schedule; 0: continuous time
    int channels;                                // of a frame
    int stride;                                  // the network pads frames to multiples of it, inside
    int reach;                                   // of the network: pixels farther away have no influence
    int memory_frames;                           // ... nor have frames farther back, but through the prediction
    bool predicted;                              // a stream carries a prediction of each frame, which fades
    int64_t weights;
    const char *process, *measure; // udm_degradation
    double max_amount;             // of noise, or whatever the process does, that it was trained for
    int width, height;             // of what it makes, or of the pictures that it learned from; 0: frames of any size
    int frames;                    // ... and how many it looks at, at once
    int classes;                   // of what it makes
    bool symbols;                  // its pixels are symbols, shown as one plane of greys
} udm_info;

UDM_API bool udm_model_info(const udm_model *model, udm_info *info, udm_error *error);

#define UDM_TIME_ESTIMATE (-1.0) // the time is that of the noise which is estimated, per scene

// A frame as it enters: its pixels at their time.
typedef struct udm_frame {
    const udm_image *image; // the stream's size and channels; 8 to 16 bits
    double time;            // of the whole frame, in [0, 1], or UDM_TIME_ESTIMATE
    const float *time_map;  // NULL, or a time in [0, 1] for each pixel, [height, width]
    // NULL, or which pixels are known, as an image of one channel: the largest value for those that are, and the stream
    // comes back with them, 0 for those that are lost; between, with the probability that they are known, mixed by it.
    // For models of udm_degradation.holes; instead of a time.
    const udm_image *known;
    double strength;    // 0 to 1: the process goes on until the time is this share of the model's highest
    uint64_t number;    // names its noise
    bool discontinuity; // what came before says nothing about it
} udm_frame;

typedef enum udm_pulled {
    UDM_PULLED_FRAME,   // out holds the next frame, in the order in which they were pushed
    UDM_PULLED_NOTHING, // push more
    UDM_PULLED_END,     // all were pulled after udm_restorer_end()
    UDM_PULLED_FAILED,  // see *error; UDM_ERROR_CANCELLED if cancelled: the frame stays and can be pulled again
} udm_pulled;

UDM_API bool udm_restorer_push(udm_restorer *restorer, const udm_frame *frame, udm_error *error);
// Computes the next frame into out (the stream's size and channels, 8 to 16 bits; may be the memory of the pushed
// image).
UDM_API udm_pulled udm_restorer_pull(udm_restorer *restorer, const udm_image *out, udm_error *error);
UDM_API void udm_restorer_end(udm_restorer *restorer);
UDM_API void udm_restorer_reset(udm_restorer *restorer); // flush: drops what is held, forgets the past, undoes end
// Frames held back: lookahead, or what a model that makes video has in the making.
UDM_API int udm_restorer_delay(const udm_restorer *restorer);
UDM_API void udm_restorer_cancel(udm_restorer *restorer,
                                 bool cancel); // true: a running pull returns soon, and so do later ones

typedef struct udm_stats {
    uint64_t frames; // pulled
    uint64_t scenes; // seen
    double sigma;    // of the noise in the last frame, 0-255 scale, given or estimated; 0 where it was not noise
    double last_ms, mean_ms; // time of a pull
    size_t memory;           // bytes for state and activations
    int tiles;               // a frame is done in
    char device[128];        // for people: the one in use
    char warning[704];       // for people: why "auto" uses another device than it would; or empty
} udm_stats;

UDM_API void udm_restorer_stats(const udm_restorer *restorer, udm_stats *stats);

// Calls found(context, operation, timing) for each operation that the device timed so far: those of "cpu:profile" and
// "opencl:N:profile" do, which makes the latter slower; others have nothing to tell.
UDM_API void udm_restorer_profile(const udm_restorer *restorer, udm_timed found, void *context);

// The frames between two, and beyond them. Opens on a model, or on NULL: the mean of both pictures, each moved to the
// instant, which takes one step. With a model one step makes the mean, too; more begin with noise, and draw what cannot
// be known. It belongs to one thread at a time, as a stream does.
typedef struct udm_interpolator udm_interpolator;

UDM_API udm_interpolator *udm_interpolator_open(const udm_model *model, const udm_settings *settings, udm_error *error);
UDM_API void udm_interpolator_free(udm_interpolator *interpolator);

// The two pictures that frames are asked for from now on. seconds: from the first to the second; 0 if not known. If the
// first is the second of the pair before, of which frames were made, motion may bend there.
UDM_API bool udm_interpolator_pair(udm_interpolator *interpolator, const udm_image *first, const udm_image *second,
                                   double seconds, udm_error *error);
// What comes after the second, so many seconds later (0 if not known), if that is known: told before the pair's first
// frame is made, it lets motion bend at the second, too. A picture beyond a cut is left out.
UDM_API bool udm_interpolator_follow(udm_interpolator *interpolator, const udm_image *after, double seconds,
                                     udm_error *error);
// How little the two have in common: 0 where one is the other, moved, up to 1; from 0.3 on a cut lies between them.
UDM_API double udm_interpolator_change(const udm_interpolator *interpolator);
// Whether the second is the first again, but for what compression does.
UDM_API bool udm_interpolator_repeats(const udm_interpolator *interpolator);
// The frame at a position, any number of times for a pair: 0 is the first and 1 the second; -8 to 9. The first one for
// a pair takes longest, for it finds the motion. number: names the noise.
UDM_API bool udm_interpolator_make(udm_interpolator *interpolator, double position, uint64_t number,
                                   const udm_image *out, udm_error *error);
// As udm_restorer_cancel().
UDM_API void udm_interpolator_cancel(udm_interpolator *interpolator, bool cancel);
UDM_API void udm_interpolator_stats(const udm_interpolator *interpolator, udm_stats *stats); // frames: made

// What the last frame was made of, valid until the next call. A network is told, in planes [height, width], by how much
// the first picture, the second, and what lies still differ from their mean; what weight each has in that; and how much
// of either picture moved there. For training.
enum { UDM_INTERPOLATOR_CONTEXT = 8 };
UDM_API const float *udm_interpolator_moved(const udm_interpolator *interpolator,
                                            int which);                              // [channels, H, W]; which: 0 or 1
UDM_API const float *udm_interpolator_mean(const udm_interpolator *interpolator);    // [channels, H, W]: their mean
UDM_API const float *udm_interpolator_level(const udm_interpolator *interpolator);   // [H, W]: how little that is known
UDM_API const float *udm_interpolator_context(const udm_interpolator *interpolator); // [UDM_INTERPOLATOR_CONTEXT, H, W]

// Video from nothing, with a model that makes some (udm_info.width). A frame is a function of its number, the settings
// (but not of the device's threads), and of what was wished of the frames of its scene.

// What a frame shall show.
typedef struct udm_frame_params {
    int class;       // of the model's; any other, such as -1: one that is drawn for the scene
    double guidance; // how far it is pushed to its class: 1 as the model was trained, 0 not; others take twice the time
    double rescale;  // how much of the contrast that this adds is taken back, 0 to 1
} udm_frame_params;

typedef struct udm_generation {
    double rate;    // frames a second, 0.1 to 1000: how far things move from frame to frame
    uint64_t scene; // frames after which the video begins anew, which bounds what jumping to a frame costs; 0: never
    // The last frames of a clip from which the first scene goes on, the last of them being the one before frame 0, or a
    // picture; of the model's own size and channels (udm_info), at `rate` frames a second. As many as its window has
    // frames are looked at. Only frames whose class is wished are told one. 0: nothing is known.
    const udm_image *known;
    int known_count;
    bool residual_guidance; // guidance asks the network without the class once a frame, not once a step
    bool keep_state;        // layers along time keep what they read of known frames until the next frame
    bool preview;           // each step of each frame is a frame of its own: see udm_generator_steps()
    // Fills in what frame `number` shall show; *wish holds class -1, guidance 1 and rescale 0. NULL: those. Called from
    // udm_generator_make(), once for a frame each time it is computed, some frames ahead.
    void (*frame_params)(void *context, uint64_t number, udm_frame_params *frame_params);
    void *context;
} udm_generation;

typedef struct udm_generator udm_generator;

// settings: memory_limit, lookahead and ensemble are not used; width and height are the model's own or the same
// multiple of both; a grey model makes frames of 3 channels, too; more steps than the model's window makes frames at
// once are rounded up to whole turns of it. The film is copied.
UDM_API udm_generator *udm_generator_open(const udm_model *model, const udm_settings *settings,
                                          const udm_generation *params, udm_error *error);
UDM_API void udm_generator_free(udm_generator *generator);

// Computes frame `number` into out (8 to 16 bits). The next frame after the last one costs `steps` evaluations of the
// network on a frame; another one, all frames from the last or from the beginning of its scene. Errors: CANCELLED,
// after which the same or another can be asked for; DEVICE.
UDM_API bool udm_generator_make(udm_generator *generator, uint64_t number, const udm_image *out, udm_error *error);
// How many steps a frame really takes. With film.preview, number n of udm_generator_make() is the frame n / steps after
// n % steps + 1 of its steps, and the last of them is the frame itself; wishes are for frames.
UDM_API int udm_generator_steps(const udm_generator *generator);
UDM_API void udm_generator_cancel(udm_generator *generator, bool cancel);           // as udm_restorer_cancel()
UDM_API void udm_generator_stats(const udm_generator *generator, udm_stats *stats); // frames: made; scenes: begun

// What there is. Each calls found(context, name, about) once per entry.
typedef void (*udm_found)(void *context, const char *name, const char *about);
UDM_API void udm_list_devices(udm_found found, void *context);
UDM_API void udm_list_precisions(udm_found found, void *context);
UDM_API void udm_list_samplers(udm_found found, void *context);
UDM_API void udm_list_schedules(udm_found found, void *context);
UDM_API void udm_list_spacings(udm_found found, void *context);
UDM_API void udm_list_processes(udm_found found, void *context);

UDM_API const char *udm_version(void);

#ifdef __cplusplus
}
#endif
#endif
