/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No message is accepted that is cut off, that is another one, that carries a document type, or that is past
 * a limit; and nothing leaks or is overrun (the build with sanitizers sees to that). */
#include "message_kit.h"

static const char *const samples[] = {"access_both_forms",
                                      "agent_user",
                                      "application",
                                      "apps",
                                      "aps",
                                      "domain_other",
                                      "installable",
                                      "invite",
                                      "monitoring",
                                      "news",
                                      "server_applications",
                                      "session_answer",
                                      "session_token_invite",
                                      "start_app",
                                      "user_applications",
                                      "whatsup_sharing"};

static int echo(size_t message, const char *text, size_t len)
{
    struct buf out;
    int r;

    buf_init(&out, XML_SIZE_MAX * 8);
    r = every_message[message].echo(text, len, NULL, NULL, &out);
    buf_finish(&out);
    return r;
}

static void test_cut_off(void **state)
{
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        cleanup_free char *text = read_golden(samples[i]);
        size_t len = strlen(text);

        while (len > 0 && text[len - 1] == '\n')
            len--;
        for (size_t k = 0; k < len; k++)
            assert_true(echo(i, text, k) < 0);
        assert_int_equal(echo(i, text, len), 0);
    }
}

/* Any one byte gone wrong is read or refused, never worse. */
static void test_one_wrong_byte(void **state)
{
    static const char wrong[] = {'\0', '<', '"', '&', 'x', '\xff'};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        cleanup_free char *text = read_golden(samples[i]);
        size_t len = strlen(text);

        for (size_t k = 0; k < len; k++) {
            char right = text[k];

            text[k] = wrong[(k + i) % sizeof(wrong)];
            (void)echo(i, text, len);
            text[k] = right;
        }
    }
}

static void test_other_messages(void **state)
{
    static const char *const others[] = {
        "",
        "no XML",
        "<nothing/>",
        "<session/>",
        "<x:session xmlns:x='urn:x'/>",
        "<applications><other/>text</applications>",
        "<param key='a' value='b'/>",
        "<client value='x'/>",
        "<share email='' mode='active' joined='0' alive='0'/>",
        "<!DOCTYPE session [<!ENTITY a 'b'>]><session status='4'><applications/></session>",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(every_message); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(others); k++) {
            if (echo(i, others[k], strlen(others[k])) == 0)
                fail_msg("%s accepts %s", every_message[i].name, others[k]);
        }
        for (size_t k = 0; k < ARRAY_SIZE(samples); k++) {
            cleanup_free char *text = read_golden(samples[k]);
            bool both_lists = strstr(text, "<applications>") && strstr(every_message[i].name, "app");

            /* Lists of applications look alike where more attributes are allowed. */
            if (k != i && !both_lists && echo(i, text, strlen(text)) == 0)
                fail_msg("%s accepts %s", every_message[i].name, samples[k]);
        }
    }
}

static void test_nesting_and_size(void **state)
{
    struct buf deep, large;
    (void)state;

    buf_init(&deep, 4096);
    buf_init(&large, 2 * XML_SIZE_MAX);
    for (int i = 0; i < 100; i++)
        buf_append_str(&deep, "<session>");
    buf_append_str(&large, "<session>");
    while (large.len <= XML_SIZE_MAX)
        buf_append_str(&large, "<a/><b c='d'/>                                                        ");
    buf_append_str(&large, "</session>");
    for (size_t i = 0; i < ARRAY_SIZE(every_message); i++) {
        assert_true(echo(i, (const char *)deep.data, deep.len) < 0);
        assert_int_equal(echo(i, (const char *)large.data, large.len), -EMSGSIZE);
    }
    buf_finish(&deep);
    buf_finish(&large);
}

/* The text with a much longer value in the place of the attribute's. */
static char *with_long_value(const char *text, const char *attribute, char filler)
{
    const char *found = strstr(text, attribute);
    struct buf out;
    size_t start;

    if (!found)
        fail_msg("no %s", attribute);
    start = (size_t)(found - text) + strlen(attribute);
    buf_init(&out, 1 << 20);
    buf_append(&out, text, start);
    for (int i = 0; i < 20000; i++)
        buf_append_u8(&out, (uint8_t)filler);
    buf_append_str(&out, text + start + strcspn(text + start, "\""));
    return buf_steal_str(&out);
}

static void test_long_values(void **state)
{
    static const struct {
        const char *sample, *attribute;
        char filler;
    } cases[] = {
        {"access_both_forms", "host=\"", 'a'},
        {"access_both_forms", "passwd=\"", 'a'},
        {"access_both_forms", "width=\"", '1'},
        {"agent_user", "id=\"", 'a'},
        {"application", "name=\"", 'a'},
        {"application", "mimetypes=\"", 'a'},
        {"application", "command=\"", 'a'},
        {"apps", "id=\"", '1'},
        {"apps", "name=\"", 'a'},
        {"aps", "server=\"", 'a'},
        {"domain_other", "domain=\"", 'a'},
        {"installable", "package=\"", 'a'},
        {"invite", "token=\"", 'a'},
        {"invite", "email=\"", 'a'},
        {"monitoring", "load=\"", '1'},
        {"monitoring", "nb_cores=\"", '1'},
        {"monitoring", "app_id=\"", 'a'},
        {"monitoring", "user login=\"", 'a'},
        {"news", "title=\"", 'a'},
        {"server_applications", "command=\"", 'a'},
        {"session_answer", "server=\"", 'a'},
        {"session_answer", "location=\"/", 'a'},
        {"session_token_invite", "id=\"", 'a'},
        {"session_token_invite", "client value=\"", 'a'},
        {"session_token_invite", "key=\"", 'a'},
        {"session_token_invite", "desktopfile=\"", 'a'},
        {"start_app", "id=\"", 'a'},
        {"user_applications", "type=\"", 'a'},
        {"whatsup_sharing", "email=\"", 'a'},
        {"whatsup_sharing", "path=\"", 'a'},
        {"whatsup_sharing", "status=\"", '1'},
        {"whatsup_sharing", "time=\"", '1'},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_free char *text = read_golden(cases[i].sample);
        cleanup_free char *longer = with_long_value(text, cases[i].attribute, cases[i].filler);
        size_t message = 0;

        while (!str_eq(samples[message], cases[i].sample))
            message++;
        if (echo(message, longer, strlen(longer)) == 0)
            fail_msg("%s accepts a long %s", cases[i].sample, cases[i].attribute);
    }
}

/* count times the piece between head and tail. */
static int echo_many(const char *message, const char *head, const char *piece, size_t count, const char *tail)
{
    struct buf out;
    size_t i = 0;
    int r;

    buf_init(&out, XML_SIZE_MAX);
    buf_append_str(&out, head);
    for (size_t k = 0; k < count; k++)
        assert_int_equal(buf_append_str(&out, piece), 0);
    assert_int_equal(buf_append_str(&out, tail), 0);
    while (!str_eq(every_message[i].name, message))
        i++;
    r = echo(i, (const char *)out.data, out.len);
    buf_finish(&out);
    return r;
}

static void test_counts(void **state)
{
    static const struct {
        const char *message, *head, *piece, *tail;
        size_t max;
    } cases[] = {
        {"apps", "<applications>", "<application id='1' name='a'/>", "</applications>", OVD_APPLICATIONS_MAX},
        {"user_applications", "<applications><application id='1' name='a'>", "<mime type='a/b'/>",
         "</application></applications>", OVD_MIME_TYPES_MAX},
        {"server_applications", "<applications>",
         "<application name='a'><executable command='b'/></application>", "</applications>",
         OVD_APPLICATIONS_MAX},
        {"installable", "<categories>", "<category name='a'/>", "</categories>", OVD_CATEGORIES_MAX},
        {"news", "<news>", "<new title='a' timestamp='1'/>", "</news>", OVD_NEWS_MAX},
        {"whatsup", "<session status='2'><applications>", "<running job='a' app_id='1' status='2'/>",
         "</applications></session>", OVD_INSTANCES_MAX},
        {"whatsup", "<session status='2'><applications/><sharing count='1'>",
         "<share email='a' mode='active' joined='0' alive='0'/>", "</sharing></session>", OVD_SHARES_MAX},
        {"monitoring", "<monitoring><cpu nb_cores='1' load='0'>x</cpu><ram total='1' used='1'/><sessions>",
         "<session id='a' i='1'/>", "</sessions></monitoring>", OVD_SESSIONS_MAX},
        {"monitoring",
         "<monitoring><cpu nb_cores='1' load='0'>x</cpu><ram total='1' used='1'/><sessions><session id='a' "
         "i='1'>"
         "<vnc login='VNC1'>",
         "<pid id='1'/>", "</vnc></session></sessions></monitoring>", OVD_PIDS_MAX},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(
            echo_many(cases[i].message, cases[i].head, cases[i].piece, cases[i].max, cases[i].tail), 0);
        assert_int_equal(
            echo_many(cases[i].message, cases[i].head, cases[i].piece, cases[i].max + 1, cases[i].tail),
            -EMSGSIZE);
    }
}

/* A megabyte of violations is refused with one reason and in reasonable time. */
static void test_many_violations(void **state)
{
    struct ovd_whatsup whatsup;
    struct problems p = {0};
    struct buf out;
    (void)state;

    buf_init(&out, XML_SIZE_MAX);
    buf_append_str(&out, "<session status='2'><applications>");
    while (buf_append_str(&out, "<running job='' app_id='/' status='x'/>") == 0)
        ;
    out.len = MIN(out.len, XML_SIZE_MAX - 100);
    while (out.data[out.len - 1] != '>')
        out.len--;
    buf_append_str(&out, "</applications></session>");
    assert_int_equal(ovd_whatsup_parse((const char *)out.data, out.len, note_problem, &p, &whatsup), -EINVAL);
    assert_int_equal(p.count, 1);
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_off),         cmocka_unit_test(test_one_wrong_byte),
        cmocka_unit_test(test_other_messages),  cmocka_unit_test(test_nesting_and_size),
        cmocka_unit_test(test_long_values),     cmocka_unit_test(test_counts),
        cmocka_unit_test(test_many_violations),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);

    ovd_schema_finish();
    return r;
}
