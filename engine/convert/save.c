// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes safetensors: the header is put together first, then tensors go from the mapped file to the new one.
#include "convert/save.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 4 << 20, ALIGNED = 8 };

static const char *const dtypes[] = { [UDM_F32] = "F32", [UDM_F16] = "F16", [UDM_BF16] = "BF16" };

size_t udm_saved_bytes(const udm_saved *saved)
{
    return saved->from->elements ? saved->from->bytes / saved->from->elements * saved->as.elements : 0;
}

static json_t *describe(const udm_saved *saved, size_t begin)
{
    json_t *shape = json_array();
    for (int i = 0; i < saved->as.dims; i++)
        json_array_append_new(shape, json_integer(saved->as.shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtypes[saved->from->dtype], "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)(begin + udm_saved_bytes(saved)));
}

// The header as text, padded with spaces so that tensors are aligned; to be freed with free(). NULL without memory.
static char *make_header(const udm_saved *list, size_t count, size_t *length)
{
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    size_t begin = 0;
    bool good = header != NULL;
    for (size_t i = 0; good && i < count; i++) {
        good = json_object_set_new(header, list[i].as.name, describe(&list[i], begin)) == 0;
        begin += udm_saved_bytes(&list[i]);
    }
    char *text = good ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (!text)
        return NULL;
    const size_t size = strlen(text), room = (size + ALIGNED - 1) / ALIGNED * ALIGNED;
    char *padded = realloc(text, room);
    if (!padded) {
        free(text);
        return NULL;
    }
    memset(padded + size, ' ', room - size);
    *length = room;
    return padded;
}

static bool write_all(int fd, const void *bytes, size_t size)
{
    for (const char *at = bytes; size > 0;) {
        const ssize_t wrote = write(fd, at, size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        at += wrote, size -= (size_t)wrote;
    }
    return true;
}

static bool fail_write(const char *path, udm_error *error)
{
    return udm_fail(error, UDM_ERROR_UNREADABLE, "%s: it cannot be written: %s", path, strerror(errno));
}

typedef struct writing {
    const char *path;
    int fd;
    udm_save_progress progress;
    void *context;
    udm_error *error;
} writing;

static bool write_tensor(const writing *w, const udm_saved *saved)
{
    const size_t all = udm_saved_bytes(saved), size = saved->as.elements ? all / saved->as.elements : 0;
    const unsigned char *from = (const unsigned char *)saved->from->data + saved->as.first * size;
    for (size_t at = 0; at < all; at += PIECE) {
        const size_t piece = all - at < PIECE ? all - at : PIECE;
        if (!write_all(w->fd, from + at, piece))
            return fail_write(w->path, w->error);
        if (w->progress && !w->progress(w->context, piece))
            return udm_fail(w->error, UDM_ERROR_CANCELLED, "%s: cancelled", w->path);
    }
    return true;
}

static bool write_tensors(const writing *w, const udm_weights *weights, const udm_saved *list, size_t count)
{
    size_t length;
    char *header = make_header(list, count, &length);
    if (!header)
        return udm_fail(w->error, UDM_ERROR_MEMORY, "%s: no memory for its header", w->path);
    unsigned char size[8];
    for (int i = 0; i < 8; i++)
        size[i] = (unsigned char)((uint64_t)length >> (8 * i));
    bool good = write_all(w->fd, size, sizeof size) && write_all(w->fd, header, length);
    free(header);
    if (!good)
        return fail_write(w->path, w->error);
    for (size_t i = 0; good && i < count; i++) {
        good = write_tensor(w, &list[i]);
        udm_weights_done(weights, list[i].from);
    }
    return good;
}

bool udm_save_tensors(const char *path, const udm_weights *weights, const udm_saved *list, size_t count,
                      udm_save_progress progress, void *context, udm_error *error)
{
    const writing w = { path, open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666), progress, context, error };
    if (w.fd < 0)
        return fail_write(path, error);
    const bool good = write_tensors(&w, weights, list, count);
    return close(w.fd) == 0 || !good ? good : fail_write(path, error);
}

bool udm_save_bytes(const char *path, const void *bytes, size_t size, udm_error *error)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail_write(path, error);
    const bool good = write_all(fd, bytes, size);
    return close(fd) == 0 && good ? true : fail_write(path, error);
}
