/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is asking. */
#ifndef ISTHMUS_WEBSTREAM_GATEWAY_CALLER_H
#define ISTHMUS_WEBSTREAM_GATEWAY_CALLER_H

#include "webstream/gateway/gateway_priv.h"

/* The token of "Authorization: Bearer TOKEN", lent; NULL when there is none. */
const char *caller_token(const struct http_request *r);
/* Answers 401 token_invalid. */
void caller_refuse(struct http_request *r);
/* Whoever the request's token is for, a user or a guest. False after answering: 401 token_invalid, or 503.
 * Worker threads only. */
bool caller_accept(struct gateway *g, struct http_request *r, struct identity_caller *ret_caller);
/* Answers 403 guest_forbidden. */
void caller_refuse_guest(struct http_request *r);
/* The same where only a user may come: a guest is answered with that. */
bool caller_require(struct gateway *g, struct http_request *r, struct identity_user *ret_user);

#endif
