/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "webstream/streamer/prints.h"

#include "base/codec.h"
#include "base/str.h"
#include "print/print_spool.h"

struct prints {
    struct print_spool *spool;
    struct channels *channels;
    int64_t announced; /* time of the newest document that somebody was told of */
};

void prints_announce(struct prints *prints)
{
    struct print_job job;

    for (int i = 0; prints && i < PRINT_JOBS_MAX; i++) {
        if (print_find(print_spool_dir(prints->spool), prints->announced + 1, &job) < 0 ||
            channels_printed(prints->channels, job.title, job.time, job.bytes) == 0)
            return;
        prints->announced = job.time;
    }
}

static void on_printed(void *arg, const struct print_job *job)
{
    (void)job;
    prints_announce(arg);
}

int prints_create(struct loop *loop, const char *path, struct channels *channels, struct prints **ret_prints)
{
    struct prints *prints = xcalloc(1, sizeof(*prints));
    int r;

    prints->channels = channels;
    r = print_spool_create(loop, path, on_printed, prints, &prints->spool);
    if (r < 0) {
        free(prints);
        return r;
    }
    *ret_prints = prints;
    return 0;
}

struct prints *prints_destroy(struct prints *prints)
{
    if (prints)
        print_spool_destroy(prints->spool);
    free(prints);
    return NULL;
}

void prints_answer(const struct prints *prints, struct http_request *r)
{
    struct print_job job;
    int64_t time;
    int fd, result = -ENOENT;

    if (str_to_int(http_param(r, "time"), 0, PRINT_TIME_MAX, &time) < 0) {
        http_answer_error(r, 400, "bad_time", "A document is named by its time, in seconds since 1970.");
        return;
    }
    if (prints)
        result = print_open(print_spool_dir(prints->spool), time, &job, &fd);
    if (result < 0) {
        http_answer_error(r, 404, "unknown_document", "There is no such document.");
        return;
    }
    cleanup_free char *encoded = percent_encode(job.title);
    cleanup_free char *disposition = xasprintf("attachment; filename*=UTF-8''%s", encoded);
    http_add_header(r, "Content-Disposition", disposition);
    http_add_header(r, "Cache-Control", "no-store");
    http_answer_file(r, 200, "application/pdf", fd, job.bytes);
}
