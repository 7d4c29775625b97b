// SPDX-License-Identifier: LGPL-2.1-or-later
// How long the engine takes to turn frames into planes and back, and how long GStreamer's converter, which is what
// videoconvert runs, from the same format to RGB and back; they take turns, on as many threads.
//     bench_convert [WIDTH HEIGHT [THREADS [ROUNDS]]]
#include <gst/video/video.h>
#include <stdlib.h>
#include <time.h>

#include "tensor/planes.h"
#include "udm/image.h"

typedef struct bench_format {
    GstVideoFormat format;
    int bits, shift, subsample_x, subsample_y;
} bench_format;

static const bench_format formats[] = {
    { GST_VIDEO_FORMAT_I420, 8, 0, 1, 1 },       { GST_VIDEO_FORMAT_NV12, 8, 0, 1, 1 },
    { GST_VIDEO_FORMAT_YUY2, 8, 0, 1, 0 },       { GST_VIDEO_FORMAT_Y42B, 8, 0, 1, 0 },
    { GST_VIDEO_FORMAT_Y444, 8, 0, 0, 0 },       { GST_VIDEO_FORMAT_I420_10LE, 10, 0, 1, 1 },
    { GST_VIDEO_FORMAT_P010_10LE, 10, 6, 1, 1 },
};

static const struct {
    const char *name;
    udm_siting siting;
    GstVideoChromaSite site;
} sitings[] = { { "mpeg2", UDM_SITING_LEFT, GST_VIDEO_CHROMA_SITE_MPEG2 },
                { "jpeg", UDM_SITING_CENTRE, GST_VIDEO_CHROMA_SITE_JPEG },
                { "cosited", UDM_SITING_TOP_LEFT, GST_VIDEO_CHROMA_SITE_COSITED } };

// Frames, in their own format and as RGB, and the two ways between.
typedef struct bench {
    GstVideoInfo info, rgb_info;
    GstBuffer *buffers[3]; // in, RGB, out
    GstVideoFrame frames[3];
    GstVideoConverter *there, *back;
    udm_image in, out;
    float *planes;
    udm_pool *pool;
} bench;

static udm_image image_of(const GstVideoFrame *frame, const bench_format *format, udm_siting siting)
{
    udm_image image = { .width = GST_VIDEO_FRAME_WIDTH(frame),
                        .height = GST_VIDEO_FRAME_HEIGHT(frame),
                        .channels = 3,
                        .bits = format->bits,
                        .shift = format->shift,
                        .matrix = UDM_MATRIX_BT709,
                        .range = UDM_RANGE_LIMITED,
                        .subsample_x = format->subsample_x,
                        .subsample_y = format->subsample_y,
                        .siting = siting };
    for (int c = 0; c < 3; c++) {
        image.data[c] = GST_VIDEO_FRAME_COMP_DATA(frame, c);
        image.stride[c] = GST_VIDEO_FRAME_COMP_STRIDE(frame, c);
        image.step[c] = GST_VIDEO_FRAME_COMP_PSTRIDE(frame, c);
    }
    if (GST_VIDEO_FRAME_COMP_PLANE(frame, 1) == GST_VIDEO_FRAME_COMP_PLANE(frame, 2) && format->bits > 8)
        image.data[2] = image.data[1] + 2; // GStreamer 1.22 says 1 byte
    return image;
}

static GstStructure *options_for(guint threads)
{
    return gst_structure_new("options", GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT, threads, NULL);
}

static void open_bench(bench *b, const bench_format *format, int siting, guint width, guint height, guint threads)
{
    gst_video_info_set_format(&b->info, format->format, width, height);
    gst_video_info_set_format(&b->rgb_info, GST_VIDEO_FORMAT_RGB, width, height);
    gst_video_colorimetry_from_string(&b->info.colorimetry, GST_VIDEO_COLORIMETRY_BT709);
    b->info.chroma_site = sitings[siting].site;
    for (int i = 0; i < 3; i++) {
        GstVideoInfo *info = i == 1 ? &b->rgb_info : &b->info;
        b->buffers[i] = gst_buffer_new_allocate(NULL, info->size, NULL);
        gst_buffer_memset(b->buffers[i], 0, 0x60, info->size);
        gst_video_frame_map(&b->frames[i], info, b->buffers[i], GST_MAP_READWRITE);
    }
    b->there = gst_video_converter_new(&b->info, &b->rgb_info, options_for(threads));
    b->back = gst_video_converter_new(&b->rgb_info, &b->info, options_for(threads));
    b->in = image_of(&b->frames[0], format, sitings[siting].siting);
    b->out = image_of(&b->frames[2], format, sitings[siting].siting);
    b->planes = g_new0(float, 3 * (gsize)width * height);
    b->pool = udm_pool_new((int)threads, NULL);
}

static void close_bench(bench *b)
{
    udm_pool_free(b->pool);
    g_free(b->planes);
    gst_video_converter_free(b->there);
    gst_video_converter_free(b->back);
    for (int i = 0; i < 3; i++) {
        gst_video_frame_unmap(&b->frames[i]);
        gst_buffer_unref(b->buffers[i]);
    }
}

// By the clock, and of all processors together, ms.
typedef struct cost {
    double wall, cpu;
} cost;

static cost now(void)
{
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return (cost){ g_get_monotonic_time() / 1e3, cpu.tv_sec * 1e3 + cpu.tv_nsec / 1e6 };
}

// The least that each of the four costs, as others may be at work: GStreamer there and back, the engine there and back.
static void run_bench(bench *b, int rounds, cost least[4])
{
    for (int n = 0; n < rounds; n++) {
        cost at[5];
        at[0] = now();
        gst_video_converter_frame(b->there, &b->frames[0], &b->frames[1]);
        at[1] = now();
        gst_video_converter_frame(b->back, &b->frames[1], &b->frames[2]);
        at[2] = now();
        udm_planes_of_image(b->planes, &b->in, b->pool);
        at[3] = now();
        udm_planes_into_image(b->planes, &b->out, b->pool);
        at[4] = now();
        for (int i = 0; i < 4; i++) {
            const cost taken = { at[i + 1].wall - at[i].wall, at[i + 1].cpu - at[i].cpu };
            least[i].wall = n == 0 ? taken.wall : MIN(least[i].wall, taken.wall);
            least[i].cpu = n == 0 ? taken.cpu : MIN(least[i].cpu, taken.cpu);
        }
    }
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    const int width = argc > 2 ? atoi(argv[1]) : 1920, height = argc > 2 ? atoi(argv[2]) : 1080;
    const int threads = argc > 3 ? atoi(argv[3]) : 2, rounds = argc > 4 ? atoi(argv[4]) : 25;
    if (width < 1 || height < 1 || threads < 1 || rounds < 1) {
        g_printerr("bench_convert [WIDTH HEIGHT [THREADS [ROUNDS]]]: all 1 or more\n");
        return 2;
    }
    g_print("%dx%d, %d threads, least ms by the clock; and what the engine takes of GStreamer's time\n", width, height,
            threads);
    g_print("                    to RGB  and back  to planes  and back  by the clock  of processors\n");
    for (gsize f = 0; f < G_N_ELEMENTS(formats); f++)
        for (gsize s = 0; s < (formats[f].subsample_y ? G_N_ELEMENTS(sitings) : 1); s++) {
            bench b = { 0 };
            cost c[4];
            open_bench(&b, &formats[f], (int)s, (guint)width, (guint)height, (guint)threads);
            run_bench(&b, rounds, c);
            g_print("%-9s %-7s %8.2f %9.2f %10.2f %9.2f %13.2f %14.2f\n", gst_video_format_to_string(formats[f].format),
                    formats[f].subsample_x ? sitings[s].name : "", c[0].wall, c[1].wall, c[2].wall, c[3].wall,
                    (c[2].wall + c[3].wall) / (c[0].wall + c[1].wall), (c[2].cpu + c[3].cpu) / (c[0].cpu + c[1].cpu));
            close_bench(&b);
        }
    return 0;
}
