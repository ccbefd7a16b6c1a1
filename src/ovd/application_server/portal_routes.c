/* SPDX-License-Identifier: GPL-3.0-or-later */
/* portal/: what the page of portal mode asks for. */
#include "ovd/application_server/aps_priv.h"

#include "base/codec.h"
#include "base/str.h"
#include "ovd/message/news.h"
#include "xml/xml.h"

#define FRAGMENT_MAX ((size_t)2 * 1024 * 1024)

/* ---- one application ---- */

/* The owner's instance that is meant; NULL after answering. */
static struct aps_instance *asked_instance(struct http_request *r, void *ctx,
                                           struct aps_session **ret_session)
{
    const struct aps_visitor *visitor = aps_visitor_of(ctx, r);
    const char *id = aps_argument(r, "access_id");
    if (!visitor || visitor->guest || !id) {
        aps_answer_critical(r);
        return NULL;
    }
    *ret_session = visitor->session;
    struct aps_instance *instance = aps_instance_find(visitor->session, id);
    if (!instance)
        aps_answer(r, 200, APS_TEXT, "");
    return instance;
}

static void feed(struct http_request *r, void *ctx, enum aps_instance_event event)
{
    struct aps_session *session;
    struct aps_instance *instance = asked_instance(r, ctx, &session);
    if (!instance)
        return;
    if (aps_session_status(session) == SESSION_READY)
        (void)aps_instance_feed(session, instance, event);
    aps_answer(r, 200, APS_TEXT, "");
}

static void application_exit(struct http_request *r, void *ctx)
{
    feed(r, ctx, APS_EV_LEFT);
}

static void resume_app(struct http_request *r, void *ctx)
{
    feed(r, ctx, APS_EV_BACK);
}

/* The focus matters to the window stack of Windows applications only, and there are none here. */
static void focus(struct http_request *r, void *ctx)
{
    struct aps_session *session;
    if (asked_instance(r, ctx, &session))
        aps_answer(r, 200, APS_TEXT, "");
}

static void share_app(struct http_request *r, void *ctx)
{
    struct aps_session *session;
    const struct aps_instance *instance = asked_instance(r, ctx, &session);
    struct buf out;
    if (!instance)
        return;
    buf_init(&out, FRAGMENT_MAX);
    (void)buf_append_str(&out, "<form class=\"share\" action=\"../invite.php\" method=\"post\">\n"
                               "<input type=\"hidden\" name=\"access_id\" value=\"");
    (void)xml_append_escaped(&out, instance->id);
    (void)buf_append_str(
        &out, "\" />\n"
              "<label>E-mail address <input type=\"email\" name=\"email\" required=\"required\" /></label>\n"
              "<label>Mode <select name=\"mode\"><option value=\"active\">may use it</option>"
              "<option value=\"passive\">may only watch</option></select></label>\n"
              "<button type=\"submit\">Invite</button>\n</form>\n");
    http_answer(r, 200, APS_TEXT, out.data, out.len);
    buf_finish(&out);
}

/* ---- news ---- */

static void append_news(struct buf *out, const struct ovd_news *news)
{
    for (size_t i = 0; i < news->count; i++) {
        (void)buf_append_str(out, i == 0 ? "<ul class=\"news\">\n<li><strong>" : "<li><strong>");
        (void)xml_append_escaped(out, news->items[i].title);
        (void)buf_append_str(out, "</strong> <span>");
        (void)xml_append_escaped(out, news->items[i].text);
        (void)buf_append_str(out, "</span></li>\n");
    }
    if (news->count > 0)
        (void)buf_append_str(out, "</ul>\n");
}

/* Without news, or when the Session Manager has none to tell, there is nothing to show. */
static void on_news(void *arg, const char *body, size_t len, const char *type)
{
    struct http_request *r = arg;
    struct ovd_news news = {0};
    struct buf out;
    (void)type;
    buf_init(&out, FRAGMENT_MAX);
    if (body && ovd_news_parse(body, len, NULL, NULL, &news) == 0) {
        append_news(&out, &news);
        ovd_news_finish(&news);
    }
    http_answer(r, 200, APS_TEXT, out.data ? (const void *)out.data : "", out.len);
    buf_finish(&out);
}

static void get_news(struct http_request *r, void *ctx)
{
    const struct aps_visitor *visitor = aps_visitor_of(ctx, r);
    if (!visitor) {
        aps_answer_critical(r);
        return;
    }
    cleanup_free char *login = percent_encode(aps_session_setting(visitor->session, OVD_SETTING_USER_LOGIN));
    cleanup_free char *query = xasprintf("login=%s", login);
    if (aps_manager_get(ctx, "get_news.php", query, on_news, r) < 0)
        aps_answer(r, 200, APS_TEXT, "");
    else
        http_defer(r);
}

/* ---- the table ---- */

static void unknown(struct http_request *r, void *ctx)
{
    (void)ctx;
    aps_answer(r, 404, APS_TEXT, "Not found");
}

static const struct {
    const char *file;
    void (*handle)(struct http_request *r, void *ctx);
} files[] = {
    {"application_exit.php", application_exit},
    {"resume_app.php", resume_app},
    {"focus.php", focus},
    {"share_app.php", share_app},
    {"get_news.php", get_news},
    /* They opened one application each in a window of its own, with an applet in it. The browser client shows
     * the session. */
    {"external_app.php", aps_route_mode},
    {"resume.php", aps_route_mode},
};

void aps_route_portal(struct http_request *r, void *ctx)
{
    const char *file = http_param(r, "file");
    void (*handle)(struct http_request * r, void *ctx) = unknown;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        if (str_eq(files[i].file, file))
            handle = files[i].handle;
    handle(r, ctx);
}
