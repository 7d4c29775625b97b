// SPDX-License-Identifier: LGPL-2.1-or-later
// The device of the cpu backend: instruction sets, and the operations that have no weights.
#include "backend/cpu/cpu.h"
#include "backend/times.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/host.h"
#include "base/isa.h"

UDM_ISA_DECLARE(udm_cpu_isa, udm_cpu_isa);
static const udm_cpu_isa *const instruction_sets[] = { UDM_ISA_LIST(udm_cpu_isa), NULL };

#if defined(__x86_64__)
extern const udm_cpu_products udm_cpu_products_avx512bf16;
#endif

// The code that multiplies bf16, or NULL.
static const udm_cpu_products *bf16_products(const udm_cpu_device *cpu)
{
#if defined(__x86_64__)
    if (udm_pool_isa(cpu->pool) >= UDM_ISA_AVX512BF16)
        return &udm_cpu_products_avx512bf16;
#endif
    return NULL;
}

static void set_name(udm_cpu_device *cpu)
{
    int threads = udm_pool_threads(cpu->pool);
    snprintf(cpu->device.name, sizeof(cpu->device.name), "cpu (%s%s, %d thread%s)",
             udm_isa_title(udm_pool_isa(cpu->pool)), cpu->products->pairs ? " with bf16" : "", threads,
             threads == 1 ? "" : "s");
}

static bool cpu_set_precision(udm_device *device, udm_precision precision, udm_error *error)
{
    udm_cpu_device *cpu = udm_cpu_of(device);
    const udm_cpu_products *bf16 = bf16_products(cpu);
    if (precision == UDM_PRECISION_F16)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "\"%s\" has no f16: set precision to bf16, f32 or auto, or device to opencl", device->name);
    if (precision == UDM_PRECISION_BF16 && !bf16)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "precision bf16 needs AVX512-BF16, which \"%s\" lacks: use f32 or auto", device->name);
    cpu->products = precision != UDM_PRECISION_F32 && bf16 ? bf16 : &cpu->isa->products;
    device->halves = cpu->products->pairs;
    set_name(cpu);
    return true;
}

static void cpu_observe(udm_device *device, const udm_tensor *dst, const udm_observation *seen, int patch)
{
    udm_cpu_pointwise run = { .dst = dst, .seen = seen, .patch = patch };
    udm_pool_run(udm_cpu_of(device)->pool, dst->shape.h, udm_cpu_of(device)->isa->observe, &run);
}

static void cpu_restore(udm_device *device, const udm_tensor *dst, const udm_tensor *correction,
                        const udm_observation *seen, int patch)
{
    udm_cpu_pointwise run = { .dst = dst, .src = correction, .seen = seen, .patch = patch };
    udm_pool_run(udm_cpu_of(device)->pool, correction->shape.h, udm_cpu_of(device)->isa->restore, &run);
}

static void cpu_shuffle_add(udm_device *device, const udm_tensor *dst, const udm_tensor *src, const udm_tensor *addend)
{
    udm_cpu_pointwise run = { .dst = dst, .src = src, .addend = addend };
    udm_pool_run(udm_cpu_of(device)->pool, src->shape.h, udm_cpu_of(device)->isa->shuffle_add, &run);
}

static void cpu_resample(udm_device *device, const udm_tensor *dst, const udm_tensor *src)
{
    udm_cpu_pointwise run = { .dst = dst, .src = src };
    int rows = udm_cpu_blocks(dst->shape.c) * dst->shape.h;
    udm_pool_run(udm_cpu_of(device)->pool, rows, udm_cpu_of(device)->isa->resample, &run);
}

// Nothing is queued, and nothing fails but a first run that lacks memory.
static bool cpu_finish(udm_device *device, udm_error *error)
{
    if (udm_cpu_of(device)->lacks_memory)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for the operations of a network");
    return true;
}

static void cpu_close(udm_device *device)
{
    udm_cpu_device *cpu = udm_cpu_of(device);
    udm_pool_free(cpu->pool);
    udm_times_free(device->times);
    udm_host_free(device, (udm_memory *)cpu->scratch);
    free(cpu);
}

static const udm_ops cpu_ops = {
    .alloc = udm_host_alloc,
    .free = udm_host_free,
    .set_precision = cpu_set_precision,
    .bytes = udm_cpu_bytes,
    .upload = udm_cpu_upload,
    .download = udm_cpu_download,
    .clear = udm_host_clear,
    .finish = cpu_finish,
    .conv_weights_new = udm_cpu_conv_weights_new,
    .conv_weights_free = udm_cpu_conv_weights_free,
    .conv = udm_cpu_conv,
    .observe = cpu_observe,
    .restore = cpu_restore,
    .shuffle_add = cpu_shuffle_add,
    .norm = udm_cpu_norm_run,
    .attention = udm_cpu_attention,
    .layer_norm = udm_cpu_layer_norm_run,
    .join = udm_cpu_join,
    .multiply = udm_cpu_multiply,
    .attend_frames = udm_cpu_attend_frames,
    .resample = cpu_resample,
    .copy = udm_cpu_copy,
    .warp = udm_cpu_warp_run,
    .profile = udm_cpu_profile,
    .close = cpu_close,
};

// Whether `which` ends in "profile"; name: what stands before that, or nothing.
static bool takes_times(const char *which, char *name, size_t room)
{
    const size_t length = which ? strlen(which) : 0, end = strlen("profile");
    const bool timed = length >= end && strcmp(which + length - end, "profile") == 0 &&
                       (length == end || which[length - end - 1] == ':');
    const size_t rest = !timed ? length : length == end ? 0 : length - end - 1;
    snprintf(name, room, "%.*s", (int)rest, which ? which : "");
    return timed;
}

// which: as of udm_backend.open
static bool find_isa(const char *which, bool *timed, udm_isa *isa, udm_error *error)
{
    char name[32];
    *timed = takes_times(which, name, sizeof name);
    return udm_isa_find(name, isa, error);
}

bool udm_device_isa(const char *device, udm_isa *isa, udm_error *error)
{
    bool timed;
    return find_isa(strncmp(device, "cpu:", 4) == 0 ? device + 4 : NULL, &timed, isa, error);
}

static udm_device *cpu_open(const char *which, int threads, udm_error *error)
{
    bool timed;
    udm_isa isa;
    udm_pool *pool = find_isa(which, &timed, &isa, error) ? udm_pool_new(threads, error) : NULL;
    if (!pool)
        return NULL;
    udm_cpu_device *cpu = calloc(1, sizeof(*cpu));
    if (!cpu) {
        udm_pool_free(pool);
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the cpu device");
        return NULL;
    }
    cpu->device.ops = &cpu_ops;
    cpu->device.largest = SIZE_MAX;
    cpu->device.takes_halves = cpu->device.pages = cpu->device.mirrors = true;
    udm_pool_limit(pool, isa);
    cpu->isa = instruction_sets[udm_isa_skip(isa)];
    cpu->products = &cpu->isa->products;
    cpu->pool = cpu->device.pool = pool;
    set_name(cpu);
    if (timed && !udm_times_new(&cpu->device, &udm_cpu_clock, error)) {
        cpu_close(&cpu->device);
        return NULL;
    }
    return &cpu->device;
}

static void cpu_list(void (*found)(void *context, const char *device, const char *about), void *context)
{
    char about[64];
    snprintf(about, sizeof(about), "this machine's processor, with %s", udm_isa_title(udm_isa_best()));
    found(context, "cpu", about);
}

const udm_backend udm_backend_cpu = {
    .name = "cpu",
    .about = "vector code for the processor",
    .open = cpu_open,
    .list = cpu_list,
};
