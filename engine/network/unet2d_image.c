// SPDX-License-Identifier: LGPL-2.1-or-later
// ImageProjection and ImageTimeEmbedding of diffusers: the embedding of a picture becomes tokens, and a vector that is
// added to the embedding of the time. The processor computes them, once for each embedding.
#include <math.h>
#include <stdlib.h>

#include "network/unet2d.h"

static const double EPSILON = 1e-5;

static float *read(const udm_weights *weights, const char *name, int64_t rows, int64_t columns, udm_error *error)
{
    return udm_weights_read(weights, name, columns ? 2 : 1, (int64_t[]){ rows, columns }, error);
}

bool udm_unet2d_image_read(udm_unet2d *net, const udm_weights *weights, udm_error *error)
{
    udm_unet2d_image *to = &net->image;
    const int64_t size = net->config.embedding, width = net->config.token_width, all = UDM_IMAGE_TOKENS * width;
    const int64_t time = net->config.time_width;
    return (to->token_weight = read(weights, "encoder_hid_proj.image_embeds.weight", all, size, error)) &&
           (to->token_bias = read(weights, "encoder_hid_proj.image_embeds.bias", all, 0, error)) &&
           (to->token_gamma = read(weights, "encoder_hid_proj.norm.weight", width, 0, error)) &&
           (to->token_beta = read(weights, "encoder_hid_proj.norm.bias", width, 0, error)) &&
           (to->added_weight = read(weights, "add_embedding.image_proj.weight", time, size, error)) &&
           (to->added_bias = read(weights, "add_embedding.image_proj.bias", time, 0, error)) &&
           (to->added_gamma = read(weights, "add_embedding.image_norm.weight", time, 0, error)) &&
           (to->added_beta = read(weights, "add_embedding.image_norm.bias", time, 0, error));
}

void udm_unet2d_image_clear(udm_unet2d_image *image)
{
    free(image->token_weight), free(image->token_bias), free(image->token_gamma), free(image->token_beta);
    free(image->added_weight), free(image->added_bias), free(image->added_gamma), free(image->added_beta);
    *image = (udm_unet2d_image){ 0 };
}

// y[step i] = weight[i] x + bias[i]
static void multiply(const float *weight, const float *bias, const float *x, int in, int out, float *y, int step)
{
    for (int i = 0; i < out; i++) {
        double sum = bias[i];
        for (int k = 0; k < in; k++)
            sum += (double)weight[(size_t)i * in + k] * x[k];
        y[(size_t)i * step] = (float)sum;
    }
}

static void normalise(float *x, int step, int count, const float *gamma, const float *beta)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < count; i++)
        sum += x[(size_t)i * step];
    const double mean = sum / count;
    for (int i = 0; i < count; i++)
        squares += (x[(size_t)i * step] - mean) * (x[(size_t)i * step] - mean);
    const double gain = 1 / sqrt(squares / count + EPSILON);
    for (int i = 0; i < count; i++)
        x[(size_t)i * step] = (float)((x[(size_t)i * step] - mean) * gain * gamma[i] + beta[i]);
}

void udm_unet2d_image_embed(const udm_network *network, const float *embedding, float *condition)
{
    const udm_unet2d *net = (const udm_unet2d *)network;
    const udm_unet2d_image *image = &net->image;
    const int size = net->config.embedding, time = net->config.time_width, width = net->config.token_width;
    float *tokens = condition + time;
    multiply(image->added_weight, image->added_bias, embedding, size, time, condition, 1);
    normalise(condition, 1, time, image->added_gamma, image->added_beta);
    for (int t = 0; t < UDM_IMAGE_TOKENS; t++) {
        const float *weight = image->token_weight + (size_t)t * width * size;
        multiply(weight, image->token_bias + (size_t)t * width, embedding, size, width, tokens + t, UDM_IMAGE_TOKENS);
        normalise(tokens + t, UDM_IMAGE_TOKENS, width, image->token_gamma, image->token_beta);
    }
}
