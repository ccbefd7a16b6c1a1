/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "message_kit.h"
#include "ovd/message/quality.h"

#define MINIMUM                                                                                              \
    "<client value='x'/><user_login value='u'/><user_displayname value='U'/><locale value='fr_FR.UTF-8'/>"
#define TAIL "<module_fs type='local'/><menu/></session>"
#define HEAD "<session id='a1' mode='desktop' type='start'>"

static void test_fields(void **state)
{
    cleanup_free char *text = read_golden("session_token_invite");
    struct ovd_session_token token;
    (void)state;

    EXPECT_READ(session_token, text, &token);
    assert_string_equal(token.id, "1795230122zRL5O");
    assert_int_equal(token.mode, OVD_MODE_SHARE);
    assert_int_equal(token.type, OVD_TOKEN_INVITE);
    for (int i = 0; i < OVD_SETTING_COUNT; i++) {
        bool absent = i == OVD_SETTING_TIMEZONE || i == OVD_SETTING_TIMEOUT_MESSAGE ||
                      i == OVD_SETTING_START_APP_ID || i == OVD_SETTING_START_APP_ARGS;

        if (absent != !token.settings[i])
            fail_msg("%s", ovd_setting_name((enum ovd_setting)i));
    }
    assert_string_equal(token.settings[OVD_SETTING_PROXY_PASSWORD], "<\"&'");
    assert_string_equal(token.settings[OVD_SETTING_VIEW_ONLY], "Yes");
    assert_string_equal(token.fs_type, "cifs");
    assert_int_equal(token.fs_param_count, 3);
    assert_string_equal(token.fs_params[0].key, "user_homedir");
    assert_string_equal(token.fs_params[2].value, "s");
    assert_int_equal(token.menu_count, 3);
    assert_false(token.menu[0].is_virtual);
    assert_string_equal(token.menu[0].desktopfile, "/usr/share/applications/xterm.desktop");
    assert_true(token.menu[1].is_virtual && !token.menu[1].reload && !token.menu[1].desktopfile);
    assert_true(token.menu[2].id == 8 && token.menu[2].reload);
    ovd_session_token_finish(&token);
}

/* What a server has to bear: white space, other elements, any order, a number for the quality. */
static void test_tolerance(void **state)
{
    static const char text[] =
        "<?xml version=\"1.0\"?>\n<!-- c -->\n<session type=' start' new='1' mode='portal' id='0a'>\n  "
        "<menu>\n"
        "    <application desktopfile='/a b.desktop' mode='local' id=' 5 ' icon='x'><mime "
        "type='a/b'/></application>"
        "\n <separator/></menu>\n"
        "  <future><deep><value>1</value></deep></future>\n"
        "  <quality value='5' kind='old'/>\n <user_displayname value='A  B'/><user_login value='a b'/>\n"
        "  <locale value='de'/><client value='strict'></client>\n"
        "  <module_fs type='webdav3'>\n <param value='' key='k'/>\n <other/></module_fs>\n</session>\n\n";
    cleanup_free char *sent = NULL;
    struct ovd_session_token token;
    struct buf out;
    (void)state;

    EXPECT_READ(session_token, text, &token);
    assert_int_equal(token.mode, OVD_MODE_PORTAL);
    assert_int_equal(ovd_quality_read(token.settings[OVD_SETTING_QUALITY]), OVD_QUALITY_MEDIUM);
    assert_string_equal(token.settings[OVD_SETTING_USER_LOGIN], "a b");
    assert_int_equal(token.menu_count, 1);
    assert_int_equal(token.menu[0].id, 5);
    assert_string_equal(token.fs_type, "webdav3");
    assert_string_equal(token.fs_params[0].value, "");
    /* What goes out has neither spaces in names nor white space between elements. */
    buf_init(&out, 4096);
    assert_int_equal(ovd_session_token_build(&token, &out), 0);
    sent = buf_steal_str(&out);
    assert_non_null(strstr(sent, "<user_login value=\"ab\"/><user_displayname value=\"AB\"/>"));
    assert_null(strstr(sent, "> <"));
    assert_null(strstr(strchr(sent, '\n') + 1, ">\n<"));
    ovd_session_token_finish(&token);
}

static void test_refused(void **state)
{
    (void)state;

    EXPECT_REFUSED(session_token, HEAD MINIMUM TAIL, -EINVAL, "needed setting");
    EXPECT_REFUSED(session_token, HEAD MINIMUM "<quality value='1'/><menu/></session>", -EINVAL, "module_fs");
    EXPECT_REFUSED(session_token, HEAD MINIMUM "<quality value='1'/><module_fs type='local'/></session>",
                   -EINVAL, "menu");
    EXPECT_REFUSED(session_token, HEAD MINIMUM "<quality value='1'/><module_fs/><menu/></session>", -EINVAL,
                   "type");
    EXPECT_REFUSED(session_token, HEAD MINIMUM "<quality value='1'/><module_fs type=''/><menu/></session>",
                   -EINVAL, "type");
    EXPECT_REFUSED(session_token, HEAD MINIMUM "<quality value='1'/><client value='y'/>" TAIL, -EINVAL,
                   "more than one element client");
    EXPECT_REFUSED(session_token, HEAD MINIMUM "<quality/>" TAIL, -EINVAL, "value");
    EXPECT_REFUSED(session_token,
                   "<session id='../../etc' mode='desktop' type='start'>" MINIMUM "<quality value='1'/>" TAIL,
                   -EINVAL, "id");
    EXPECT_REFUSED(session_token,
                   "<session id='a' mode='../x' type='start'>" MINIMUM "<quality value='1'/>" TAIL, -EINVAL,
                   "mode");
    EXPECT_REFUSED(session_token,
                   "<session id='a' mode='desktop' type='steal'>" MINIMUM "<quality value='1'/>" TAIL,
                   -EINVAL, "type");
    EXPECT_REFUSED(session_token,
                   HEAD MINIMUM "<quality value='1'/><module_fs type='local'/><menu>"
                                "<application id='1' mode='local'/></menu></session>",
                   -EINVAL, "desktopfile");
    EXPECT_REFUSED(session_token,
                   HEAD MINIMUM "<quality value='1'/><module_fs type='local'/><menu>"
                                "<application id='-1' mode='virtual'/></menu></session>",
                   -EINVAL, "id");
}

/* Values never appear in what is told about a refused message. */
static void test_secrets_are_not_told(void **state)
{
    static const char text[] =
        HEAD MINIMUM "<quality value='1'/><proxy_password value='hunter2'/><proxy_password value='hunter2'/>"
                     "<module_fs type='hunter2 hunter2'/><menu/></session>";
    struct ovd_session_token token;
    struct problems p = {0};
    (void)state;

    assert_int_equal(ovd_session_token_parse(text, strlen(text), note_problem, &p, &token), -EINVAL);
    assert_true(p.count > 0);
    assert_null(strstr(p.text, "hunter2"));
}

static void test_incomplete_is_not_built(void **state)
{
    struct ovd_session_token token = {.id = (char *)"a1", .fs_type = (char *)"local"};
    struct ovd_menu_item item = {.id = 1};
    struct buf out;
    (void)state;

    buf_init(&out, 4096);
    assert_int_equal(ovd_session_token_build(&token, &out), -EINVAL);
    for (int i = 0; i <= OVD_SETTING_QUALITY; i++)
        token.settings[i] = (char *)"high";
    assert_int_equal(ovd_session_token_build(&token, &out), 0);
    out.len = 0;
    token.mode = (enum ovd_mode)7;
    assert_int_equal(ovd_session_token_build(&token, &out), -EINVAL);
    token.mode = OVD_MODE_PORTAL;
    token.menu = &item;
    token.menu_count = 1;
    assert_int_equal(ovd_session_token_build(&token, &out), -EINVAL);
    token.menu_count = 0;
    token.id = (char *)"../a";
    assert_int_equal(ovd_session_token_build(&token, &out), -EINVAL);
    assert_int_equal(out.len, 0);
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_tolerance),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_secrets_are_not_told),
        cmocka_unit_test(test_incomplete_is_not_built),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);

    ovd_schema_finish();
    return r;
}
