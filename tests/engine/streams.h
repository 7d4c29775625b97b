// SPDX-License-Identifier: LGPL-2.1-or-later
// Small frames, and streams that they pass.
#ifndef UDM_TEST_STREAMS_H
#define UDM_TEST_STREAMS_H

#include "golden.h"
#include "udm/udm.h"

enum { W = 37, H = 22, BYTES = W * H * 3 };

static inline udm_image image_of(uint8_t *pixels, int width, int height, int channels)
{
    udm_image image = { .width = width, .height = height, .channels = channels, .bits = 8 };
    for (int c = 0; c < channels; c++)
        image.data[c] = pixels + c, image.stride[c] = width * channels, image.step[c] = channels;
    return image;
}

static inline void paint(uint8_t *pixels, size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++)
        pixels[i] = (uint8_t)((i * 2654435761u + seed * 40503u) >> 23);
}

static inline udm_restorer *open_stream(const udm_model *model, int channels, int steps, const char *sampler)
{
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.channels = channels;
    settings.device = "cpu", settings.threads = 1, settings.steps = steps, settings.sampler = sampler;
    settings.lookahead = 0;
    udm_restorer *stream = udm_restorer_open(model, &settings, &error);
    ck_assert_msg(stream, "%s", error.message);
    return stream;
}

// Pushes and pulls one frame.
static inline udm_pulled pass(udm_restorer *stream, udm_frame frame, uint8_t *out, int channels, udm_error *error)
{
    udm_image to = image_of(out, W, H, channels);
    if (!udm_restorer_push(stream, &frame, error))
        return UDM_PULLED_FAILED;
    return udm_restorer_pull(stream, &to, error);
}

// One that must come out.
static inline void must_pass(udm_restorer *stream, udm_frame frame, uint8_t *out, int channels)
{
    udm_error error = { 0 };
    assert_ok(pass(stream, frame, out, channels, &error) == UDM_PULLED_FRAME, &error);
}

#endif
