/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may open a link: user names, passwords and labels of the running sessions. Belongs to the loop's
 * thread. */
#ifndef ISTHMUS_OVD_TUNNEL_CREDENTIALS_PRIV_H
#define ISTHMUS_OVD_TUNNEL_CREDENTIALS_PRIV_H

#include "ovd/tunnel/tunnel.h"

#define CREDENTIALS_MAX 2000

struct credential {
    char session[TUNNEL_SESSION_LEN];
    uint8_t user[TUNNEL_USER_LEN]; /* padded with NUL: compared as a whole */
    uint8_t password[TUNNEL_PASSWORD_LEN];
    unsigned ports[TUNNEL_PORTS_MAX];
    unsigned port_count;
};

struct tunnel_credentials;

struct tunnel_credentials *credentials__create(void);
struct tunnel_credentials *credentials__destroy(struct tunnel_credentials *table); /* wipes; NULL-safe */
int credentials__add(struct tunnel_credentials *table, const char *session, const char *user,
                     const char password[TUNNEL_PASSWORD_LEN], const unsigned *ports, unsigned port_count);
int credentials__set_ports(struct tunnel_credentials *table, const char *session, const unsigned *ports,
                           unsigned port_count);
void credentials__remove(struct tunnel_credentials *table, const char *session);
/* The entry of that user when the password is right, else NULL; the time depends on the number of entries
 * alone. Valid until the table changes. user is NUL-terminated, password may hold anything. */
const struct credential *credentials__check(const struct tunnel_credentials *table, const char *user,
                                            const uint8_t *password, size_t password_len);
/* Whether port is a label of the session. */
bool credentials__has_port(const struct tunnel_credentials *table, const char *session, unsigned port);
/* "SSH0" to "SSH9999", without leading zeros. */
bool credentials__is_user(const char *user);

#endif
