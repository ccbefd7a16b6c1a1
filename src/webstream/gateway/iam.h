/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The built-in access management: login, profile and entitlements (docs/protocol/iam.md). */
#ifndef ISTHMUS_WEBSTREAM_GATEWAY_IAM_H
#define ISTHMUS_WEBSTREAM_GATEWAY_IAM_H

#include "http/http_server.h"

/* Ends with method NULL; the handlers' ctx is the struct gateway. */
extern const struct http_route gateway_iam_routes[];

#endif
