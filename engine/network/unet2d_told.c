// SPDX-License-Identifier: LGPL-2.1-or-later
// ImageProjection with ImageTimeEmbedding of diffusers, or TextImageProjection with TextImageTimeEmbedding: the
// embedding of a picture becomes tokens, beside which stand those of a text, and a vector that is added to the
// embedding of the time, as does the embedding of the text. UnCLIPTextProjModel, a model of its own, is the same in
// other layers. The processor computes them, once for each picture and text; and what the frame rate of a film adds to
// the embedding of the time.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "network/unet2d.h"

static const double EPSILON = 1e-5;
static const double OCTAVE = 100; // what sinusoids of a frame rate take for an octave of it

static float *read(const udm_weights *weights, const char *name, int64_t rows, int64_t columns, udm_error *error)
{
    return udm_weights_read(weights, name, columns ? 2 : 1, (int64_t[]){ rows, columns }, error);
}

static bool read_linear(udm_unet2d_linear *to, const udm_weights *weights, const char *const names[2], int64_t rows,
                        int64_t columns, udm_error *error)
{
    return (to->weight = read(weights, names[0], rows, columns, error)) &&
           (to->bias = read(weights, names[1], rows, 0, error));
}

static bool read_norm(udm_unet2d_linear *to, const udm_weights *weights, const char *const names[2], int64_t count,
                      udm_error *error)
{
    return (to->gamma = read(weights, names[0], count, 0, error)) &&
           (to->beta = read(weights, names[1], count, 0, error));
}

#define NAMES(layer) ((const char *const[2]){ layer ".weight", layer ".bias" })

// Of the frame rate: from as many sinusoids as the time has.
static bool read_rate(udm_unet2d *net, const udm_weights *weights, udm_error *error)
{
    udm_unet2d_told *to = &net->told;
    const int64_t time = net->config.time_width;
    return read_linear(&to->rate[0], weights, NAMES("fps_embedding.linear_1"), time, net->base.times, error) &&
           read_linear(&to->rate[1], weights, NAMES("fps_embedding.linear_2"), time, time, error);
}

// Rows [width, tokens] to [tokens, width]; columns: of each. false without memory
static bool transpose(float **matrix, int width, int tokens, int columns, udm_error *error)
{
    const size_t row = (size_t)columns * sizeof(float);
    float *turned = malloc((size_t)width * tokens * row);
    if (!turned)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for the layers of a network");
    for (int c = 0; c < width; c++)
        for (int t = 0; t < tokens; t++)
            memcpy(turned + ((size_t)t * width + c) * columns, *matrix + ((size_t)c * tokens + t) * columns, row);
    free(*matrix);
    *matrix = turned;
    return true;
}

// A UnCLIPTextProjModel (Ramesh et al. 2022, section 2.1), whose tokens lie channel by channel.
static bool read_apart(udm_unet2d *net, udm_error *error)
{
    udm_unet2d_told *to = &net->told;
    const udm_unet2d_config *config = &net->config;
    const udm_weights *from = net->told_weights;
    const int size = config->told.picture, width = config->token_width, own = config->own_tokens;
    return (to->nothing = read(from, "learned_classifier_free_guidance_embeddings", size, 0, error)) &&
           read_linear(&to->tokens, from, NAMES("clip_extra_context_tokens_proj"), own * width, size, error) &&
           transpose(&to->tokens.weight, width, own, size, error) &&
           transpose(&to->tokens.bias, width, own, 1, error) &&
           read_linear(&to->words, from, NAMES("encoder_hidden_states_proj"), width, size, error) &&
           read_norm(&to->words, from, NAMES("text_encoder_hidden_states_norm"), width, error) &&
           read_linear(&to->picture, from, NAMES("clip_image_embeddings_project_to_time_embeddings"),
                       config->time_width, size, error) &&
           read_linear(&to->text, from, NAMES("embedding_proj"), config->time_width, size, error);
}

bool udm_unet2d_told_read(udm_unet2d *net, const udm_weights *weights, udm_error *error)
{
    if (net->config.told_apart)
        return read_apart(net, error);
    udm_unet2d_told *to = &net->told;
    const udm_unet2d_config *config = &net->config;
    const udm_embedding_shape *told = &config->told;
    const int64_t width = config->token_width, tokens = udm_unet2d_tokens(config) - told->tokens;
    const int64_t time = config->time_width;
    if (config->time != UDM_TIME_NONE && !read_rate(net, weights, error))
        return false;
    if (!read_linear(&to->tokens, weights, NAMES("encoder_hid_proj.image_embeds"), tokens * width, told->picture,
                     error) ||
        !read_linear(&to->picture, weights, NAMES("add_embedding.image_proj"), time, told->picture, error))
        return false;
    if (told->text == 0)
        return read_norm(&to->tokens, weights, NAMES("encoder_hid_proj.norm"), width, error) &&
               read_norm(&to->picture, weights, NAMES("add_embedding.image_norm"), time, error);
    return read_linear(&to->words, weights, NAMES("encoder_hid_proj.text_proj"), width, told->token_width, error) &&
           read_linear(&to->text, weights, NAMES("add_embedding.text_proj"), time, told->text, error) &&
           read_norm(&to->text, weights, NAMES("add_embedding.text_norm"), time, error);
}

static void clear_linear(udm_unet2d_linear *linear)
{
    free(linear->weight), free(linear->bias), free(linear->gamma), free(linear->beta);
    *linear = (udm_unet2d_linear){ 0 };
}

void udm_unet2d_told_clear(udm_unet2d_told *told)
{
    clear_linear(&told->tokens);
    clear_linear(&told->words);
    clear_linear(&told->picture);
    clear_linear(&told->text);
    clear_linear(&told->rate[0]);
    clear_linear(&told->rate[1]);
    free(told->nothing);
    told->nothing = NULL;
}

// Values that lie `step` apart.
typedef struct row {
    float *at;
    int count, step;
} row;

// y += weight x + bias; of the layer, the rows from `first` on.
static void add(const udm_unet2d_linear *linear, int first, const float *x, int in, int step, row y)
{
    for (int i = 0; i < y.count; i++) {
        const float *weight = linear->weight + (size_t)(first + i) * in;
        double sum = linear->bias[first + i];
        for (int k = 0; k < in; k++)
            sum += (double)weight[k] * x[(size_t)k * step];
        y.at[(size_t)i * y.step] += (float)sum;
    }
}

static void normalise(const udm_unet2d_linear *linear, row y)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < y.count; i++)
        sum += y.at[(size_t)i * y.step];
    const double mean = sum / y.count;
    for (int i = 0; i < y.count; i++)
        squares += (y.at[(size_t)i * y.step] - mean) * (y.at[(size_t)i * y.step] - mean);
    const double gain = 1 / sqrt(squares / y.count + EPSILON);
    for (int i = 0; i < y.count; i++) {
        float *value = &y.at[(size_t)i * y.step];
        *value = (float)((*value - mean) * gain * linear->gamma[i] + linear->beta[i]);
    }
}

void udm_unet2d_told_embed(const udm_network *network, const float *embedding, float *condition)
{
    const udm_unet2d *net = (const udm_unet2d *)network;
    const udm_unet2d_told *layers = &net->told;
    const udm_embedding_shape *told = &net->config.told;
    const int width = net->config.token_width, own = net->config.own_tokens;
    const int count = udm_network_seen_tokens(network, embedding);
    const float *text = embedding + told->picture, *words = text + told->text;
    const row time = { condition, net->config.time_width, 1 };
    float *tokens = condition + time.count; // [width, 1, count]
    memset(condition, 0, (time.count + (size_t)count * width) * sizeof *condition);
    if (told->text > 0) {
        add(&layers->text, 0, text, told->text, 1, time);
        if (layers->text.gamma)
            normalise(&layers->text, time);
    }
    add(&layers->picture, 0, embedding, told->picture, 1, time);
    if (layers->picture.gamma)
        normalise(&layers->picture, time);
    for (int t = 0; t < count; t++) {
        const row token = { tokens + t, width, count };
        if (t < own)
            add(&layers->tokens, t * width, embedding, told->picture, 1, token);
        else
            add(&layers->words, 0, words + t - own, told->token_width, told->tokens, token);
        const udm_unet2d_linear *of = t < own ? &layers->tokens : &layers->words;
        if (of->gamma)
            normalise(of, token);
    }
}

// linear_2(silu(linear_1(sinusoids of its logarithm)))
void udm_unet2d_told_rate(const udm_network *network, double rate, float *condition)
{
    const udm_unet2d *net = (const udm_unet2d *)network;
    const int times = network->times, width = net->config.time_width;
    float inner[width], sines[times];
    udm_unet2d_embed_time(net, OCTAVE * log2(rate), sines);
    memset(inner, 0, sizeof inner);
    add(&net->told.rate[0], 0, sines, times, 1, (row){ inner, width, 1 });
    for (int i = 0; i < width; i++)
        inner[i] /= 1 + expf(-inner[i]);
    add(&net->told.rate[1], 0, inner, width, 1, (row){ condition, width, 1 });
}
