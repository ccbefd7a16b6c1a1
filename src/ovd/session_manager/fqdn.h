/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a machine that announces itself under a name is that machine. Blocking (name service): worker
 * threads only. Any number of them at a time; a few of them wait for the name service, and the others are
 * told what was right before. */
#ifndef ISTHMUS_OVD_SESSION_MANAGER_FQDN_H
#define ISTHMUS_OVD_SESSION_MANAGER_FQDN_H

#include "base/clock.h"

#define FQDN_MAX 255
#define FQDN_SIZE (FQDN_MAX + 1)

struct fqdn_rules {
    const char *authorized;        /* patterns with *, separated by commas */
    const char *private_addresses; /* NAME=ADDRESS, separated by commas */
    bool disable_check;            /* no reverse look-up */
    bool unanchored;               /* a pattern may match anywhere in the name */
    bool original;                 /* no forward look-up, and disable_check means: nothing but the patterns */
};

/* The name service. Tests bring their own. */
struct fqdn_resolver {
    /* 1: the name leads to the address; 0: not; -EAGAIN: the name service cannot tell now. */
    int (*forward)(void *arg, const char *name, const char *address);
    /* 1 and the name of the address; 0: it has none; -EAGAIN. */
    int (*reverse)(void *arg, const char *address, char ret_name[FQDN_SIZE]);
    void *arg;
};

struct fqdn_checker;
/* resolver NULL: the system's. clock NULL: the real one. */
struct fqdn_checker *fqdn_checker_create(const struct fqdn_resolver *resolver, const struct clock *clock);
struct fqdn_checker *fqdn_checker_destroy(struct fqdn_checker *checker); /* NULL-safe; returns NULL */
/* peer is an address as text. Who was found to be right stays so for a minute without another look-up, and
 * while the name service is down; nobody new is admitted then. A name service that does not answer is asked
 * again after some seconds, about the same name for one request at a time. */
bool fqdn_is_authorized(struct fqdn_checker *checker, const struct fqdn_rules *rules, const char *name,
                        const char *peer);

#endif
