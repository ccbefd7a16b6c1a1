/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The passwords of access data as they stand in attributes: 16 hex digits each. */
#ifndef ISTHMUS_OVD_MESSAGE_PASSWORD_H
#define ISTHMUS_OVD_MESSAGE_PASSWORD_H

#include "base/util.h"

#define OVD_PASSWORD_LEN 8
#define OVD_PASSWORD_SIZE 9
#define OVD_PASSWORD_HEX_SIZE 17

/* An SSH password has exactly 8 printable ASCII characters, because clients decode it into 8 bytes: -EINVAL
 * for any other. */
int ovd_ssh_password_to_hex(const char *password, char ret_hex[OVD_PASSWORD_HEX_SIZE]);
int ovd_ssh_password_from_hex(const char *hex, char ret_password[OVD_PASSWORD_SIZE]);
/* An RFB password has 1 to 8 bytes and is hidden by DES with a known key before it becomes hex digits;
 * -EINVAL for any other. */
int ovd_vnc_password_to_hex(const char *password, char ret_hex[OVD_PASSWORD_HEX_SIZE]);
int ovd_vnc_password_from_hex(const char *hex, char ret_password[OVD_PASSWORD_SIZE]);
/* 8 random characters of [A-Za-z0-9], good for either. */
void ovd_password_make(char ret_password[OVD_PASSWORD_SIZE]);

#endif
