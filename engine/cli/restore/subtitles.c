// SPDX-License-Identifier: LGPL-2.1-or-later
// All text decoders of libavcodec make ASS events, and all its text encoders take them.
#include "cli/restore/subtitles.h"

#include <stdlib.h>

#include <libavcodec/avcodec.h>
#include <libavutil/mem.h>

#include "cli/restore/container.h"
#include "cli/restore/say.h"

enum { MAX_TEXT = 64 << 10 }; // bytes of a subtitle

struct subtitles {
    AVCodecContext *decoder, *encoder;
    uint8_t made[MAX_TEXT];
};

enum AVCodecID subtitles_codec(const AVStream *from, const AVOutputFormat *container)
{
    static const enum AVCodecID known[] = { AV_CODEC_ID_SUBRIP, AV_CODEC_ID_MOV_TEXT, AV_CODEC_ID_WEBVTT };
    const AVCodecDescriptor *about = avcodec_descriptor_get(from->codecpar->codec_id);
    if (!about || !(about->props & AV_CODEC_PROP_TEXT_SUB))
        return AV_CODEC_ID_NONE;
    for (int i = 0; i < 3; i++)
        if (container_holds(container, known[i]))
            return known[i];
    return AV_CODEC_ID_NONE;
}

static int open_decoder(subtitles *t, const AVStream *from)
{
    const AVCodec *kind = avcodec_find_decoder(from->codecpar->codec_id);
    t->decoder = kind ? avcodec_alloc_context3(kind) : NULL;
    if (!t->decoder)
        return AVERROR_DECODER_NOT_FOUND;
    const int status = avcodec_parameters_to_context(t->decoder, from->codecpar);
    t->decoder->pkt_timebase = from->time_base;
    return status < 0 ? status : avcodec_open2(t->decoder, kind, NULL);
}

static int open_encoder(subtitles *t, enum AVCodecID codec)
{
    const AVCodec *kind = avcodec_find_encoder(codec);
    t->encoder = kind ? avcodec_alloc_context3(kind) : NULL;
    if (!t->encoder)
        return AVERROR_ENCODER_NOT_FOUND;
    t->encoder->time_base = AV_TIME_BASE_Q;
    if (t->decoder->subtitle_header) {
        t->encoder->subtitle_header = (uint8_t *)av_strdup((const char *)t->decoder->subtitle_header);
        t->encoder->subtitle_header_size = t->decoder->subtitle_header_size;
    }
    return avcodec_open2(t->encoder, kind, NULL);
}

subtitles *subtitles_open(const AVStream *from, enum AVCodecID codec, AVStream *to, udm_error *error)
{
    subtitles *t = calloc(1, sizeof *t);
    int status = t ? open_decoder(t, from) : AVERROR(ENOMEM);
    if (status >= 0)
        status = open_encoder(t, codec);
    if (status >= 0)
        status = avcodec_parameters_from_context(to->codecpar, t->encoder);
    if (status >= 0)
        return t;
    say_why(error, status, "stream %d: %s subtitles cannot be converted to %s", from->index,
            avcodec_get_name(from->codecpar->codec_id), avcodec_get_name(codec));
    subtitles_free(t);
    return NULL;
}

void subtitles_free(subtitles *t)
{
    if (!t)
        return;
    avcodec_free_context(&t->decoder);
    avcodec_free_context(&t->encoder);
    free(t);
}

bool subtitles_convert(subtitles *t, AVPacket *packet)
{
    AVSubtitle subtitle = { 0 };
    AVPacket *made = NULL;
    int got = 0, size = 0;
    if (avcodec_decode_subtitle2(t->decoder, &subtitle, &got, packet) >= 0 && got && subtitle.num_rects > 0) {
        subtitle.end_display_time -= subtitle.start_display_time;
        subtitle.start_display_time = 0;
        size = avcodec_encode_subtitle(t->encoder, t->made, sizeof t->made, &subtitle);
    }
    if (got)
        avsubtitle_free(&subtitle);
    made = size > 0 ? av_packet_alloc() : NULL;
    if (!made || av_new_packet(made, size) < 0) {
        av_packet_free(&made);
        return false;
    }
    for (int i = 0; i < size; i++)
        made->data[i] = t->made[i];
    made->pts = packet->pts, made->dts = packet->dts, made->duration = packet->duration;
    made->flags |= AV_PKT_FLAG_KEY;
    av_packet_unref(packet);
    av_packet_move_ref(packet, made);
    av_packet_free(&made);
    return true;
}
