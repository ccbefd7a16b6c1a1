/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The OVD Session Manager: what legacy clients and Application Servers ask below /sessionmanager
 * (docs/protocol/ovd-compatibility.md). It translates; users, rights, placement and states are the core's. */
#ifndef ISTHMUS_OVD_SESSION_MANAGER_SESSION_MANAGER_H
#define ISTHMUS_OVD_SESSION_MANAGER_SESSION_MANAGER_H

#include "session/front_end.h"

extern const struct front_end ovd_session_manager;

#endif
