/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Application Server of the OVD web services (spec/ovd.md 2, 3, 5, 9) as a front-end of the session host:
 * what legacy clients find below /applicationserver, the SSH tunnel to their pictures, and what the Session
 * Manager asks. */
#ifndef ISTHMUS_OVD_APPLICATION_SERVER_APPLICATION_SERVER_H
#define ISTHMUS_OVD_APPLICATION_SERVER_APPLICATION_SERVER_H

#include "host/host_front_end.h"

extern const struct host_front_end ovd_application_server;

#endif
