// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of codecs. To add one, add a row and a function that sets its options.
#include "cli/restore/codecs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/mastering_display_metadata.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

#include "cli/restore/container.h"
#include "cli/restore/say.h"

// ---- options of each codec

static void set_number(AVDictionary **options, const char *name, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%g", value);
    av_dict_set(options, name, text, 0);
}

// A fraction in units of 1 / `one`, as in SEI messages.
static int in_units(AVRational value, int one)
{
    return (int)av_rescale(value.num, one, value.den ? value.den : 1);
}

// "G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)" and "MaxCLL,MaxFALL" of HDR video; empty otherwise.
static void describe_light(const AVFrame *frame, char *display, char *light, size_t room)
{
    const AVFrameSideData *side = av_frame_get_side_data(frame, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);
    const AVMasteringDisplayMetadata *m = side ? (const AVMasteringDisplayMetadata *)side->data : NULL;
    *display = *light = 0;
    if (m && m->has_primaries && m->has_luminance) {
        static const int order[] = { 1, 2, 0 };
        static const char names[] = "GBR";
        size_t n = 0;
        for (int i = 0; i < 3; i++)
            n += snprintf(display + n, room - n, "%c(%d,%d)", names[i],
                          in_units(m->display_primaries[order[i]][0], 50000),
                          in_units(m->display_primaries[order[i]][1], 50000));
        snprintf(display + n, room - n, "WP(%d,%d)L(%d,%d)", in_units(m->white_point[0], 50000),
                 in_units(m->white_point[1], 50000), in_units(m->max_luminance, 10000),
                 in_units(m->min_luminance, 10000));
    }
    side = av_frame_get_side_data(frame, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
    if (side) {
        const AVContentLightMetadata *l = (const AVContentLightMetadata *)side->data;
        snprintf(light, room, "%u,%u", l->MaxCLL, l->MaxFALL);
    }
}

static void set_x264(AVCodecContext *encoder, AVDictionary **options, const AVFrame *frame, double crf)
{
    char display[160], light[160], all[400];
    describe_light(frame, display, light, sizeof display);
    snprintf(all, sizeof all, "%s%s%s%s", *display ? "mastering-display=" : "", display, *light ? ":cll=" : "", light);
    if (*all)
        av_dict_set(options, "x264-params", *display ? all : all + 1, 0);
    set_number(options, "crf", crf);
}

static void set_x265(AVCodecContext *encoder, AVDictionary **options, const AVFrame *frame, double crf)
{
    char display[160], light[160], all[440];
    describe_light(frame, display, light, sizeof display);
    snprintf(all, sizeof all, "log-level=none%s%s%s%s", *display ? ":hdr10=1:master-display=" : "", display,
             *light ? ":max-cll=" : "", light);
    if (encoder->thread_count > 0)
        snprintf(all + strlen(all), sizeof all - strlen(all), ":pools=%d", encoder->thread_count);
    av_dict_set(options, "x265-params", all, 0);
    set_number(options, "crf", crf);
}

static void set_svtav1(AVCodecContext *encoder, AVDictionary **options, const AVFrame *frame, double crf)
{
    char all[32];
    setenv("SVT_LOG", "0", 0); // silence on stderr
    snprintf(all, sizeof all, "lp=%d", encoder->thread_count);
    if (encoder->thread_count > 0)
        av_dict_set(options, "svtav1-params", all, 0);
    av_dict_set(options, "preset", "7", 0);
    set_number(options, "crf", crf);
}

static void set_prores(AVCodecContext *encoder, AVDictionary **options, const AVFrame *frame, double crf)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(encoder->pix_fmt);
    encoder->profile = format->log2_chroma_w ? FF_PROFILE_PRORES_HQ : FF_PROFILE_PRORES_4444; // of the muxer
    set_number(options, "profile", encoder->profile);
    av_dict_set(options, "vendor", "apl0", 0); // some editors refuse others
}

static void set_ffv1(AVCodecContext *encoder, AVDictionary **options, const AVFrame *frame, double crf)
{
    encoder->gop_size = 1;
    av_dict_set(options, "level", "3", 0);
    av_dict_set(options, "slicecrc", "1", 0);
}

static void set_png(AVCodecContext *encoder, AVDictionary **options, const AVFrame *frame, double crf)
{
}

static void set_jpeg(AVCodecContext *encoder, AVDictionary **options, const AVFrame *frame, double crf)
{
    encoder->flags |= AV_CODEC_FLAG_QSCALE;
    encoder->global_quality = 2 * FF_QP2LAMBDA;
}

static const codec codecs[] = {
    { "x264", "libx264", AV_CODEC_ID_H264, "H.264", 18, 51, false, false, set_x264 },
    { "x265", "libx265", AV_CODEC_ID_HEVC, "H.265", 20, 51, false, false, set_x265 },
    { "svtav1", "libsvtav1", AV_CODEC_ID_AV1, "AV1, in 4:2:0", 24, 63, false, false, set_svtav1 },
    { "prores", "prores_ks", AV_CODEC_ID_PRORES, "ProRes HQ or 4444, for editing", -1, 0, false, false, set_prores },
    { "ffv1", "ffv1", AV_CODEC_ID_FFV1, "lossless", -1, 0, true, true, set_ffv1 },
    { NULL, "png", AV_CODEC_ID_PNG, "PNG", -1, 0, true, true, set_png },
    { NULL, "mjpeg", AV_CODEC_ID_MJPEG, "JPEG", -1, 0, false, true, set_jpeg },
};

enum { CODECS = sizeof codecs / sizeof *codecs };

void codecs_list(void (*found)(const char *name, const char *about, double crf))
{
    for (int i = 0; i < CODECS && codecs[i].name; i++)
        found(codecs[i].name, codecs[i].about, codecs[i].crf);
}

// ---- choosing one

static bool holds(const AVOutputFormat *container, const char *output, const codec *codec)
{
    if (container_is_picture(container))
        return !codec->name && av_guess_codec(container, NULL, output, NULL, AVMEDIA_TYPE_VIDEO) == codec->id;
    return codec->name && container_holds(container, codec->id);
}

static const codec *fail_name(const char *name, udm_error *error)
{
    char all[80] = "";
    for (int i = 0; i < CODECS && codecs[i].name; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", codecs[i].name);
    udm_fail(error, UDM_ERROR_SETTINGS, "unknown codec \"%s\": choose from %s", name, all);
    return NULL;
}

static const codec *find_named(const char *name, const AVOutputFormat *container, const char *output, udm_error *error)
{
    for (int i = 0; i < CODECS && codecs[i].name; i++) {
        if (strcmp(name, codecs[i].name) != 0)
            continue;
        if (!holds(container, output, &codecs[i]))
            udm_fail(error, UDM_ERROR_SETTINGS, "%s: this container cannot hold %s: use .mkv, or another --codec",
                     output, name);
        else if (!avcodec_find_encoder_by_name(codecs[i].encoder))
            udm_fail(error, UDM_ERROR_UNSUPPORTED, "libavcodec was built without %s: choose another --codec",
                     codecs[i].encoder);
        else
            return &codecs[i];
        return NULL;
    }
    return fail_name(name, error);
}

const codec *codecs_find(const char *name, const AVOutputFormat *container, const char *output, int depth,
                         udm_error *error)
{
    if (name)
        return find_named(name, container, output, error);
    const codec *first = NULL;
    for (int i = 0; i < CODECS; i++) {
        if (!holds(container, output, &codecs[i]) || !avcodec_find_encoder_by_name(codecs[i].encoder))
            continue;
        first = first ? first : &codecs[i];
        if (depth <= 8 || codecs[i].id != AV_CODEC_ID_H264) // few players decode High 10
            return &codecs[i];
    }
    if (!first)
        udm_fail(error, UDM_ERROR_SETTINGS,
                 "%s: this container can hold none of the codecs: use .mp4, .mov, .mkv or .webm, or .png or .jpg",
                 output);
    return first;
}

// ---- pixel formats

static bool is_rgb(const AVPixFmtDescriptor *format)
{
    return format->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
}

// What is lost or wasted when a frame is written in another format; -1: not usable.
static int cost(const codec *codec, const AVPixFmtDescriptor *from, const AVPixFmtDescriptor *to)
{
    const bool grey = from->nb_components < 3 && !is_rgb(from), rgb = is_rgb(from) && codec->keeps_rgb;
    const int wanted_w = is_rgb(from) || grey ? 1 : from->log2_chroma_w;
    const int wanted_h = is_rgb(from) || grey ? 1 : from->log2_chroma_h;
    const int depth = from->flags & AV_PIX_FMT_FLAG_PAL ? 8 : from->comp[0].depth;
    const bool to_grey = to->nb_components < 3;
    int sum = 0;
    if (to->flags & (AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_FLOAT) ||
        to->nb_components == 2 || to->comp[0].depth > 16 ||
        (strncmp(to->name, "yuvj", 4) == 0) != (codec->id == AV_CODEC_ID_MJPEG)) // full range
        return -1;
    if (to_grey != (grey && codec->keeps_grey) || is_rgb(to) != rgb)
        sum += 1000;
    if (!to_grey && !is_rgb(to))
        sum += to->log2_chroma_w > wanted_w || to->log2_chroma_h > wanted_h
                   ? 100 * (to->log2_chroma_w + to->log2_chroma_h - wanted_w - wanted_h + 4)
                   : 50 * (wanted_w + wanted_h - to->log2_chroma_w - to->log2_chroma_h);
    sum += to->comp[0].depth < depth ? 20 * (depth - to->comp[0].depth) : to->comp[0].depth - depth;
    return sum + (!(to->flags & AV_PIX_FMT_FLAG_PLANAR) && !rgb);
}

enum AVPixelFormat codecs_format(const codec *codec, const AVFrame *frame)
{
    const AVCodec *encoder = avcodec_find_encoder_by_name(codec->encoder);
    const AVPixFmtDescriptor *from = av_pix_fmt_desc_get(frame->format);
    enum AVPixelFormat best = AV_PIX_FMT_NONE;
    int least = 0;
    for (const enum AVPixelFormat *format = encoder->pix_fmts; format && *format != AV_PIX_FMT_NONE; format++) {
        const int sum = cost(codec, from, av_pix_fmt_desc_get(*format));
        if (sum >= 0 && (best == AV_PIX_FMT_NONE || sum < least))
            best = *format, least = sum;
    }
    return best;
}

bool codecs_check(const codec *codec, double crf, udm_error *error)
{
    if (crf >= 0 && codec->crf < 0)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s has no constant quality: leave out --crf", codec->encoder);
    return crf <= codec->crf_most ||
           udm_fail(error, UDM_ERROR_SETTINGS, "--crf %g: %s takes 0 to %g", crf, codec->encoder, codec->crf_most);
}

static void describe(AVCodecContext *encoder, const codec_frames *f)
{
    const AVFrame *made = f->made;
    encoder->width = made->width, encoder->height = made->height;
    encoder->sample_aspect_ratio = made->sample_aspect_ratio;
    encoder->pix_fmt = made->format;
    encoder->time_base = f->time_base, encoder->framerate = f->rate;
    encoder->color_primaries = made->color_primaries, encoder->color_trc = made->color_trc;
    encoder->colorspace = made->colorspace, encoder->color_range = made->color_range;
    encoder->chroma_sample_location = made->chroma_location;
    encoder->thread_count = f->threads;
    if (container_counts_frames(f->container))
        encoder->max_b_frames = 0;
    encoder->flags |= f->container->flags & AVFMT_GLOBALHEADER ? AV_CODEC_FLAG_GLOBAL_HEADER : 0;
}

AVCodecContext *codecs_open(const codec *codec, const codec_frames *f, udm_error *error)
{
    const AVCodec *kind = avcodec_find_encoder_by_name(codec->encoder);
    AVCodecContext *encoder = avcodec_alloc_context3(kind);
    AVDictionary *options = NULL;
    if (!encoder) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for an encoder");
        return NULL;
    }
    describe(encoder, f);
    codec->set(encoder, &options, f->first, f->crf < 0 ? codec->crf : f->crf);
    const int opened = avcodec_open2(encoder, kind, &options);
    av_dict_free(&options);
    if (opened < 0) {
        say_why(error, opened, "%s does not accept frames of %dx%d in %s", codec->encoder, f->made->width,
                f->made->height, av_get_pix_fmt_name(f->made->format));
        avcodec_free_context(&encoder);
    }
    return encoder;
}
