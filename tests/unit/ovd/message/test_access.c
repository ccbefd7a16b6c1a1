/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "message_kit.h"
#include "ovd/message/password.h"

#define SSH "<ssh host='h' user='SSH0' passwd='6337326566323635'><port>443</port></ssh>"

static void test_build(void **state)
{
    struct ovd_access access = {.width = 800,
                                .height = 600,
                                .ssh_host = (char *)"127.0.0.1",
                                .ssh_user = (char *)"SSH0",
                                .ssh_ports = {443, 993, 995},
                                .ssh_port_count = 3,
                                .has_vnc = true,
                                .vnc_port = 5900,
                                .vnc_password = (char *)"8a250fb384c9354d",
                                .quality = OVD_QUALITY_HIGH};
    char ssh_password[OVD_PASSWORD_HEX_SIZE];
    struct buf out;
    (void)state;

    assert_int_equal(ovd_ssh_password_to_hex("c72ef265", ssh_password), 0);
    access.ssh_password = ssh_password;
    buf_init(&out, 4096);
    expect_golden(&out, ovd_access_build(&access, &out), "access", "ovd-access");
    access.both_forms = true;
    expect_golden(&out, ovd_access_build(&access, &out), "access_both_forms", "ovd-access");
    access.ssh_port_count = OVD_PORTS_MAX + 1;
    assert_int_equal(ovd_access_build(&access, &out), -EINVAL);
    access.ssh_port_count = 1;
    access.quality = (enum ovd_quality)9;
    assert_int_equal(ovd_access_build(&access, &out), -EINVAL);
    assert_int_equal(out.len, 0);
    buf_finish(&out);
}

static void test_fields(void **state)
{
    cleanup_free char *both = read_golden("access_both_forms");
    cleanup_free char *portal = read_golden("access_portal");
    struct ovd_access access;
    (void)state;

    EXPECT_READ(access, both, &access);
    assert_true(access.width == 800 && access.height == 600 && !access.view_only && access.both_forms);
    assert_string_equal(access.ssh_host, "127.0.0.1");
    assert_int_equal(access.ssh_port_count, 3);
    assert_int_equal(access.ssh_ports[2], 995);
    assert_true(access.has_vnc && access.vnc_port == 5900 && access.quality == OVD_QUALITY_HIGH);
    assert_null(access.proxy_type);
    ovd_access_finish(&access);
    EXPECT_READ(access, portal, &access);
    assert_true(access.view_only && !access.has_vnc);
    assert_string_equal(access.ssh_password, "");
    assert_string_equal(access.proxy_type, "HTTP");
    assert_string_equal(access.proxy_password, "p&");
    ovd_access_finish(&access);
}

/* The public description's form: ports wrapped, quality as a child only, lower-case words. */
static void test_described_form(void **state)
{
    static const char text[] =
        "<session>\n <parameters width='' height='' share_desktop='true' view_only='yes' />\n"
        " <ssh host='h' user='SSH0' passwd='0d'>\n  <ports><port> 443 </port><port>993</port></ports>\n "
        "</ssh>\n"
        " <vnc port='5901' user='VNC0' passwd='0d'>\n"
        "  <quality compression_level='6' restricted_colors='no' jpeg_image_quality='5' encoding='Tight'/>\n"
        " </vnc>\n <extra/>\n</session>";
    struct ovd_access access;
    (void)state;

    EXPECT_READ(access, text, &access);
    assert_true(access.width == 0 && access.height == 0 && access.view_only && !access.both_forms);
    assert_int_equal(access.ssh_port_count, 2);
    assert_int_equal(access.ssh_ports[0], 443);
    assert_int_equal(access.quality, OVD_QUALITY_MEDIUM);
    ovd_access_finish(&access);
}

static void test_refused(void **state)
{
    (void)state;

    EXPECT_REFUSED(access, "<session>" SSH "</session>", -EINVAL, "parameters");
    EXPECT_REFUSED(access, "<session><parameters width='1' height='1' view_only='No'/></session>", -EINVAL,
                   "ssh");
    EXPECT_REFUSED(access, "<session><parameters width='1' height='1' view_only='No'/>" SSH SSH "</session>",
                   -EINVAL, "more than one");
    EXPECT_REFUSED(access, "<session><parameters width='1' height='1' view_only='maybe'/>" SSH "</session>",
                   -EINVAL, "neither");
    EXPECT_REFUSED(access, "<session><parameters width='70000' height='1' view_only='No'/>" SSH "</session>",
                   -EINVAL, "width");
    EXPECT_REFUSED(
        access,
        "<session><parameters width='1' height='1' view_only='No'/><ssh host='h' user='u' passwd=''>"
        "<port>0</port></ssh></session>",
        -EINVAL, "port");
    EXPECT_REFUSED(access,
                   "<session><parameters width='1' height='1' view_only='No'/>" SSH
                   "<vnc port='5900' passwd='nothex'/></session>",
                   -EINVAL, "passwd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_described_form),
        cmocka_unit_test(test_refused),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);

    ovd_schema_finish();
    return r;
}
