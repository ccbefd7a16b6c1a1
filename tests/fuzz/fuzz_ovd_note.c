// links: ovd_application_server
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader of what is kept with a session: nothing stays of a note that is refused, and what is taken is
 * written as it can be read again. */
#include "ovd/application_server/aps_priv.h"

#define SESSION "0123456789abcdef0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct aps *aps, struct aps_session *session)
{
    struct aps other = {0};
    cleanup_json json_t *note = aps_note_write(session);
    if (!note || session->visitors > APS_VISITORS_MAX || HASH_COUNT(aps->visitors) != session->visitors)
        abort();
    struct aps_session *again = aps_note_read(&other, SESSION, note);
    if (!again)
        abort();
    aps_session_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config *config;
    char error[JSON_ERROR_LEN];
    cleanup_json json_t *note = NULL;
    if (!config)
        config = config_new();
    struct aps aps = {.s.config = config};
    if (json_read((const char *)data, size, &note, error) < 0)
        return 0;
    struct aps_session *session = aps_note_read(&aps, SESSION, note);
    if (session) {
        check(&aps, session);
        aps_session_free(session);
    }
    if (aps.by_id || aps.by_ovd || aps.visitors)
        abort();
    return 0;
}
