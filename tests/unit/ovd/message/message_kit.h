/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of the OVD messages: golden files, and problems as text. */
#ifndef ISTHMUS_TESTS_OVD_MESSAGE_KIT_H
#define ISTHMUS_TESTS_OVD_MESSAGE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "ovd/message/every_message.h"
#include "ovd/message/limits.h"
#include "ovd/message/ovd_schema.h"

struct problems {
    int count;
    char text[4096];
};

static inline void note_problem(void *arg, int line, const char *message)
{
    struct problems *p = arg;
    size_t used = strlen(p->text);

    assert_true(line >= 0);
    p->count++;
    snprintf(p->text + used, sizeof(p->text) - used, "%d: %s\n", line, message);
}

/* The caller frees. Inlined, gcc 12 takes a pointer into the text for one to the variable that held it. */
__attribute__((noinline, unused)) static char *read_golden(const char *name)
{
    cleanup_free char *path = xasprintf("tests/unit/ovd/message/golden/%s.xml", name);
    char *text = NULL;
    size_t len = 0;

    if (file_read(AT_FDCWD, path, 65536, &text, &len) < 0)
        fail_msg("cannot read %s", path);
    return text;
}

/* Builds with the statement, compares with the golden file and checks against the schema. */
static inline void expect_golden(struct buf *out, int built, const char *golden, const char *schema)
{
    cleanup_free char *want = read_golden(golden);
    cleanup_free char *got = NULL;
    struct problems p = {0};

    assert_int_equal(built, 0);
    got = buf_steal_str(out);
    assert_string_equal(got, want);
    if (ovd_schema_check(schema, got, strlen(got), note_problem, &p) < 0)
        fail_msg("%s: %s", golden, p.text);
}

/* Reads a text that must be accepted. */
#define EXPECT_READ(name, document, ret)                                                                     \
    do {                                                                                                     \
        struct problems problems_ = {0};                                                                     \
        const char *text_ = (document);                                                                      \
        if (ovd_##name##_parse(text_, strlen(text_), note_problem, &problems_, ret) < 0)                     \
            fail_msg("%s: %s", text_, problems_.text);                                                       \
        assert_int_equal(problems_.count, 0);                                                                \
    } while (0)

/* Reads a text that must be refused with a reason that holds part. */
#define EXPECT_REFUSED(name, document, want, part)                                                           \
    do {                                                                                                     \
        struct problems problems_ = {0};                                                                     \
        struct ovd_##name before_, message_;                                                                 \
        const char *text_ = (document);                                                                      \
        memset(&before_, 0x5a, sizeof(before_));                                                             \
        memset(&message_, 0x5a, sizeof(message_));                                                           \
        assert_int_equal(ovd_##name##_parse(text_, strlen(text_), note_problem, &problems_, &message_),      \
                         want);                                                                              \
        assert_memory_equal(&before_, &message_, sizeof(message_));                                          \
        if (!strstr(problems_.text, part))                                                                   \
            fail_msg("no \"%s\" in \"%s\"", part, problems_.text);                                           \
    } while (0)

#endif
