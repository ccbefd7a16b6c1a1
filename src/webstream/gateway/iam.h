/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The built-in access management: login, profile and entitlements (docs/protocol/iam.md). */
#ifndef ISTHMUS_WEBSTREAM_GATEWAY_IAM_H
#define ISTHMUS_WEBSTREAM_GATEWAY_IAM_H

#include "webstream/gateway/gateway_priv.h"

/* Ends with method NULL; the handlers' ctx is the struct gateway. */
extern const struct http_route gateway_iam_routes[];

/* The envelope of success, for no cache; takes over value. */
void iam_answer_data(struct http_request *r, json_t *value);
json_t *iam_user_json(const struct identity_user *user);

/* login_route.c */
void route_login(struct http_request *r, void *ctx);

#endif
