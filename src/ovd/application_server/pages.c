/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What browsers are sent to. Browsers of today run no applets: a MODE page hands its visitor over to the
 * browser client of the control plane, with a code that is good once. */
#include "ovd/application_server/aps_priv.h"

#include "base/log.h"
#include "base/str.h"
#include "ovd/message/aps.h"
#include "xml/xml.h"

#define PAGE_MAX 16384

/* ---- a page with a sentence ---- */

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";
static const char style[] =
    "</title>\n<style>\n"
    "* { box-sizing: border-box }\n"
    "body { margin: 0; min-height: 100vh; display: flex; align-items: center; justify-content: center;"
    " font: 16px/1.5 system-ui, sans-serif; color: #1d2733; background: linear-gradient(160deg, #0f2a3d,"
    " #2b6a7c) }\n"
    "main { width: 26rem; max-width: 92vw; padding: 2rem; border-radius: 12px; background: #fff;"
    " box-shadow: 0 12px 40px rgba(0, 0, 0, .35); text-align: center }\n"
    "h1 { margin: 0 0 .8rem; font-size: 1.4rem; font-weight: 600 }\n"
    "p { margin: 0; color: #46586a }\n"
    "p + p { margin-top: .6rem }\n"
    "</style>\n</head>\n<body>\n<main>\n<h1>";

static void answer_page(struct aps *aps, struct http_request *r, unsigned status, const char *title,
                        const char *text, const char *advice)
{
    struct buf page;
    buf_init(&page, PAGE_MAX);
    (void)buf_append_str(&page, head);
    (void)xml_append_escaped(&page, config_str(aps->s.config, "ovd.title"));
    (void)buf_append_str(&page, style);
    (void)xml_append_escaped(&page, title);
    (void)buf_append_str(&page, "</h1>\n<p>");
    (void)xml_append_escaped(&page, text);
    (void)buf_append_str(&page, "</p>\n<p>");
    (void)xml_append_escaped(&page, advice);
    (void)buf_append_str(&page, "</p>\n</main>\n</body>\n</html>\n");
    http_add_header(r, "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'");
    http_answer(r, status, APS_TEXT, page.data, page.len);
    buf_finish(&page);
}

static void answer_invalid(struct aps *aps, struct http_request *r, unsigned status)
{
    answer_page(aps, r, status, "Invalid token", "This link has been used already, or it has expired.",
                "Please go back to where you came from and start your session again.");
}

void aps_route_error(struct http_request *r, void *ctx)
{
    answer_invalid(ctx, r, 200);
}

/* ---- MODE/ ---- */

/* To "https://HOST:PORT/BASE/#code=CODE": what stands behind the # is never sent to a server. NULL when the
 * control plane's answer or the request has no good address in it. */
static char *location_of(struct http_request *r, const json_t *answer)
{
    char host[OVD_HOST_MAX + 1], error[JSON_ERROR_LEN];
    unsigned unused;
    const char *code, *base = "", *url = "";
    int64_t port;
    if (json_get_string(answer, "code", 256, &code, error) < 0 ||
        json_opt_string(answer, "basePath", 256, &base, error) < 0 ||
        json_opt_string(answer, "publicUrl", 1024, &url, error) < 0 ||
        !str_is_token(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", 256))
        return NULL;
    if (*url)
        return xasprintf("%s%s#code=%s", url, str_ends_with(url, "/") ? "" : "/", code);
    if (json_get_int(answer, "httpsPort", 1, 65535, &port, error) < 0 || !aps_host_read(r, host, &unused))
        return NULL;
    return xasprintf("https://%s:%d%s/#code=%s", host, (int)port, base, code);
}

struct code_question {
    struct aps *aps;
    struct http_request *r;
};

static void on_code(void *arg, const json_t *answer)
{
    struct code_question *question = arg;
    cleanup_free char *location = answer ? location_of(question->r, answer) : NULL;
    if (location) {
        http_add_header(question->r, "Location", location);
        http_add_header(question->r, "Referrer-Policy", "no-referrer");
        aps_answer(question->r, 302, APS_TEXT, "");
    } else {
        answer_page(question->aps, question->r, 503, "Not available",
                    "Your session cannot be shown in the browser now.", "Please try again in a moment.");
    }
    free(question);
}

static void hand_over(struct aps *aps, struct http_request *r, const struct aps_visitor *visitor)
{
    const struct aps_guest *guest = visitor->guest;
    json_t *body =
        json_pack("{s:s, s:s, s:s}", "serverUrl", aps->s.server_url, "sessionId",
                  visitor->session->session_id, "role", guest ? ovd_guest_mode_words[guest->mode] : "owner");
    if (body && guest)
        json_object_set_new(body, "email", json_string(guest->email));
    struct code_question *question = xcalloc(1, sizeof *question);
    *question = (struct code_question){aps, r};
    if (aps_plane_post(aps, "/gateway/ovd/code", body, on_code, question) < 0)
        on_code(question, NULL);
    else
        http_defer(r);
}

static void answer_aps(struct http_request *r)
{
    char host[OVD_HOST_MAX + 1];
    unsigned unused;
    struct ovd_aps message = {host};
    struct buf out;
    buf_init(&out, 4096);
    if (aps_host_read(r, host, &unused) && ovd_aps_build(&message, &out) == 0)
        aps_answer_xml(r, &out);
    else
        aps_answer(r, 400, APS_TEXT, "");
    buf_finish(&out);
}

/* The browser client shows the session's own display and no other: who was invited to another one must not
 * get there. */
static bool may_see(const struct aps_visitor *visitor)
{
    const char *display = visitor->guest ? aps_guest_display(visitor->session, visitor->guest) : "";
    return display && !*display;
}

static void answer_elsewhere(struct aps *aps, struct http_request *r)
{
    answer_page(aps, r, 403, "Not in the browser",
                "You were invited to one application of this session, and the browser cannot show it alone.",
                "Please ask for an invitation to the session itself, or come with an OVD client.");
}

/* index.php sends browsers here, with their token; it is used up, the cookie says who they are. */
void aps_route_mode(struct http_request *r, void *ctx)
{
    const struct aps_visitor *visitor = aps_visitor_of(ctx, r);
    bool browser = visitor && (aps_argument(r, "token") ||
                               str_eq(aps_session_setting(visitor->session, OVD_SETTING_CLIENT), "browser"));
    if (!visitor)
        answer_invalid(ctx, r, 403);
    else if (browser && !may_see(visitor))
        answer_elsewhere(ctx, r);
    else if (browser)
        hand_over(ctx, r, visitor);
    else
        answer_aps(r);
}
