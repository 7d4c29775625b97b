// SPDX-License-Identifier: LGPL-2.1-or-later
// For processors: vectors, the matrix product at the heart of convolutions, and how workers draw their jobs.
//
// A worker is a group of one work-item, and there are as many as the device has units. Each has scratch memory of its
// own, which stays in its cache, and takes the next job from a counter, so that none waits for a slower one. What a job
// computes depends on its number alone.
#ifdef LANES

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define vec PASTE(float, LANES)
#define load(from) PASTE(vload, LANES)(0, from)
#ifdef HALF
#define load_features(from) PASTE(vload_half, LANES)(0, from)
#define store_features(to, value) PASTE(vstore_half, LANES)(clamp(value, -LARGEST, LARGEST), 0, to)
#else
#define load_features(from) load(from)
#define store_features(to, value) store(to, value)
#endif
#define store(to, value) PASTE(vstore, LANES)(value, 0, to)

#if LANES == 16
#define MICRO_ROWS 12 // 12 x 2 sums in 32 registers
#else
#define MICRO_ROWS 6
#endif

#define GROUP 32 // outputs of a packed panel of weights; the last may have 16

vec activate_vector(int activation, vec x)
{
    return activation == 1   ? fmax(x, (vec)0)
           : activation == 2 ? x / (1 + exp(-x))
           : activation == 3 ? x * .5f * erfc(x * -.707106781f)
           : activation == 4 ? x / (1 + exp(-1.702f * x))
                             : x;
}

// MICRO_ROWS rows by two vectors, which stay in registers: c[m, n] = sum over k of a[m, k] b[k, n].
void multiply_two(const global float *a, size_t row, const global float *b, int width, global float *c, int depth)
{
    vec sum[MICRO_ROWS][2];
    UNROLL for (int m = 0; m < MICRO_ROWS; m++)
        sum[m][0] = sum[m][1] = 0;
    for (int k = 0; k < depth; k++, b += width) {
        vec b0 = load(b), b1 = load(b + LANES);
        UNROLL for (int m = 0; m < MICRO_ROWS; m++) {
            vec value = a[m * row + k];
            sum[m][0] = fma(value, b0, sum[m][0]);
            sum[m][1] = fma(value, b1, sum[m][1]);
        }
    }
    UNROLL for (int m = 0; m < MICRO_ROWS; m++) {
        store(c + m * GROUP, sum[m][0]);
        store(c + m * GROUP + LANES, sum[m][1]);
    }
}

// The same for a panel as wide as one vector.
void multiply_one(const global float *a, size_t row, const global float *b, global float *c, int depth)
{
    vec sum[MICRO_ROWS];
    UNROLL for (int m = 0; m < MICRO_ROWS; m++)
        sum[m] = 0;
    for (int k = 0; k < depth; k++, b += LANES) {
        vec b0 = load(b);
        UNROLL for (int m = 0; m < MICRO_ROWS; m++)
            sum[m] = fma((vec)a[m * row + k], b0, sum[m]);
    }
    UNROLL for (int m = 0; m < MICRO_ROWS; m++)
        store(c + m * GROUP, sum[m]);
}

// a: [rows][row], of which depth count; b: [depth][width]; c: [rows][GROUP]. Works on whole steps of MICRO_ROWS:
// what is past `rows` is scratch memory.
void multiply(const global float *a, size_t row, const global float *b, int width, global float *c, int rows, int depth)
{
    for (int m = 0; m < rows; m += MICRO_ROWS) {
        if (width < 2 * LANES)
            multiply_one(a + m * row, row, b, c + m * GROUP, depth);
        else
            for (int n = 0; n < width; n += 2 * LANES)
                multiply_two(a + m * row, row, b + n, width, c + m * GROUP + n, depth);
    }
}

// Outputs of group g: 32, or 16 for the rest.
int group_width(const udm_cl_conv *conv, int g)
{
    return divide_up(conv->dst.c, BLOCK) - 2 * g == 1 ? BLOCK : GROUP;
}

// The matrix of product p, of `products`, of group g.
const global float *panel(const udm_cl_conv *conv, const global float *weights, int g, int p, int products)
{
    return weights + ((size_t)g * products * GROUP + (size_t)p * group_width(conv, g)) * conv->depth;
}

// Writes LANES channels, from `lane`, of block b at a pixel of dst.
void finish(const udm_cl_conv *conv, global feature *dst, const global feature *residual, const global float *bias,
            int b, size_t pixel, int lane, vec sum)
{
    size_t plane = (size_t)conv->dst.h * conv->dst.w, at = (b * plane + pixel) * BLOCK + lane;
    vec value = activate_vector(conv->activation, sum + load(bias + b * BLOCK + lane));
    if (!conv->residual.none)
        value += load_features(residual + conv->residual.at + at);
    if (conv->activation == 5)
        value = fmax(value, (vec)0);
    store_features(dst + conv->dst.at + at, value);
}

// A part of a convolution: rows [first, end) for the groups [first_group, end_group).
typedef struct job {
    int first, end, first_group, end_group;
} job;

job job_of(const udm_cl_conv *conv, int index)
{
    int rows = conv->chunk * conv->batch, split = index % conv->splits, first = index / conv->splits * rows;
    job part = { first, conv->rows - first < rows ? conv->rows : first + rows, conv->groups * split / conv->splits,
                 conv->groups * (split + 1) / conv->splits };
    return part;
}

// counter: [next job, workers that are done]; the last of them leaves it at zero for the next kernel.
int draw_job(volatile global int *counter, const udm_cl_conv *conv)
{
    int index = atomic_inc(counter);
    if (index < conv->jobs)
        return index;
    if (atomic_inc(counter + 1) == (int)get_num_groups(0) - 1) {
        atomic_xchg(counter, 0);
        atomic_xchg(counter + 1, 0);
    }
    return -1;
}

#endif
