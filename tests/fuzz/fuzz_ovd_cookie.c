// links: ovd_application_server
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader of the Application Server's own cookie: what it finds is an id, and one that is in the line. */
#include "base/str.h"
#include "ovd/application_server/aps_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *line = xcalloc(1, size + 1);
    char value[SECRET_ID_LEN] = "";

    if (size > 0)
        memcpy(line, data, size);
    if (aps_cookie_read(line, value) && (!str_is_id(value) || !strstr(line, value)))
        abort();
    return 0;
}
