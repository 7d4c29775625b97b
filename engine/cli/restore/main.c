// SPDX-License-Identifier: LGPL-2.1-or-later
// udm-restore: restores a video file.
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/restore/job.h"
#include "cli/restore/say.h"
#include "cli/restore/stop.h"

enum { WRONG_USAGE = 2 };

static void asked(void *context)
{
    job *j = context;
    frames_cancel(&j->fields.films[0]);
    frames_cancel(&j->fields.films[1]);
    frames_cancel(&j->frames);
}

// Completes the file with the frames that are done. No job_close(): encoders may take long to close.
static void end_stopped(job *j)
{
    udm_error error = { 0 };
    const bool kept = sink_stop(&j->sink, &error);
    if (kept)
        say_error("stopped: the first %" PRId64 " frames are in %s", j->sink.frames, j->sink.file.name);
    else
        say_error("stopped; nothing was written");
    _exit(STOP_STATUS);
}

static void late(void *context)
{
    end_stopped(context);
}

static int end_failed(job *j, const udm_error *error)
{
    say_error("%s", error->message);
    job_close(j);
    return 1;
}

static int end_whole(job *j)
{
    const int64_t frames = j->sink.frames;
    char found[320];
    progress_end(&j->progress);
    frames_found(fields_restore(&j->fields) ? &j->fields.films[0] : &j->frames, found, sizeof found);
    if (j->source.damaged > 0)
        say_note("%d packets of the video were damaged: look at the result", j->source.damaged);
    say_note("wrote %s: %" PRId64 " %s, %.2f a second%s", j->sink.file.other ? j->sink.file.name : j->options->output,
             frames, frames == 1 ? "frame" : "frames", progress_rate(&j->progress), found);
    job_close(j);
    return 0;
}

static int run(const options *options)
{
    static job job;
    udm_error error = { 0 };
    if (!stop_begin((stop_calls){ asked, late, &job })) {
        say_error("could not start a thread");
        return 1;
    }
    const bool done = job_open(&job, options, &error) && job_run(&job, &error);
    stop_end(); // from here on the file is completed whatever comes
    if (stop_asked())
        end_stopped(&job);
    if (!done || !sink_finish(&job.sink, &error))
        return end_failed(&job, &error);
    return end_whole(&job);
}

int main(int argc, char **argv)
{
    options options;
    say_begin(false);
    const options_parsed parsed = options_parse(argc, argv, &options);
    if (parsed != OPTIONS_RUN)
        return parsed == OPTIONS_DONE ? 0 : WRONG_USAGE;
    say_begin(options.quiet);
    return run(&options);
}
