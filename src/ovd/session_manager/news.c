/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What portal pages show beside applications: news, of which there are none here, and a picture. Both are for
 * anybody, as in the original. */
#include "ovd/message/news.h"
#include "ovd/session_manager/manager_priv.h"

#define ANSWER_MAX 1024

/* Only whether fqdn is there is looked at: the same list is for every server. */
void sm_route_news(struct http_request *r, void *ctx)
{
    static const struct ovd_news none = {0};
    struct args args = {0};
    struct buf out;
    (void)ctx;
    buf_init(&out, ANSWER_MAX);
    if (sm_args_read(r, &args) < 0)
        sm_manager_answer(r, 400, MANAGER_TEXT, "");
    else if (!form_get(&args.query, "fqdn"))
        sm_manager_say(r, "ERROR - NO $_GET['fqdn']");
    else if (ovd_news_build(&none, &out) < 0)
        sm_manager_answer(r, 500, MANAGER_TEXT, "");
    else
        http_answer(r, 200, MANAGER_XML, out.data, out.len);
    buf_finish(&out);
    sm_args_finish(&args);
}

void sm_route_logo(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_answer(r, 200, "image/png", sm_logo_png, sm_logo_png_len);
}
