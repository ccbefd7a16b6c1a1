/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/tunnel/profile_priv.h"

#define MODERN_KEX                                                                                           \
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,"                  \
    "ecdh-sha2-nistp521,diffie-hellman-group16-sha512,diffie-hellman-group14-sha256,"                        \
    "diffie-hellman-group-exchange-sha256"
#define LEGACY_KEX                                                                                           \
    MODERN_KEX                                                                                               \
    ",diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1,diffie-hellman-group1-sha1"
#define MODERN_CIPHERS                                                                                       \
    "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,"     \
    "aes128-ctr"
#define LEGACY_CIPHERS MODERN_CIPHERS ",aes256-cbc,aes192-cbc,aes128-cbc,3des-cbc"
#define MODERN_MACS "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512"
/* No -etm here: those modes must not meet CBC ciphers. */
#define LEGACY_MACS "hmac-sha2-256,hmac-sha2-512,hmac-sha1"
#define MODERN_HOST_KEYS "ssh-ed25519,rsa-sha2-512,rsa-sha2-256"
#define LEGACY_HOST_KEYS MODERN_HOST_KEYS ",ssh-rsa"

struct setting {
    enum ssh_bind_options_e option;
    const char *value[2]; /* by profile */
};

static const struct setting settings[] = {
    {SSH_BIND_OPTIONS_BANNER, {"Isthmus", "Isthmus"}},
    {SSH_BIND_OPTIONS_KEY_EXCHANGE, {MODERN_KEX, LEGACY_KEX}},
    {SSH_BIND_OPTIONS_CIPHERS_C_S, {MODERN_CIPHERS, LEGACY_CIPHERS}},
    {SSH_BIND_OPTIONS_CIPHERS_S_C, {MODERN_CIPHERS, LEGACY_CIPHERS}},
    {SSH_BIND_OPTIONS_HMAC_C_S, {MODERN_MACS, LEGACY_MACS}},
    {SSH_BIND_OPTIONS_HMAC_S_C, {MODERN_MACS, LEGACY_MACS}},
    {SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS, {MODERN_HOST_KEYS, LEGACY_HOST_KEYS}},
};

/* The bind owns what it imports, so it gets copies. */
static int import_key(ssh_bind bind, const ssh_key key)
{
    ssh_key copy = ssh_key_dup(key);
    if (!copy)
        return -ENOMEM;
    if (ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, copy) == 0)
        return 0;
    ssh_key_free(copy);
    return -EIO;
}

static int configure(ssh_bind bind, enum tunnel_profile profile, const struct host_keys *keys)
{
    bool process = false; /* the machine's own /etc/ssh is none of ours */
    if (ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &process) != 0)
        return -EIO;
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        if (ssh_bind_options_set(bind, settings[i].option, settings[i].value[profile]) != 0)
            return -EIO;
    int rc = import_key(bind, keys->ed25519);
    return rc < 0 ? rc : import_key(bind, keys->rsa);
}

int profile__create(enum tunnel_profile profile, const struct host_keys *keys, ssh_bind *ret_bind)
{
    ssh_bind bind = ssh_bind_new();
    if (!bind)
        return -ENOMEM;
    int rc = configure(bind, profile, keys);
    if (rc < 0)
        ssh_bind_free(bind);
    else
        *ret_bind = bind;
    return rc;
}
