/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/tunnel/profile_priv.h"

#include <fcntl.h>

#include "base/file.h"
#include "base/secret.h"

#define KEY_FILE_MAX (64 * 1024)

static int read_key(int dirfd, const char *name, enum ssh_keytypes_e type, ssh_key *ret_key)
{
    struct stat st;
    cleanup_free char *text = NULL;
    size_t len;
    ssh_key key = NULL;
    int rc = file_read(dirfd, name, KEY_FILE_MAX, &text, &len);
    if (rc < 0)
        return rc;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        rc = -errno;
    else if (st.st_mode & (S_IRWXG | S_IRWXO))
        rc = -EPERM;
    else if (ssh_pki_import_privkey_base64(text, NULL, NULL, NULL, &key) != SSH_OK)
        rc = -EINVAL;
    secret_wipe(text, len);
    if (rc == 0 && ssh_key_type(key) != type)
        rc = -EINVAL;
    if (rc < 0)
        ssh_key_free(key);
    else
        *ret_key = key;
    return rc;
}

static int make_key(int dirfd, const char *name, enum ssh_keytypes_e type, int bits)
{
    ssh_key key;
    char *text = NULL;
    if (ssh_pki_generate(type, bits, &key) != SSH_OK)
        return -EIO;
    int rc = ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &text) == SSH_OK ? 0 : -EIO;
    ssh_key_free(key);
    if (rc < 0)
        return rc;
    rc = file_write(dirfd, name, text, strlen(text), 0600);
    secret_wipe(text, strlen(text));
    ssh_string_free_char(text);
    return rc;
}

static int load_or_make(int dirfd, bool make, const char *name, enum ssh_keytypes_e type, int bits,
                        ssh_key *ret_key)
{
    int rc = read_key(dirfd, name, type, ret_key);
    if (rc != -ENOENT || !make)
        return rc;
    rc = make_key(dirfd, name, type, bits);
    return rc < 0 ? rc : read_key(dirfd, name, type, ret_key);
}

int host_keys__load(const char *directory, bool make, struct host_keys *ret_keys)
{
    struct host_keys keys = {0};
    cleanup_close int dirfd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0)
        return -errno;
    int rc = load_or_make(dirfd, make, "ssh_host_ed25519_key", SSH_KEYTYPE_ED25519, 0, &keys.ed25519);
    if (rc == 0)
        rc = load_or_make(dirfd, make, "ssh_host_rsa_key", SSH_KEYTYPE_RSA, 3072, &keys.rsa);
    if (rc < 0)
        host_keys__free(&keys);
    else
        *ret_keys = keys;
    return rc;
}

void host_keys__free(struct host_keys *keys)
{
    ssh_key_free(keys->ed25519); /* NULL-safe */
    ssh_key_free(keys->rsa);
    keys->ed25519 = keys->rsa = NULL;
}
