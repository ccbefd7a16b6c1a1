/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two pages that people see: the login form, and why there is no session. */
#include "base/buf.h"
#include "ovd/session_manager/manager_priv.h"
#include "xml/xml.h"

#define PAGE_MAX 16384

#define HEAD                                                                                                 \
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"                                                           \
    "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\""                                             \
    " \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\n"                                              \
    "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n<head>\n"                    \
    "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\" />\n"                            \
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n<title>"

#define STYLE                                                                                                \
    "</title>\n<style type=\"text/css\">\n"                                                                  \
    "* { box-sizing: border-box }\n"                                                                         \
    "body { margin: 0; min-height: 100vh; display: flex; align-items: center; justify-content: center;"      \
    " font: 16px/1.5 system-ui, sans-serif; color: #1d2733; background: linear-gradient(160deg, #0f2a3d,"    \
    " #2b6a7c) }\n"                                                                                          \
    "main, .box { width: 22rem; max-width: 92vw; padding: 2rem; border-radius: 12px; background: #fff;"      \
    " box-shadow: 0 12px 40px rgba(0, 0, 0, .35) }\n"                                                        \
    "h1 { margin: 0 0 1.2rem; font-size: 1.4rem; font-weight: 600 }\n"                                       \
    "label { display: block; margin: 0 0 1rem; font-size: .9rem; color: #46586a }\n"                         \
    "input, select { display: block; width: 100%; margin-top: .25rem; padding: .6rem .7rem;"                 \
    " font: inherit; border: 1px solid #b8c4cf; border-radius: 7px; background: #fff }\n"                    \
    "input:focus, select:focus, button:focus, a:focus { outline: 3px solid #7fc4d4; outline-offset: 1px }\n" \
    "button, .button { display: block; width: 100%; padding: .7rem; font: inherit; font-weight: 600;"        \
    " text-align: center; text-decoration: none; color: #fff; background: #17627a; border: 0;"               \
    " border-radius: 7px; cursor: pointer }\n"                                                               \
    "button:hover, .button:hover { background: #124f63 }\n"                                                  \
    ".msg_error { color: #8c1d18 } .centered { text-align: center }\n"                                       \
    "</style>\n</head>\n<body>\n"

static void answer_page(struct http_request *r, unsigned status, struct buf *page)
{
    http_add_header(r, "Cache-Control", "no-store");
    /* No form-action: a browser would not follow the redirect to the Application Server either. */
    http_add_header(r, "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'");
    http_answer(r, status, MANAGER_TEXT, page->data, page->len);
}

static void begin_page(struct manager *m, struct buf *page)
{
    buf_init(page, PAGE_MAX);
    (void)buf_append_str(page, HEAD);
    (void)xml_append_escaped(page, config_str(m->s.config, "ovd.title"));
    (void)buf_append_str(page, STYLE);
}

void sm_page_error(struct manager *m, struct http_request *r, const char *message)
{
    struct buf page;
    begin_page(m, &page);
    (void)buf_append_str(&page, "<div class=\"box\">\n<p class=\"msg_error centered\">");
    (void)xml_append_escaped(&page, message);
    (void)buf_append_str(&page,
                         "</p>\n<a class=\"button\" href=\"index.php\">Back</a>\n</div>\n</body>\n</html>\n");
    answer_page(r, 500, &page);
    buf_finish(&page);
}

void sm_route_index(struct http_request *r, void *ctx)
{
    static const char form[] =
        "<form action=\"startsession.php\" method=\"post\" accept-charset=\"utf-8\">\n"
        "<input type=\"hidden\" name=\"client\" value=\"browser\" />\n"
        "<label>User name<input type=\"text\" name=\"login\" autocomplete=\"username\" "
        "autocapitalize=\"none\""
        " maxlength=\"128\" required=\"required\" autofocus=\"autofocus\" /></label>\n"
        "<label>Password<input type=\"password\" name=\"password\" autocomplete=\"current-password\""
        " maxlength=\"1024\" required=\"required\" /></label>\n"
        "<button type=\"submit\">Start the session</button>\n</form>\n";
    struct manager *m = ctx;
    struct buf page;
    begin_page(m, &page);
    (void)buf_append_str(&page, "<div class=\"box\">\n<h1>");
    (void)xml_append_escaped(&page, config_str(m->s.config, "ovd.title"));
    (void)buf_append_str(&page, "</h1>\n");
    (void)buf_append_str(&page, form);
    (void)buf_append_str(&page, "</div>\n</body>\n</html>\n");
    answer_page(r, 200, &page);
    buf_finish(&page);
}
