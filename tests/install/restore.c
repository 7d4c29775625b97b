// SPDX-License-Identifier: LGPL-2.1-or-later
// A program that uses an installed udm: takes the noise out of a grey frame.
#include <stdio.h>
#include <stdlib.h>

#include <udm/udm.h>

enum { SIDE = 64, SIGMA = 25, VALUES = SIDE * SIDE * 3 };

static unsigned char pixels[VALUES];

static int uniform(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (int)(*state >> 24); // 0 to 255
}

// The sum of four is close to a normal deviate, of variance 4 (256^2 - 1) / 12.
static void add_noise(void)
{
    unsigned state = 1;
    for (int i = 0; i < VALUES; i++) {
        int sum = -510;
        for (int k = 0; k < 4; k++)
            sum += uniform(&state);
        const int value = 128 + sum * SIGMA / 148;
        pixels[i] = (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

static double squared_error(void)
{
    double sum = 0;
    for (int i = 0; i < VALUES; i++)
        sum += (pixels[i] - 128) * (pixels[i] - 128);
    return sum / VALUES;
}

static bool restore(const udm_model *model, udm_error *error)
{
    udm_image image = { .width = SIDE, .height = SIDE, .channels = 3, .bits = 8 };
    for (int c = 0; c < 3; c++)
        image.data[c] = pixels + c, image.stride[c] = 3 * SIDE, image.step[c] = 3;
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = settings.height = SIDE;
    udm_restorer *restorer = udm_restorer_open(model, &settings, error);
    udm_frame frame = { .image = &image, .time = udm_model_time(model, SIGMA) };
    bool good = restorer && udm_restorer_push(restorer, &frame, error);
    udm_restorer_end(restorer); // nothing to look ahead to
    good = good && udm_restorer_pull(restorer, &image, error) == UDM_PULLED_FRAME;
    udm_restorer_free(restorer);
    return good;
}

int main(void)
{
    udm_error error = { 0 };
    udm_model *model = udm_model_open("denoise", &error);
    add_noise();
    const double before = squared_error();
    const bool good = model && restore(model, &error);
    udm_model_free(model);
    if (!good) {
        fprintf(stderr, "%s\n", error.message);
        return EXIT_FAILURE;
    }
    printf("C, udm %s: a squared error of %.1f became %.1f\n", udm_version(), before, squared_error());
    return before > 500 && squared_error() < before / 20 ? EXIT_SUCCESS : EXIT_FAILURE;
}
