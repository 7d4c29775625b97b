// SPDX-License-Identifier: LGPL-2.1-or-later
// What the files of the public interface share.
#ifndef UDM_API_SETTINGS_H
#define UDM_API_SETTINGS_H

#include "backend/backend.h"
#include "base/log.h"
#include "base/threads.h"
#include "model/model.h"
#include "network/network.h"
#include "diffusion/reverse.h"
#include "udm/udm.h"

// False with SETTINGS: "`what` is NULL".
bool udm_check_argument(const void *argument, const char *what, udm_error *error);
// False with SETTINGS unless that is a picture (udm_image_check()) of this size. what: "the frame", say.
bool udm_check_image(const udm_image *image, const char *what, int width, int height, int channels, udm_error *error);
// Copies what fits of a struct into one that may be of another version; what is beyond becomes 0.
void udm_copy_sized(void *to, size_t room, const void *from, size_t size);

// The size of the first udm_settings that was released.
#define UDM_SETTINGS_LEAST (offsetof(udm_settings, log_context) + sizeof(void *))
// The caller's settings as this version has them: fields that it does not know have their defaults.
bool udm_settings_read(udm_settings *own, const udm_settings *settings, udm_error *error);
// Once what is opened with them is open: strings, which are the caller's, become those of the lists.
void udm_settings_keep(udm_settings *own);
// Size, channels and threads: what every use of a model needs.
bool udm_settings_check(const udm_settings *settings, udm_error *error);
// Steps, sampler, schedule and spacing.
bool udm_settings_check_method(const udm_settings *settings, udm_error *error);
// The sampler and the steps that are set, or those of the model's scheduler. The noise and the number of steps of the
// timesteps are left to the caller. Errors: UNSUPPORTED, if the scheduler names a method that is not implemented.
typedef struct udm_method {
    const udm_sampler *sampler;
    int order, ease_below; // udm_loop_settings
    udm_timesteps timesteps;
} udm_method;

bool udm_settings_method(const udm_settings *settings, const udm_model *model, udm_method *method, udm_error *error);
// What a time means: the model's noise, or that of the schedule that is set, which is put into *own.
const udm_noise *udm_settings_noise(const udm_settings *settings, const udm_model *model, udm_noise *own,
                                    udm_error *error);
// The settings of the reverse loop, but for the process, its extent, its highest time, and a workspace. noise: as
// above; it must outlive what is opened with *reverse. Errors: those of udm_settings_method().
bool udm_settings_reverse(const udm_settings *settings, const udm_model *model, const udm_network *network,
                          const udm_noise *noise, udm_reverse_settings *reverse, udm_error *error);
size_t udm_settings_memory(const udm_settings *settings); // memory_limit, or what 0 stands for
// False with UNSUPPORTED if total_memory is set: for all that does not follow it.
bool udm_settings_unlimited(const udm_settings *settings, udm_error *error);

// As many threads as are set, for kernels of the instruction sets that the device's name allows. Errors: those of
// udm_pool_new() and udm_device_isa().
udm_pool *udm_settings_pool(const udm_settings *settings, udm_error *error);

// The device that is set, for kernels of the precision that is set. The caller closes it.
udm_device *udm_settings_device(const udm_settings *settings, udm_error *error);

// A model's network; NULL with *error.
udm_network *udm_open_network_on(const udm_model *model, udm_device *device, udm_error *error);

// ... on a device of its own; the caller frees both, also when this fails.
bool udm_open_network(const udm_model *model, const udm_settings *settings, udm_device **device, udm_network **network,
                      udm_error *error);

// Logs which device frames are computed on, and, once, that another one took over.
void udm_log_device(const udm_settings *settings, const udm_device *device, int tiles);
void udm_log_fallback(const udm_settings *settings, const udm_device *device, bool *logged);

double udm_now_ms(void);
void udm_stats_device(udm_stats *stats, const udm_device *device); // which is in use, and why
void udm_stats_count(udm_stats *stats, double start_ms);           // one more frame, which was begun then

#endif
