/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <strings.h>

#include "base/str.h"
#include "ovd/session_manager/manager_priv.h"

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data"

static int read_body(struct http_request *r, struct form *form)
{
    const char *type = http_header(r, "Content-Type");
    size_t len = 0;
    const void *body = http_body(r, &len);
    if (len == 0 || !type)
        return 0;
    if (strncasecmp(type, URLENCODED, sizeof(URLENCODED) - 1) == 0)
        return form_read_urlencoded(form, body, len);
    if (strncasecmp(type, MULTIPART, sizeof(MULTIPART) - 1) == 0)
        return form_read_multipart(form, type, body, len);
    return 0; /* PHP ignores it, too */
}

struct cookie_reader {
    struct form *form;
    int result;
};

static void read_cookie(void *arg, const char *name, const char *value)
{
    struct cookie_reader *reader = arg;
    if (reader->result == 0 && strcasecmp(name, "Cookie") == 0)
        reader->result = form_read_cookies(reader->form, value);
}

int sm_args_read(struct http_request *r, struct args *args)
{
    struct cookie_reader reader = {.form = &args->cookies};
    const char *query = strchr(http_url(r), '?');
    int result = query ? form_read_urlencoded(&args->query, query + 1, strlen(query + 1)) : 0;
    if (result == 0 && str_eq(http_method(r), "POST"))
        result = read_body(r, &args->post);
    /* Cookies of somebody else's making on this host are no reason to refuse. */
    http_each_header(r, read_cookie, &reader);
    return result;
}

const char *sm_args_get(const struct args *args, const char *name)
{
    const char *value = form_get(&args->post, name);
    if (!value)
        value = form_get(&args->query, name);
    return value ? value : form_get(&args->cookies, name);
}

void sm_args_finish(struct args *args)
{
    form_finish(&args->post);
    form_finish(&args->query);
    form_finish(&args->cookies);
}
