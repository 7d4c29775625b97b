// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads and unfolds a PriorTransformer.
#include "network/prior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXTRA = 4 };                 // tokens after those of the text
static const double EPSILON = 1e-5; // of every normalisation

static const char *const known[] = { "num_attention_heads",
                                     "attention_head_dim",
                                     "num_layers",
                                     "embedding_dim",
                                     "num_embeddings",
                                     "additional_embeddings",
                                     "dropout",
                                     "time_embed_act_fn",
                                     "encoder_hid_proj_type",
                                     "added_emb_type",
                                     "time_embed_dim",
                                     "embedding_proj_dim",
                                     "clip_embed_dim",
                                     NULL };

static bool fail_value(const udm_config *config, const char *key, udm_error *error)
{
    return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                    "%s: this is not implemented: \"%s\" with another value than its "
                    "default",
                    udm_config_path(config), key);
}

static bool check_words(const udm_config *config, udm_error *error)
{
    static const char *const words[][2] = { { "time_embed_act_fn", "silu" },
                                            { "encoder_hid_proj_type", "linear" },
                                            { "added_emb_type", "prd" } };
    for (int i = 0; i < 3; i++) {
        const char *value = words[i][1];
        if (!udm_config_string(config, words[i][0], &value, error))
            return false;
        if (udm_config_is_null(config, words[i][0]) || strcmp(value, words[i][1]) != 0)
            return fail_value(config, words[i][0], error);
    }
    return true;
}

static bool read_config(udm_prior *prior, const udm_config *config, udm_error *error)
{
    int head = 64, extra = EXTRA, other[2];
    prior->layers =
        (udm_transformer){ .heads = 32, .count = 20, .eps = EPSILON, .activation = UDM_GELU, .causal = true };
    prior->size = 768, prior->length = 77;
    if (!udm_config_only(config, known, error) || !check_words(config, error) ||
        !udm_config_int(config, "num_attention_heads", 1, 1024, &prior->layers.heads, error) ||
        !udm_config_int(config, "attention_head_dim", 1, 4096, &head, error) ||
        !udm_config_int(config, "num_layers", 1, 256, &prior->layers.count, error) ||
        !udm_config_int(config, "embedding_dim", 1, 16384, &prior->size, error) ||
        !udm_config_int(config, "num_embeddings", 2, 65536, &prior->length, error) ||
        !udm_config_int(config, "additional_embeddings", 0, 65536, &extra, error))
        return false;
    other[0] = other[1] = prior->size;
    prior->width = prior->layers.width = prior->time_width = prior->layers.heads * head;
    prior->layers.inner = 4 * prior->width;
    if (!udm_config_int(config, "embedding_proj_dim", 1, 16384, &other[0], error) ||
        !udm_config_int(config, "clip_embed_dim", 1, 16384, &other[1], error) ||
        !udm_config_int(config, "time_embed_dim", 1, 65536, &prior->time_width, error))
        return false;
    return (extra == EXTRA || fail_value(config, "additional_embeddings", error)) &&
           (other[0] == prior->size || fail_value(config, "embedding_proj_dim", error)) &&
           (other[1] == prior->size || fail_value(config, "clip_embed_dim", error));
}

static bool read_tables(udm_prior *prior, const udm_weights *weights, udm_error *error)
{
    const int64_t width = prior->width, size = prior->size;
    prior->places =
        udm_weights_read(weights, "positional_embedding", 3, (int64_t[]){ 1, prior->length + EXTRA, width }, error);
    if (prior->places)
        prior->answer = udm_weights_read(weights, "prd_embedding", 3, (int64_t[]){ 1, 1, width }, error);
    if (prior->answer)
        prior->mean = udm_weights_read(weights, "clip_mean", 2, (int64_t[]){ 1, size }, error);
    if (prior->mean)
        prior->deviation = udm_weights_read(weights, "clip_std", 2, (int64_t[]){ 1, size }, error);
    return prior->deviation;
}

static bool read_layers(udm_prior *prior, const udm_weights *weights, udm_error *error)
{
    const int width = prior->width, size = prior->size;
    const struct {
        udm_layer *layer;
        int in, out;
        const char *name;
    } linear[] = {
        { &prior->time[0], width, prior->time_width, "time_embedding.linear_1" },
        { &prior->time[1], prior->time_width, width, "time_embedding.linear_2" },
        { &prior->noisy, size, width, "proj_in" },
        { &prior->text, size, width, "embedding_proj" },
        { &prior->tokens, size, width, "encoder_hidden_states_proj" },
        { &prior->out, width, size, "proj_to_clip_embeddings" },
    };
    for (size_t i = 0; i < sizeof linear / sizeof *linear; i++)
        if (!udm_layer_open_linear(linear[i].layer, linear[i].in, linear[i].out, weights, linear[i].name, prior->device,
                                   error))
            return false;
    return udm_transformer_open(&prior->layers, "transformer_blocks", &udm_diffusers_names, weights, prior->device,
                                error) &&
           udm_norm_layer_open(&prior->norm, width, 1, EPSILON, weights, "norm_out", prior->device, error) &&
           read_tables(prior, weights, error) && udm_weights_all_read(weights, error);
}

udm_prior *udm_prior_open(const udm_config *config, const udm_weights *weights, udm_device *device, udm_error *error)
{
    udm_prior *prior = calloc(1, sizeof *prior);
    if (!prior) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a network");
        return NULL;
    }
    prior->device = device;
    prior->weights = udm_weights_total(weights);
    if (read_config(prior, config, error) && read_layers(prior, weights, error))
        return prior;
    udm_prior_free(prior);
    return NULL;
}

void udm_prior_free(udm_prior *prior)
{
    if (!prior)
        return;
    udm_transformer_close(&prior->layers, prior->device);
    udm_norm_layer_close(&prior->norm, prior->device);
    udm_layer *const all[] = { &prior->time[0], &prior->time[1], &prior->noisy,
                               &prior->text,    &prior->tokens,  &prior->out };
    for (int i = 0; i < 6; i++)
        udm_layer_close(all[i], prior->device);
    free(prior->places), free(prior->answer), free(prior->mean), free(prior->deviation);
    free(prior);
}

bool udm_prior_build(const udm_prior *prior, udm_graph *graph, int count, udm_error *error)
{
    const int width = prior->width, size = prior->size;
    const udm_shape shapes[UDM_PRIOR_INPUTS] = { { size, 1, 1 },     { width, 1, 1 },     { size, 1, 1 },
                                                 { size, 1, count }, { width, 1, count }, { width, 1, EXTRA } };
    udm_value in[UDM_PRIOR_INPUTS], extra[EXTRA];
    for (int i = 0; i < UDM_PRIOR_INPUTS; i++)
        in[i] = udm_graph_input(graph, shapes[i]);
    for (int i = 0; i < EXTRA; i++)
        extra[i] = udm_graph_pick(graph, in[UDM_PRIOR_EXTRA], i, 1);
    const udm_value time = udm_graph_conv(graph, &prior->time[0], in[UDM_PRIOR_TIME], UDM_NO_VALUE, UDM_SILU);
    const udm_value first[3] = {
        udm_graph_conv(graph, &prior->tokens, in[UDM_PRIOR_TOKENS], in[UDM_PRIOR_PLACES], UDM_LINEAR),
        udm_graph_conv(graph, &prior->text, in[UDM_PRIOR_TEXT], extra[0], UDM_LINEAR),
        udm_graph_conv(graph, &prior->time[1], time, extra[1], UDM_LINEAR),
    };
    const udm_value all[3] = { udm_graph_join(graph, first, 3),
                               udm_graph_conv(graph, &prior->noisy, in[UDM_PRIOR_NOISY], extra[2], UDM_LINEAR),
                               extra[3] };
    udm_value x = udm_graph_join(graph, all, 3);
    x = udm_graph_pick(graph, udm_transformer_build(&prior->layers, graph, x), count + EXTRA - 1, 1);
    x = udm_graph_layer_norm(graph, &prior->norm, x);
    udm_graph_keep(graph, udm_graph_conv(graph, &prior->out, x, UDM_NO_VALUE, UDM_LINEAR));
    return udm_graph_plan(graph, error);
}

void udm_prior_places(const udm_prior *prior, int count, float *places, float *extra)
{
    for (int c = 0; c < prior->width; c++) {
        for (int t = 0; t < count; t++)
            places[c * count + t] = prior->places[(size_t)t * prior->width + c];
        for (int t = 0; t < EXTRA; t++)
            extra[c * EXTRA + t] =
                prior->places[(size_t)(prior->length + t) * prior->width + c] + (t == EXTRA - 1 ? prior->answer[c] : 0);
    }
}

void udm_prior_time(const udm_prior *prior, double timestep, float *time)
{
    const int half = prior->width / 2;
    for (int i = 0; i < half; i++) {
        const double at = timestep * exp(-log(10000) * i / half);
        time[i] = (float)cos(at);
        time[half + i] = (float)sin(at);
    }
    if (prior->width % 2)
        time[prior->width - 1] = 0;
}
