/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Applications in all their lists, packages and news. */
#include "message_kit.h"

static void test_application(void **state)
{
    cleanup_free char *text = read_golden("application");
    struct ovd_application application;
    (void)state;

    EXPECT_READ(application, text, &application);
    assert_int_equal(application.id, 1);
    assert_string_equal(application.name, "XTerm");
    assert_string_equal(application.description, "terminal");
    assert_int_equal(application.type, OVD_APPLICATION_LINUX);
    assert_string_equal(application.package, "xterm");
    assert_true(application.published && !application.is_static);
    assert_string_equal(application.desktopfile, "/usr/share/applications/xterm.desktop");
    assert_string_equal(application.command, "xterm");
    assert_string_equal(application.icon, "xterm.png");
    assert_string_equal(application.executable_mimetypes, "text/plain;");
    ovd_application_finish(&application);
    /* Another version stores other columns. */
    EXPECT_READ(application,
                "<application revision='3' id='9223372036854775807' name='a' type='weblink'>\n"
                "<executable command='firefox http://x/'/><mime type='a/b'/></application>",
                &application);
    assert_true(application.id == INT64_MAX && application.type == OVD_APPLICATION_WEBLINK);
    assert_null(application.icon);
    assert_null(application.package);
    ovd_application_finish(&application);
    EXPECT_REFUSED(application, "<application id='1' name='a' type='linux'/>", -EINVAL, "executable");
    EXPECT_REFUSED(application,
                   "<application id='1' name='a' type='amiga'><executable command='x'/></application>",
                   -EINVAL, "type");
    EXPECT_REFUSED(application,
                   "<application id='0' name='a' type='linux'><executable command='x'/></application>",
                   -EINVAL, "id");
    EXPECT_REFUSED(application,
                   "<application id='9223372036854775808' name='a' type='linux'><executable command='x'/>"
                   "</application>",
                   -EINVAL, "id");
}

static void test_server_applications(void **state)
{
    cleanup_free char *text = read_golden("server_applications");
    struct ovd_server_applications list;
    (void)state;

    EXPECT_READ(server_applications, text, &list);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.applications[0].name, "XTerm");
    assert_string_equal(list.applications[0].command, "xterm %U");
    assert_string_equal(list.applications[0].mimetypes, "text/plain;");
    ovd_server_applications_finish(&list);
    /* The agent of a Windows server sends less of it, and other things beside. */
    EXPECT_READ(
        server_applications,
        "<?xml version=\"1.0\" ?>\n<applications>\n\t<application desktopfile='C:\\x.lnk' name='Calc' y=''>\n"
        "\t\t<executable command='calc.exe'/><mime type='a/b'/>\n\t</application>\n</applications>\n",
        &list);
    assert_string_equal(list.applications[0].desktopfile, "C:\\x.lnk");
    assert_null(list.applications[0].description);
    ovd_server_applications_finish(&list);
    EXPECT_READ(server_applications, "<applications/>", &list);
    assert_true(list.count == 0 && !list.applications);
    ovd_server_applications_finish(&list);
    EXPECT_REFUSED(server_applications, "<applications><application name='a'/></applications>", -EINVAL,
                   "executable");
    EXPECT_REFUSED(server_applications,
                   "<applications><application name='a'><executable/></application></applications>", -EINVAL,
                   "command");
}

static void expect_clean(const char *command, const char *want)
{
    cleanup_free char *clean = ovd_command_clean(command);

    assert_string_equal(clean, want);
}

static void test_command_clean(void **state)
{
    (void)state;

    expect_clean("xterm %U", "xterm");
    expect_clean(" a \"b\" %u %c%i  %f -x %m\n", "a b     -x");
    expect_clean("printf %s 100%", "printf %s 100%");
    expect_clean("%U", "");
    expect_clean("", "");
    expect_clean(" \t", "");
    expect_clean("%%U", "%");
}

static void test_user_lists(void **state)
{
    cleanup_free char *apps_text = read_golden("apps");
    cleanup_free char *user_text = read_golden("user_applications");
    struct ovd_apps apps;
    struct ovd_user_applications user;
    (void)state;

    EXPECT_READ(apps, apps_text, &apps);
    assert_int_equal(apps.count, 2);
    assert_int_equal(apps.apps[1].id, 22);
    assert_string_equal(apps.apps[1].name, "Bloc-notes d'\xc3\xa9t\xc3\xa9");
    ovd_apps_finish(&apps);
    EXPECT_READ(user_applications, user_text, &user);
    assert_int_equal(user.count, 2);
    assert_int_equal(user.applications[0].mime_type_count, 1);
    assert_string_equal(user.applications[0].mime_types[0], "text/plain");
    assert_int_equal(user.applications[1].mime_type_count, 0);
    ovd_user_applications_finish(&user);
    EXPECT_REFUSED(apps, "<applications><application name='a'/></applications>", -EINVAL, "id");
    EXPECT_REFUSED(user_applications,
                   "<applications><application id='1' name='a'><mime/></application></applications>", -EINVAL,
                   "type");
}

static void test_installable_and_news(void **state)
{
    cleanup_free char *packages_text = read_golden("installable");
    cleanup_free char *news_text = read_golden("news");
    struct ovd_installable packages;
    struct ovd_news news;
    (void)state;

    EXPECT_READ(installable, packages_text, &packages);
    assert_int_equal(packages.count, 2);
    assert_string_equal(packages.categories[0].name, "Office");
    assert_string_equal(packages.categories[0].applications[0].package, "libreoffice-writer");
    assert_int_equal(packages.categories[1].count, 0);
    ovd_installable_finish(&packages);
    EXPECT_READ(news, news_text, &news);
    assert_int_equal(news.count, 2);
    assert_string_equal(news.items[0].title, "Maintenance");
    assert_int_equal(news.items[0].timestamp, 1795230000);
    assert_string_equal(news.items[0].text, "On Sunday,\nfrom 8 to 9 <UTC>. Don't \"panic\".");
    assert_string_equal(news.items[1].text, "");
    ovd_news_finish(&news);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_application),          cmocka_unit_test(test_server_applications),
        cmocka_unit_test(test_command_clean),        cmocka_unit_test(test_user_lists),
        cmocka_unit_test(test_installable_and_news),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);

    ovd_schema_finish();
    return r;
}
