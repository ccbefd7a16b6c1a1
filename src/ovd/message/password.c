/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/password.h"

#include "base/codec.h"
#include "base/secret.h"
#include "ovd/message/message_priv.h"

_Static_assert(SECRET_VNC_LEN == OVD_PASSWORD_LEN, "one block of DES is one password");

static bool is_ssh_password(const char *password)
{
    size_t len = 0;

    while (len <= OVD_PASSWORD_LEN && password[len] > 0x20 && password[len] < 0x7f)
        len++;
    return len == OVD_PASSWORD_LEN && password[len] == '\0';
}

int ovd_ssh_password_to_hex(const char *password, char ret_hex[OVD_PASSWORD_HEX_SIZE])
{
    if (!is_ssh_password(password))
        return -EINVAL;
    hex_encode(password, OVD_PASSWORD_LEN, ret_hex);
    return 0;
}

int ovd_ssh_password_from_hex(const char *hex, char ret_password[OVD_PASSWORD_SIZE])
{
    char password[OVD_PASSWORD_SIZE] = "";
    int r = hex_decode(hex, password, OVD_PASSWORD_LEN);

    if (r == 0 && !is_ssh_password(password))
        r = -EINVAL;
    if (r == 0)
        memcpy(ret_password, password, sizeof(password));
    secret_wipe(password, sizeof(password));
    return r;
}

int ovd_vnc_password_to_hex(const char *password, char ret_hex[OVD_PASSWORD_HEX_SIZE])
{
    uint8_t plain[SECRET_VNC_LEN] = {0}, hidden[SECRET_VNC_LEN];
    size_t len = strnlen(password, OVD_PASSWORD_SIZE);

    if (len == 0 || len > OVD_PASSWORD_LEN)
        return -EINVAL;
    memcpy(plain, password, len);
    secret_vnc_obfuscate(plain, hidden);
    hex_encode(hidden, sizeof(hidden), ret_hex);
    secret_wipe(plain, sizeof(plain));
    return 0;
}

int ovd_vnc_password_from_hex(const char *hex, char ret_password[OVD_PASSWORD_SIZE])
{
    uint8_t hidden[SECRET_VNC_LEN], plain[OVD_PASSWORD_SIZE] = {0};
    int r = hex_decode(hex, hidden, sizeof(hidden));
    size_t len;

    if (r < 0)
        return r;
    secret_vnc_reveal(hidden, plain);
    len = strlen((const char *)plain);
    /* Behind the first NUL there is nothing but more of them. */
    for (size_t i = len; i < sizeof(plain); i++) {
        if (plain[i] != 0)
            r = -EINVAL;
    }
    if (len == 0)
        r = -EINVAL;
    if (r == 0)
        memcpy(ret_password, plain, sizeof(plain));
    secret_wipe(plain, sizeof(plain));
    return r;
}

void ovd_password_make(char ret_password[OVD_PASSWORD_SIZE])
{
    ovd__random_letters(ret_password, OVD_PASSWORD_LEN);
}
