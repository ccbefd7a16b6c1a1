/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/tunnel/credentials_priv.h"

#include "base/secret.h"
#include "base/str.h"

struct tunnel_credentials {
    struct credential entries[CREDENTIALS_MAX];
    size_t count;
};

struct tunnel_credentials *credentials__create(void)
{
    return xcalloc(1, sizeof(struct tunnel_credentials));
}

struct tunnel_credentials *credentials__destroy(struct tunnel_credentials *table)
{
    if (table)
        secret_wipe(table, sizeof *table);
    free(table);
    return NULL;
}

bool credentials__is_user(const char *user)
{
    int64_t number;
    if (!str_starts_with(user, "SSH") || (user[3] == '0' && user[4] != '\0'))
        return false;
    return str_is_token(user + 3, "0123456789", 4) && str_to_int(user + 3, 0, 9999, &number) == 0;
}

static struct credential *find(const struct tunnel_credentials *table, const char *session)
{
    for (size_t i = 0; i < table->count; i++)
        if (str_eq(table->entries[i].session, session))
            return (struct credential *)&table->entries[i];
    return NULL;
}

static bool has_user(const struct tunnel_credentials *table, const char *user)
{
    for (size_t i = 0; i < table->count; i++)
        if (str_eq((const char *)table->entries[i].user, user))
            return true;
    return false;
}

static bool ports_are_good(const unsigned *ports, unsigned count)
{
    if (count > TUNNEL_PORTS_MAX)
        return false;
    for (unsigned i = 0; i < count; i++)
        if (ports[i] == 0 || ports[i] > 65535)
            return false;
    return true;
}

static void copy_ports(struct credential *entry, const unsigned *ports, unsigned count)
{
    entry->port_count = count;
    for (unsigned i = 0; i < count; i++)
        entry->ports[i] = ports[i];
}

int credentials__add(struct tunnel_credentials *table, const char *session, const char *user,
                     const char password[TUNNEL_PASSWORD_LEN], const unsigned *ports, unsigned port_count)
{
    size_t length = strlen(session);
    if (length == 0 || length >= TUNNEL_SESSION_LEN || !credentials__is_user(user) ||
        memchr(password, 0, TUNNEL_PASSWORD_LEN) || !ports_are_good(ports, port_count))
        return -EINVAL;
    if (find(table, session) || has_user(table, user))
        return -EEXIST;
    if (table->count == CREDENTIALS_MAX)
        return -ENOSPC;
    struct credential *entry = &table->entries[table->count++];
    memcpy(entry->session, session, length + 1);
    memcpy(entry->user, user, strlen(user)); /* the rest is NUL */
    memcpy(entry->password, password, TUNNEL_PASSWORD_LEN);
    copy_ports(entry, ports, port_count);
    return 0;
}

int credentials__set_ports(struct tunnel_credentials *table, const char *session, const unsigned *ports,
                           unsigned port_count)
{
    struct credential *entry = find(table, session);
    if (!entry)
        return -ENOENT;
    if (!ports_are_good(ports, port_count))
        return -EINVAL;
    copy_ports(entry, ports, port_count);
    return 0;
}

void credentials__remove(struct tunnel_credentials *table, const char *session)
{
    struct credential *entry = find(table, session);
    if (!entry)
        return;
    struct credential *last = &table->entries[--table->count];
    if (entry != last)
        *entry = *last;
    secret_wipe(last, sizeof *last);
}

const struct credential *credentials__check(const struct tunnel_credentials *table, const char *user,
                                            const uint8_t *password, size_t password_len)
{
    uint8_t wanted_user[TUNNEL_USER_LEN] = {0};
    uint8_t wanted_password[TUNNEL_PASSWORD_LEN] = {0};
    const struct credential *found = NULL;
    size_t user_len = strlen(user);
    bool well_formed = user_len > 0 && user_len < TUNNEL_USER_LEN && password_len == TUNNEL_PASSWORD_LEN;
    memcpy(wanted_user, user, MIN(user_len, sizeof wanted_user));
    memcpy(wanted_password, password, MIN(password_len, sizeof wanted_password));
    /* Both halves of every entry are compared, whatever the first one said. */
    for (size_t i = 0; i < table->count; i++) {
        const struct credential *entry = &table->entries[i];
        unsigned user_same = secret_equal(entry->user, wanted_user, sizeof wanted_user);
        unsigned password_same = secret_equal(entry->password, wanted_password, sizeof wanted_password);
        found = (user_same & password_same) ? entry : found;
    }
    secret_wipe(wanted_password, sizeof wanted_password);
    return well_formed ? found : NULL;
}

bool credentials__has_port(const struct tunnel_credentials *table, const char *session, unsigned port)
{
    const struct credential *entry = find(table, session);
    for (unsigned i = 0; entry && i < entry->port_count; i++)
        if (entry->ports[i] == port)
            return true;
    return false;
}
