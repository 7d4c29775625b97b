// SPDX-License-Identifier: LGPL-2.1-or-later
// What libavformat tells about its muxers, and what it does not.
#include "cli/restore/container.h"

#include <string.h>

#include <libavcodec/avcodec.h>

// names: a comma-separated list.
static bool is_one_of(const AVOutputFormat *container, const char *names)
{
    const size_t length = strlen(container->name);
    for (const char *at = names; (at = strstr(at, container->name)); at += length)
        if ((at == names || at[-1] == ',') && (at[length] == ',' || at[length] == 0))
            return true;
    return false;
}

// image2 writes a file for each frame, and opens it by itself; image2pipe writes to the file that we open.
const AVOutputFormat *container_find(const char *output)
{
    const AVOutputFormat *container = av_guess_format(NULL, output, NULL);
    if (container && strcmp(container->name, "image2") == 0)
        return av_guess_format("image2pipe", NULL, NULL);
    return container && !(container->flags & AVFMT_NOFILE) ? container : NULL;
}

// For muxers that do not tell their codecs.
static bool is_known(const AVOutputFormat *container, enum AVCodecID codec)
{
    static const struct {
        const char *container;
        enum AVCodecID codec;
    } known[] = {
        { "mpegts", AV_CODEC_ID_H264 },
        { "mpegts", AV_CODEC_ID_HEVC },
        { "mpegts", AV_CODEC_ID_MPEG2VIDEO },
        { "mpegts", AV_CODEC_ID_AAC },
        { "mpegts", AV_CODEC_ID_AAC_LATM },
        { "mpegts", AV_CODEC_ID_MP2 },
        { "mpegts", AV_CODEC_ID_MP3 },
        { "mpegts", AV_CODEC_ID_AC3 },
        { "mpegts", AV_CODEC_ID_EAC3 },
        { "mpegts", AV_CODEC_ID_DTS },
        { "mpegts", AV_CODEC_ID_TRUEHD },
        { "mpegts", AV_CODEC_ID_OPUS },
        { "mpegts", AV_CODEC_ID_PCM_BLURAY },
        { "mpegts", AV_CODEC_ID_DVB_SUBTITLE },
        { "mpegts", AV_CODEC_ID_DVB_TELETEXT },
        { "mpegts", AV_CODEC_ID_HDMV_PGS_SUBTITLE },
        { "mpegts", AV_CODEC_ID_SMPTE_KLV },
        { "mpegts", AV_CODEC_ID_TIMED_ID3 },
        { "mxf", AV_CODEC_ID_H264 },
        { "mxf", AV_CODEC_ID_PRORES },
        { "mxf", AV_CODEC_ID_FFV1 },
        { "mxf", AV_CODEC_ID_PCM_S16LE },
        { "mxf", AV_CODEC_ID_PCM_S24LE },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(container->name, known[i].container) == 0 && codec == known[i].codec)
            return true;
    return false;
}

bool container_holds(const AVOutputFormat *container, enum AVCodecID codec)
{
    // FLAC in MP4, say, was experimental when the muxer was written.
    const int holds = avformat_query_codec(container, codec, FF_COMPLIANCE_EXPERIMENTAL);
    return holds == 1 || (holds < 0 && is_known(container, codec));
}

bool container_holds_matrix(const AVOutputFormat *container)
{
    return is_one_of(container, "mov,mp4,ipod,3gp,3g2,f4v,psp");
}

bool container_holds_covers(const AVOutputFormat *container)
{
    return is_one_of(container, "mp4,ipod");
}

bool container_holds_attachments(const AVOutputFormat *container)
{
    return is_one_of(container, "matroska");
}

bool container_is_matroska(const AVOutputFormat *container)
{
    return is_one_of(container, "matroska,webm");
}

bool container_counts_frames(const AVOutputFormat *container)
{
    return is_one_of(container, "avi,mxf");
}

bool container_is_picture(const AVOutputFormat *container)
{
    return is_one_of(container, "image2pipe");
}
