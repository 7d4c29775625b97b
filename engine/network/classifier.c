// SPDX-License-Identifier: LGPL-2.1-or-later
// Convolutions of 3x3 with a stride of 2, each followed by SiLU, the mean over what is left of the picture, and a
// linear layer. The picture has a plane more, which is the noise level. Values are [pixels, channels] here, so that
// loops over channels are vectors.
#include "network/classifier.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LAYERS = 8, TAPS = 9 };

typedef struct conv {
    int in, out;                       // channels
    int width, height;                 // of what it reads; it gives (width + 1) / 2 times (height + 1) / 2
    float *weight, *transposed, *bias; // [taps, in, out], [taps, out, in], [out]
    float *sum, *back;                 // before SiLU, and the gradient there, [pixels, out]
} conv;

struct udm_classifier {
    int layers, widths[MAX_LAYERS + 1], classes, channels, width, height;
    conv convs[MAX_LAYERS];
    float *values[MAX_LAYERS + 1]; // what each convolution reads, and the last one gives: [pixels, channels]
    float *back;                   // the gradient of the first of them
    float *weight, *bias;          // of the linear layer, [classes, width]
    float *mean, *scores;          // [width], [classes]
};

static int half(int size)
{
    return (size + 1) / 2;
}

static size_t pixels_of(const conv *c)
{
    return (size_t)half(c->width) * half(c->height);
}

static void conv_forward(const conv *c, const float *in, float *out)
{
    float *sum = c->sum;
    for (int y = 0; y < half(c->height); y++)
        for (int x = 0; x < half(c->width); x++, sum += c->out) {
            memcpy(sum, c->bias, c->out * sizeof *sum);
            for (int tap = 0; tap < TAPS; tap++) {
                const int sy = 2 * y + tap / 3 - 1, sx = 2 * x + tap % 3 - 1;
                if (sy < 0 || sy >= c->height || sx < 0 || sx >= c->width)
                    continue;
                const float *from = in + ((size_t)sy * c->width + sx) * c->in;
                const float *weight = c->weight + (size_t)tap * c->in * c->out;
                for (int i = 0; i < c->in; i++, weight += c->out)
                    for (int o = 0; o < c->out; o++)
                        sum[o] += from[i] * weight[o];
            }
        }
    for (size_t i = 0; i < pixels_of(c) * c->out; i++)
        out[i] = c->sum[i] / (1 + expf(-c->sum[i]));
}

// c->back holds the gradient of what it gave, after SiLU; in: that of what it read.
static void conv_backward(const conv *c, float *in)
{
    for (size_t i = 0; i < pixels_of(c) * c->out; i++) {
        const float gate = 1 / (1 + expf(-c->sum[i]));
        c->back[i] *= gate * (1 + c->sum[i] * (1 - gate));
    }
    memset(in, 0, (size_t)c->width * c->height * c->in * sizeof *in);
    const float *back = c->back;
    for (int y = 0; y < half(c->height); y++)
        for (int x = 0; x < half(c->width); x++, back += c->out)
            for (int tap = 0; tap < TAPS; tap++) {
                const int sy = 2 * y + tap / 3 - 1, sx = 2 * x + tap % 3 - 1;
                if (sy < 0 || sy >= c->height || sx < 0 || sx >= c->width)
                    continue;
                float *to = in + ((size_t)sy * c->width + sx) * c->in;
                const float *weight = c->transposed + (size_t)tap * c->in * c->out;
                for (int o = 0; o < c->out; o++, weight += c->in)
                    for (int i = 0; i < c->in; i++)
                        to[i] += back[o] * weight[i];
            }
}

static bool open_conv(conv *c, const udm_weights *weights, int index, udm_error *error)
{
    char name[40];
    snprintf(name, sizeof name, "convs.%d.weight", index);
    float *read = udm_weights_read(weights, name, 4, (int64_t[]){ c->out, c->in, 3, 3 }, error);
    snprintf(name, sizeof name, "convs.%d.bias", index);
    c->bias = read ? udm_weights_read(weights, name, 1, (int64_t[]){ c->out }, error) : NULL;
    const size_t count = (size_t)TAPS * c->in * c->out;
    float *packed = c->weight = c->bias ? malloc(2 * count * sizeof *packed) : NULL;
    if (c->bias && !packed)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a classifier");
    c->transposed = packed ? packed + count : NULL;
    for (int o = 0; packed && o < c->out; o++)
        for (int i = 0; i < c->in; i++)
            for (int tap = 0; tap < TAPS; tap++) {
                const float value = read[((size_t)o * c->in + i) * TAPS + tap];
                c->weight[((size_t)tap * c->in + i) * c->out + o] = value;
                c->transposed[((size_t)tap * c->out + o) * c->in + i] = value;
            }
    free(read);
    return packed != NULL;
}

static bool open_layers(udm_classifier *net, const udm_weights *weights, udm_error *error)
{
    const int last = net->widths[net->layers];
    for (int i = 0; i < net->layers; i++)
        if (!open_conv(&net->convs[i], weights, i, error))
            return false;
    net->weight = udm_weights_read(weights, "out.weight", 2, (int64_t[]){ net->classes, last }, error);
    net->bias = net->weight ? udm_weights_read(weights, "out.bias", 1, (int64_t[]){ net->classes }, error) : NULL;
    return net->bias != NULL;
}

static bool allocate(udm_classifier *net, udm_error *error)
{
    const size_t first = (size_t)net->width * net->height * net->widths[0];
    bool good = (net->values[0] = malloc(first * sizeof(float))) && (net->back = malloc(first * sizeof(float)));
    for (int i = 0; good && i < net->layers; i++) {
        conv *c = &net->convs[i];
        const size_t bytes = pixels_of(c) * c->out * sizeof(float);
        good = (net->values[i + 1] = malloc(bytes)) && (c->sum = malloc(bytes)) && (c->back = malloc(bytes));
    }
    good = good && (net->mean = malloc(net->widths[net->layers] * sizeof(float))) &&
           (net->scores = malloc(net->classes * sizeof(float)));
    return good || udm_fail(error, UDM_ERROR_MEMORY, "no memory for a classifier");
}

static bool read_config(udm_classifier *net, const udm_config *config, udm_error *error)
{
    static const char *const known[] = { "channels", "widths", "classes", NULL };
    const char *class = "";
    net->channels = 1, net->classes = 10;
    if (!udm_config_string(config, "_class_name", &class, error) || !udm_config_only(config, known, error) ||
        !udm_config_int(config, "channels", 1, 256, &net->channels, error) ||
        !udm_config_int(config, "classes", 2, 65536, &net->classes, error) ||
        !udm_config_ints(config, "widths", 1, 4096, MAX_LAYERS, net->widths + 1, &net->layers, error))
        return false;
    if (strcmp(class, "UdmClassifier") != 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: a classifier must be a UdmClassifier, this is a \"%s\"",
                        udm_config_path(config), class);
    if (net->layers < 1)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"widths\" is missing or empty", udm_config_path(config));
    net->widths[0] = net->channels + 1;
    return true;
}

udm_classifier *udm_classifier_open(const udm_config *config, const udm_weights *weights, int width, int height,
                                    udm_error *error)
{
    udm_classifier *net = calloc(1, sizeof *net);
    if (!net) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a classifier");
        return NULL;
    }
    net->width = width, net->height = height;
    bool good = read_config(net, config, error);
    for (int i = 0; i < net->layers; i++, width = half(width), height = half(height))
        net->convs[i] = (conv){ .in = net->widths[i], .out = net->widths[i + 1], .width = width, .height = height };
    if (good && open_layers(net, weights, error) && allocate(net, error))
        return net;
    udm_classifier_free(net);
    return NULL;
}

void udm_classifier_free(udm_classifier *net)
{
    if (!net)
        return;
    for (int i = 0; i < net->layers; i++) {
        conv *c = &net->convs[i];
        free(c->weight), free(c->bias), free(c->sum), free(c->back);
    }
    for (int i = 0; i <= net->layers; i++)
        free(net->values[i]);
    free(net->back), free(net->weight), free(net->bias), free(net->mean), free(net->scores);
    free(net);
}

int udm_classifier_channels(const udm_classifier *net)
{
    return net->channels;
}

int udm_classifier_classes(const udm_classifier *net)
{
    return net->classes;
}

// Scores to logarithms of probabilities.
static void normalise(float *scores, int count)
{
    float largest = scores[0]; // a float, as GCC 12 for aarch64 dies of the maximum of floats in a double
    for (int i = 1; i < count; i++)
        largest = fmaxf(largest, scores[i]);
    const double most = largest;
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += exp(scores[i] - most);
    for (int i = 0; i < count; i++)
        scores[i] = (float)(scores[i] - most - log(sum));
}

const float *udm_classifier_run(udm_classifier *net, const float *x, double level)
{
    const size_t pixels = (size_t)net->width * net->height, left = pixels_of(&net->convs[net->layers - 1]);
    const int planes = net->widths[0], last = net->widths[net->layers];
    for (size_t i = 0; i < pixels; i++) {
        for (int c = 0; c < net->channels; c++)
            net->values[0][i * planes + c] = x[c * pixels + i];
        net->values[0][i * planes + net->channels] = (float)level;
    }
    for (int i = 0; i < net->layers; i++)
        conv_forward(&net->convs[i], net->values[i], net->values[i + 1]);
    memset(net->mean, 0, last * sizeof *net->mean);
    for (size_t i = 0; i < left; i++)
        for (int c = 0; c < last; c++)
            net->mean[c] += net->values[net->layers][i * last + c] / (float)left;
    for (int k = 0; k < net->classes; k++) {
        net->scores[k] = net->bias[k];
        for (int c = 0; c < last; c++)
            net->scores[k] += net->weight[(size_t)k * last + c] * net->mean[c];
    }
    normalise(net->scores, net->classes);
    return net->scores;
}

void udm_classifier_gradient(udm_classifier *net, int class, float *gradient)
{
    const size_t pixels = (size_t)net->width * net->height, left = pixels_of(&net->convs[net->layers - 1]);
    const int planes = net->widths[0], last = net->widths[net->layers];
    float *back = net->convs[net->layers - 1].back;
    for (int c = 0; c < last; c++) {
        double sum = 0;
        for (int k = 0; k < net->classes; k++)
            sum += ((k == class) - exp(net->scores[k])) * net->weight[(size_t)k * last + c];
        for (size_t i = 0; i < left; i++)
            back[i * last + c] = (float)(sum / left);
    }
    for (int i = net->layers - 1; i >= 0; i--)
        conv_backward(&net->convs[i], i > 0 ? net->convs[i - 1].back : net->back);
    for (size_t i = 0; i < pixels; i++)
        for (int c = 0; c < net->channels; c++)
            gradient[c * pixels + i] = net->back[i * planes + c];
}
