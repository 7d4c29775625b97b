// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes model directories: the first line of the bytes is the path of a file in a copy of a tiny model, and the rest
// is what that file then has. What can still be opened restores a frame.
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "udm/udm.h"

enum { SIDE = 16, MAX_FILE = 1 << 16 };

static const char *const files[] = { "model_index.json", "scheduler/scheduler_config.json", "unet/config.json",
                                     "unet/diffusion_pytorch_model.safetensors" };
enum { FILES = sizeof files / sizeof *files };

static char folder[64] = "";
static uint8_t right[FILES][MAX_FILE];
static size_t right_size[FILES];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void write_file(int file, const void *bytes, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, files[file]);
    remove(path); // ext4 syncs a file that is cut and written again, but not a new one
    FILE *to = fopen(path, "wb");
    if (!to || (size > 0 && fwrite(bytes, size, 1, to) != 1) || fclose(to) != 0)
        fail(path);
}

static void remove_folder(void)
{
    static const char *const folders[] = { "unet", "scheduler", "" };
    char path[256];
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        remove(path);
    }
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
        remove(path);
    }
}

static void make_folder(void)
{
    char path[4096];
    const char *models = getenv("UDM_TEST_DATA");
    snprintf(folder, sizeof folder, "%s/udm-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder))
        fail(folder);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, i ? "unet" : "scheduler");
        mkdir(path, 0700);
    }
    atexit(remove_folder);
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/tiny-denoise/%s", models ? models : "tests/models", files[i]);
        FILE *from = fopen(path, "rb");
        if (!from)
            fail(path);
        right_size[i] = fread(right[i], 1, MAX_FILE, from);
        fclose(from);
        write_file(i, right[i], right_size[i]);
    }
}

static void restore(const udm_model *model)
{
    static uint8_t pixels[SIDE * SIDE * 3];
    const udm_image image = { .width = SIDE,
                              .height = SIDE,
                              .channels = 3,
                              .bits = 8,
                              .data = { pixels, pixels + 1, pixels + 2 },
                              .stride = { 3 * SIDE, 3 * SIDE, 3 * SIDE },
                              .step = { 3, 3, 3 } };
    const udm_frame frame = { .image = &image, .time = udm_model_time(model, 25) };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = settings.height = SIDE;
    settings.device = "cpu", settings.threads = 1, settings.lookahead = 0;
    udm_restorer *restorer = udm_restorer_open(model, &settings, NULL);
    if (restorer && udm_restorer_push(restorer, &frame, NULL))
        udm_restorer_pull(restorer, &image, NULL);
    udm_restorer_free(restorer);
}

static int file_named(const uint8_t *name, size_t length)
{
    int i = FILES - 1;
    while (i >= 0 && (strlen(files[i]) != length || memcmp(files[i], name, length) != 0))
        i--;
    return i;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const uint8_t *end = size ? memchr(bytes, '\n', size) : NULL;
    const int file = end ? file_named(bytes, (size_t)(end - bytes)) : -1;
    if (file < 0)
        return 0;
    if (!*folder)
        make_folder();
    write_file(file, end + 1, size - (size_t)(end + 1 - bytes));
    udm_error error = { 0 };
    udm_model *model = udm_model_open(folder, &error);
    if ((model != NULL) != (error.code == UDM_OK))
        abort();
    if (model)
        restore(model);
    udm_model_free(model);
    write_file(file, right[file], right_size[file]);
    return 0;
}
