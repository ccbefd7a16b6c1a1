/* SPDX-License-Identifier: GPL-3.0-or-later */
/* print.php: a printed document as a download (spec/ovd.md 11.4), for the session's owner. Limits: what
 * print/print_spool.h says of documents. */
#include "base/str.h"
#include "ovd/application_server/aps_priv.h"
#include "print/print_spool.h"

#define NO_SESSION "die2 (400): ERROR - No $session"

/* The first document from that time on, open. */
static int open_document(const struct aps_session *session, int64_t from, struct print_job *ret_job,
                         int *ret_fd)
{
    int dir = -1;
    int r = pool_open_prints(session->aps->s.pool, session->session_id, &dir);
    if (r < 0)
        return r;
    r = print_find(dir, from, ret_job);
    if (r == 0)
        r = print_open(dir, ret_job->time, ret_job, ret_fd);
    close(dir);
    return r;
}

static void answer_document(struct http_request *r, const struct print_job *job, int fd)
{
    cleanup_free char *disposition = xasprintf("attachment; filename=%s", job->title);
    cleanup_free char *next = xasprintf("%lld", (long long)job->time + 1);
    http_add_header(r, "Content-Disposition", disposition);
    http_add_header(r, "UlteoFileName", job->title);
    http_add_header(r, "UlteoPrintTime", next);
    http_answer_file(r, 200, "application/pdf", fd, job->bytes);
}

void aps_route_print(struct http_request *r, void *ctx)
{
    const struct aps_visitor *visitor = aps_visitor_of(ctx, r);
    const char *timestamp = aps_argument(r, "timestamp");
    struct print_job job;
    int64_t from;
    int fd = -1;
    if (!visitor)
        aps_answer(r, 400, APS_TEXT, NO_SESSION);
    else if (!timestamp || str_to_int(timestamp, 0, PRINT_TIME_MAX, &from) < 0)
        aps_answer(r, 400, APS_TEXT, "");
    else if (visitor->guest || open_document(visitor->session, from, &job, &fd) < 0)
        aps_answer(r, 404, APS_TEXT, "");
    else
        answer_document(r, &job, fd);
}
