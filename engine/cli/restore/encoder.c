// SPDX-License-Identifier: LGPL-2.1-or-later
// Encodes, and gives packets the durations of their frames.
#include "cli/restore/encoder.h"

#include "cli/restore/say.h"
#include "cli/restore/stop.h"

bool encoder_open(encoder *e, const codec *codec, const codec_frames *frames, udm_error *error)
{
    e->packet = av_packet_alloc();
    if (!e->packet)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a packet");
    e->context = codecs_open(codec, frames, error);
    return e->context != NULL;
}

void encoder_close(encoder *e)
{
    av_packet_free(&e->packet);
    avcodec_free_context(&e->context);
}

static int64_t duration_of(const encoder *e, int64_t stamp)
{
    for (uint64_t i = e->count; i > 0 && i + ENCODER_FRAMES > e->count; i--)
        if (e->frames[(i - 1) % ENCODER_FRAMES].stamp == stamp)
            return e->frames[(i - 1) % ENCODER_FRAMES].duration;
    return 0;
}

bool encoder_take(encoder *e, AVFrame *frame, sink *sink, udm_error *error)
{
    if (frame) {
        const int64_t last = e->count ? e->frames[(e->count - 1) % ENCODER_FRAMES].stamp : INT64_MIN / 2;
        frame->pts = FFMAX(frame->pts, last + 1); // rounding to a frame rate may have made two the same
        e->frames[e->count % ENCODER_FRAMES].stamp = frame->pts;
        e->frames[e->count++ % ENCODER_FRAMES].duration = frame->pkt_duration;
    }
    int status = avcodec_send_frame(e->context, frame);
    while (status >= 0 && !stop_hurries()) {
        status = avcodec_receive_packet(e->context, e->packet);
        if (status < 0)
            break;
        e->packet->duration = duration_of(e, e->packet->pts);
        if (!sink_write(sink, sink->video, e->packet, e->context->time_base, error))
            return false;
    }
    return status >= 0 || status == AVERROR(EAGAIN) || status == AVERROR_EOF ||
           say_why(error, status, "could not encode the video");
}
