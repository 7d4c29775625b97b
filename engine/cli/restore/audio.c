// SPDX-License-Identifier: LGPL-2.1-or-later
// Decoder, resampler, encoder.
#include "cli/restore/audio.h"

#include <stdlib.h>

#include <libavcodec/avcodec.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>

#include "cli/restore/container.h"
#include "cli/restore/say.h"

enum {
    AAC_RATE = 96000, // bits per second and channel
    OPUS_RATE = 64000,
    GAP_MS = 50, // longer gaps are filled with silence
    WHOLE = 4096 // samples per frame, for encoders that take any number
};

struct audio {
    AVCodecContext *decoder, *encoder;
    SwrContext *resampler;
    AVAudioFifo *samples;
    AVFrame *in, *out;
    AVPacket *packet;
    AVRational time_base; // of the input
    int stream;           // of the output
    int64_t next;         // pts of the next sample that is decoded, in samples, or AV_NOPTS_VALUE
    int64_t written;      // ... that is encoded
};

const AVCodec *audio_codec(const AVOutputFormat *container)
{
    static const enum AVCodecID ids[] = { AV_CODEC_ID_AAC, AV_CODEC_ID_OPUS, AV_CODEC_ID_FLAC };
    static const char *const names[] = { "aac", "libopus", "flac" };
    for (int i = 0; i < 3; i++)
        if (container_holds(container, ids[i]) && avcodec_find_encoder_by_name(names[i]))
            return avcodec_find_encoder_by_name(names[i]);
    return NULL;
}

// The same rate, or the next higher one that the codec supports.
static int choose_rate(const AVCodec *codec, int rate)
{
    int best = 0;
    for (const int *known = codec->supported_samplerates; known && *known; known++)
        if (best == 0 || (*known >= rate && (best < rate || *known < best)))
            best = *known;
    return best ? best : rate;
}

static enum AVSampleFormat choose_format(const AVCodec *codec, enum AVSampleFormat wanted)
{
    const enum AVSampleFormat *known = codec->sample_fmts;
    for (; known && *known != AV_SAMPLE_FMT_NONE; known++)
        if (av_get_packed_sample_fmt(*known) == av_get_packed_sample_fmt(wanted))
            return *known;
    for (known = codec->sample_fmts; known && *known != AV_SAMPLE_FMT_NONE; known++)
        if (av_get_bytes_per_sample(*known) >= av_get_bytes_per_sample(wanted))
            return *known;
    return codec->sample_fmts[0];
}

static int open_decoder(audio *s, const AVStream *from)
{
    const AVCodec *kind = avcodec_find_decoder(from->codecpar->codec_id);
    s->decoder = kind ? avcodec_alloc_context3(kind) : NULL;
    if (!s->decoder)
        return AVERROR_DECODER_NOT_FOUND;
    int status = avcodec_parameters_to_context(s->decoder, from->codecpar);
    s->decoder->pkt_timebase = s->time_base = from->time_base;
    if (s->decoder->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_default(&s->decoder->ch_layout, s->decoder->ch_layout.nb_channels);
    if (status >= 0)
        status = avcodec_open2(s->decoder, kind, NULL);
    return status;
}

static int open_encoder(audio *s, const AVCodec *codec, const AVOutputFormat *container)
{
    s->encoder = avcodec_alloc_context3(codec);
    if (!s->encoder)
        return AVERROR(ENOMEM);
    const int channels = s->decoder->ch_layout.nb_channels;
    s->encoder->sample_rate = choose_rate(codec, s->decoder->sample_rate);
    s->encoder->sample_fmt = choose_format(codec, s->decoder->sample_fmt);
    s->encoder->time_base = (AVRational){ 1, s->encoder->sample_rate };
    if (codec->id != AV_CODEC_ID_FLAC)
        s->encoder->bit_rate = (int64_t)channels * (codec->id == AV_CODEC_ID_AAC ? AAC_RATE : OPUS_RATE);
    s->encoder->flags |= container->flags & AVFMT_GLOBALHEADER ? AV_CODEC_FLAG_GLOBAL_HEADER : 0;
    const int status = av_channel_layout_copy(&s->encoder->ch_layout, &s->decoder->ch_layout);
    return status < 0 ? status : avcodec_open2(s->encoder, codec, NULL);
}

static int open_resampler(audio *s)
{
    const int status =
        swr_alloc_set_opts2(&s->resampler, &s->encoder->ch_layout, s->encoder->sample_fmt, s->encoder->sample_rate,
                            &s->decoder->ch_layout, s->decoder->sample_fmt, s->decoder->sample_rate, 0, NULL);
    s->samples = av_audio_fifo_alloc(s->encoder->sample_fmt, s->encoder->ch_layout.nb_channels, WHOLE);
    s->in = av_frame_alloc(), s->out = av_frame_alloc(), s->packet = av_packet_alloc();
    if (!s->samples || !s->in || !s->out || !s->packet)
        return AVERROR(ENOMEM);
    return status < 0 ? status : swr_init(s->resampler);
}

audio *audio_open(const AVStream *from, const AVCodec *codec, const AVOutputFormat *container, AVStream *to,
                  udm_error *error)
{
    audio *s = calloc(1, sizeof *s);
    int status = s ? open_decoder(s, from) : AVERROR(ENOMEM);
    if (status >= 0)
        status = open_encoder(s, codec, container);
    if (status >= 0)
        status = open_resampler(s);
    if (status >= 0)
        status = avcodec_parameters_from_context(to->codecpar, s->encoder);
    if (status >= 0) {
        to->time_base = s->encoder->time_base;
        s->stream = to->index;
        s->next = s->written = AV_NOPTS_VALUE;
        return s;
    }
    say_why(error, status, "stream %d: %s audio cannot be re-encoded as %s", from->index,
            avcodec_get_name(from->codecpar->codec_id), codec->name);
    audio_free(s);
    return NULL;
}

void audio_free(audio *s)
{
    if (!s)
        return;
    avcodec_free_context(&s->decoder);
    avcodec_free_context(&s->encoder);
    swr_free(&s->resampler);
    av_audio_fifo_free(s->samples);
    av_frame_free(&s->in);
    av_frame_free(&s->out);
    av_packet_free(&s->packet);
    free(s);
}

static int write_packets(audio *s, sink *sink, udm_error *error)
{
    for (;;) {
        const int status = avcodec_receive_packet(s->encoder, s->packet);
        if (status == AVERROR(EAGAIN) || status == AVERROR_EOF)
            return 0;
        if (status < 0)
            return status;
        if (!sink_write(sink, s->stream, s->packet, s->encoder->time_base, error))
            return AVERROR_EXIT;
    }
}

// Encodes whole frames; with `all`, what is left, too.
static int encode(audio *s, bool all, sink *sink, udm_error *error)
{
    const int whole = s->encoder->frame_size > 0 ? s->encoder->frame_size : WHOLE;
    int have, status = 0;
    while (status >= 0 && (have = av_audio_fifo_size(s->samples)) >= (all ? 1 : whole)) {
        av_frame_unref(s->out);
        s->out->nb_samples = FFMIN(have, whole);
        s->out->format = s->encoder->sample_fmt, s->out->sample_rate = s->encoder->sample_rate;
        s->out->pts = s->written;
        status = av_channel_layout_copy(&s->out->ch_layout, &s->encoder->ch_layout);
        if (status >= 0)
            status = av_frame_get_buffer(s->out, 0);
        if (status >= 0)
            status = av_audio_fifo_read(s->samples, (void **)s->out->extended_data, s->out->nb_samples);
        if (status >= 0)
            status = avcodec_send_frame(s->encoder, s->out);
        s->written += s->out->nb_samples;
        if (status >= 0)
            status = write_packets(s, sink, error);
    }
    return status;
}

// frame: NULL to flush.
static int resample(audio *s, const AVFrame *frame)
{
    const int room = swr_get_out_samples(s->resampler, frame ? frame->nb_samples : 0);
    uint8_t **made = NULL;
    if (room <= 0)
        return room;
    int status = av_samples_alloc_array_and_samples(&made, NULL, s->encoder->ch_layout.nb_channels, room,
                                                    s->encoder->sample_fmt, 0);
    if (status >= 0)
        status = swr_convert(s->resampler, made, room, frame ? (const uint8_t **)frame->extended_data : NULL,
                             frame ? frame->nb_samples : 0);
    if (status > 0)
        s->next += status;
    if (status > 0)
        status = av_audio_fifo_write(s->samples, (void **)made, status);
    if (made)
        av_freep(&made[0]);
    av_freep(&made);
    return status;
}

// Timestamps are counted from the first one; gaps are filled with silence.
static int keep_time(audio *s)
{
    const int64_t stamp = s->in->best_effort_timestamp, rate = s->encoder->sample_rate;
    if (stamp == AV_NOPTS_VALUE && s->next != AV_NOPTS_VALUE)
        return 0;
    const int64_t at = stamp == AV_NOPTS_VALUE ? 0 : av_rescale_q(stamp, s->time_base, s->encoder->time_base);
    if (s->next == AV_NOPTS_VALUE) {
        s->next = s->written = at;
        return 0;
    }
    const int64_t gap = at - s->next - swr_get_delay(s->resampler, rate);
    if (gap < rate * GAP_MS / 1000 || gap > rate * 3600)
        return 0;
    return swr_inject_silence(s->resampler, (int)av_rescale(gap, s->decoder->sample_rate, rate));
}

bool audio_take(audio *s, const AVPacket *packet, sink *sink, udm_error *error)
{
    int status = avcodec_send_packet(s->decoder, packet);
    if (status == AVERROR_INVALIDDATA) // a damaged packet: keep_time() fills the gap
        return true;
    while (status >= 0 && (status = avcodec_receive_frame(s->decoder, s->in)) >= 0) {
        status = keep_time(s);
        if (status >= 0)
            status = resample(s, s->in);
        if (status >= 0)
            status = encode(s, false, sink, error);
        av_frame_unref(s->in);
    }
    if (status == AVERROR(EAGAIN) || status == AVERROR_EOF)
        status = 0;
    if (!packet && status >= 0 && s->next != AV_NOPTS_VALUE) {
        status = resample(s, NULL);
        if (status >= 0)
            status = encode(s, true, sink, error);
        if (status >= 0)
            status = avcodec_send_frame(s->encoder, NULL);
        if (status >= 0)
            status = write_packets(s, sink, error);
    }
    if (status == AVERROR_EXIT) // and *error says why
        return false;
    return status >= 0 || say_why(error, status, "could not encode the audio");
}
