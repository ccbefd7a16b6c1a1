/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/secret.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/file.h"

void secret_random(void *ret_data, size_t len)
{
    uint8_t *at = ret_data;

    while (len > 0) {
        int part = len > 1 << 20 ? 1 << 20 : (int)len;

        if (RAND_bytes(at, part) != 1)
            abort();
        at += part;
        len -= (size_t)part;
    }
}

void secret_random_id(char ret_id[SECRET_ID_LEN])
{
    uint8_t raw[16];

    secret_random(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), ret_id);
}

/* 20 letters out of 31 are 99 bits. */
char *secret_random_password(void)
{
    static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";
    const unsigned count = sizeof(letters) - 1;
    char *text = xcalloc(1, 24);

    for (size_t i = 0; i < 23; i++) {
        uint8_t byte;

        if (i % 6 == 5) {
            text[i] = '-';
            continue;
        }
        /* Bytes of the last, incomplete round would make some letters more likely than others. */
        do {
            secret_random(&byte, 1);
        } while (byte >= 256 / count * count);
        text[i] = letters[byte % count];
    }
    return text;
}

void secret_sha256(const void *data, size_t len, uint8_t ret_hash[SECRET_HASH_LEN])
{
    unsigned out = 0;

    if (EVP_Digest(data, len, ret_hash, &out, EVP_sha256(), NULL) != 1 || out != SECRET_HASH_LEN)
        abort();
}

void secret_sha1(const void *data, size_t len, uint8_t ret_hash[SECRET_SHA1_LEN])
{
    unsigned out = 0;

    if (EVP_Digest(data, len, ret_hash, &out, EVP_sha1(), NULL) != 1 || out != SECRET_SHA1_LEN)
        abort();
}

void secret_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                        uint8_t ret_mac[SECRET_HASH_LEN])
{
    unsigned out = 0;

    if (!HMAC(EVP_sha256(), key, (int)key_len, data, len, ret_mac, &out) || out != SECRET_HASH_LEN)
        abort();
}

bool secret_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void secret_wipe(void *data, size_t len)
{
    OPENSSL_cleanse(data, len);
}

/* VNC reads a key's bits from the lowest up, DES from the highest down: the key bytes 23 82 107 6 35 78 88 7
 * mirrored. Single DES is in OpenSSL's legacy provider only, which need not be installed; triple DES with
 * three times the same key is the same function, since its first two steps undo each other. */
static void vnc_block(const uint8_t in[SECRET_VNC_LEN], uint8_t ret_out[SECRET_VNC_LEN], int encrypt)
{
    static const uint8_t des_key[SECRET_VNC_LEN] = {0xe8, 0x4a, 0xd6, 0x60, 0xc4, 0x72, 0x1a, 0xe0};
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t key[3 * SECRET_VNC_LEN], out[2 * SECRET_VNC_LEN];
    int len = 0;

    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = des_key[i % SECRET_VNC_LEN];
    if (!ctx || EVP_CipherInit_ex(ctx, EVP_des_ede3_ecb(), NULL, key, NULL, encrypt) != 1 ||
        EVP_CIPHER_CTX_set_padding(ctx, 0) != 1 ||
        EVP_CipherUpdate(ctx, out, &len, in, SECRET_VNC_LEN) != 1 || len != SECRET_VNC_LEN)
        abort();
    memcpy(ret_out, out, SECRET_VNC_LEN);
    EVP_CIPHER_CTX_free(ctx);
    secret_wipe(out, sizeof(out));
}

void secret_vnc_obfuscate(const uint8_t plain[SECRET_VNC_LEN], uint8_t ret_hidden[SECRET_VNC_LEN])
{
    vnc_block(plain, ret_hidden, 1);
}

void secret_vnc_reveal(const uint8_t hidden[SECRET_VNC_LEN], uint8_t ret_plain[SECRET_VNC_LEN])
{
    vnc_block(hidden, ret_plain, 0);
}

static int key_read(const char *path, uint8_t ret_key[32])
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    char text[66] = "";
    struct stat st;
    ssize_t len;
    int r;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    /* A key that everybody on the machine can read is no key. */
    if (!S_ISREG(st.st_mode) || (st.st_mode & S_IRWXO))
        return -EPERM;
    len = read(fd, text, sizeof(text) - 1);
    if (len < 0)
        return -errno;
    if (len == 65 && text[64] == '\n')
        text[64] = '\0';
    r = hex_decode(text, ret_key, 32);
    secret_wipe(text, sizeof(text));
    return r;
}

/* Two roles can start at the same moment: the file appears complete or not at all, and only the first one's
 * stays. */
static int key_create(const char *path)
{
    char id[SECRET_ID_LEN], text[66];
    cleanup_free char *temporary = NULL;
    uint8_t raw[32];
    int r;

    secret_random_id(id);
    temporary = xasprintf("%s.%s", path, id);
    secret_random(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), text);
    text[64] = '\n';
    r = file_write(AT_FDCWD, temporary, text, 65, 0600);
    if (r == 0 && link(temporary, path) < 0 && errno != EEXIST)
        r = -errno;
    unlink(temporary);
    secret_wipe(raw, sizeof(raw));
    secret_wipe(text, sizeof(text));
    return r;
}

int secret_load_key(const char *path, uint8_t ret_key[32])
{
    int r = key_read(path, ret_key);

    if (r != -ENOENT)
        return r;
    r = key_create(path);
    return r < 0 ? r : key_read(path, ret_key);
}
