/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random numbers, hashes, comparison in constant time. The only folder besides net/ that knows OpenSSL. */
#ifndef ISTHMUS_BASE_SECRET_H
#define ISTHMUS_BASE_SECRET_H

#include "base/util.h"

#define SECRET_HASH_LEN 32
#define SECRET_ID_LEN 33 /* 32 hex digits and NUL */

/* Ends the process when the system cannot give random bytes. */
void secret_random(void *ret_data, size_t len);
/* 128 random bits as 32 lower-case hex digits. */
void secret_random_id(char ret_id[SECRET_ID_LEN]);
/* A password a person can type: groups of characters without look-alikes, at least 80 bits; the caller frees.
 */
char *secret_random_password(void);
void secret_sha256(const void *data, size_t len, uint8_t ret_hash[SECRET_HASH_LEN]);
/* For the WebSocket handshake (RFC 6455) alone: SHA-1 protects nothing. */
#define SECRET_SHA1_LEN 20
void secret_sha1(const void *data, size_t len, uint8_t ret_hash[SECRET_SHA1_LEN]);
void secret_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                        uint8_t ret_mac[SECRET_HASH_LEN]);
/* Time depends on len only. */
bool secret_equal(const void *a, const void *b, size_t len);
/* The VNC password form of old: one block of DES under a key that everybody knows. It hides a password from a
 * glance and from nobody else; for the wire formats that ask for it alone. */
#define SECRET_VNC_LEN 8
void secret_vnc_obfuscate(const uint8_t plain[SECRET_VNC_LEN], uint8_t ret_hidden[SECRET_VNC_LEN]);
void secret_vnc_reveal(const uint8_t hidden[SECRET_VNC_LEN], uint8_t ret_plain[SECRET_VNC_LEN]);
/* Overwrites memory in a way the compiler keeps. */
void secret_wipe(void *data, size_t len);
/* A file of 64 hex digits (32 bytes), made with mode 0600 when absent. -EPERM when others may read it,
 * -EINVAL when it holds something else. */
int secret_load_key(const char *path, uint8_t ret_key[32]);

#endif
