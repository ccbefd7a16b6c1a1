/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "webstream/gateway/caller.h"

#include <strings.h>

const char *caller_token(const struct http_request *r)
{
    static const char scheme[] = "Bearer ";
    const char *value = http_header(r, "Authorization");
    if (!value || strncasecmp(value, scheme, strlen(scheme)) != 0)
        return NULL;
    return value + strlen(scheme);
}

void caller_refuse(struct http_request *r)
{
    http_add_header(r, "WWW-Authenticate", "Bearer realm=\"isthmus\"");
    http_answer_error(r, 401, "token_invalid", "Log in first: the token is missing, wrong or over.");
}

void caller_refuse_guest(struct http_request *r)
{
    http_answer_error(r, 403, "guest_forbidden", "A guest may only see the session of the invitation.");
}

bool caller_accept(struct gateway *g, struct http_request *r, struct identity_caller *ret_caller)
{
    const char *token = caller_token(r);
    int result = token ? identity_check_caller(g->identity, token, ret_caller) : -EACCES;
    if (result == -EACCES) {
        caller_refuse(r);
    } else if (result < 0) {
        gateway_answer_failure(r, result);
    }
    return result == 0;
}

bool caller_require(struct gateway *g, struct http_request *r, struct identity_user *ret_user)
{
    struct identity_caller caller;
    if (!caller_accept(g, r, &caller))
        return false;
    if (caller.role != IDENTITY_OWNER) {
        caller_refuse_guest(r);
        return false;
    }
    *ret_user = caller.user;
    return true;
}
