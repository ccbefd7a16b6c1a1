/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "message_kit.h"

static void test_build(void **state)
{
    struct ovd_whatsup_running running = {.job = (char *)"gPPjz", .app_id = (char *)"1", .status = 2};
    struct ovd_whatsup_share shares[] = {
        {.email = (char *)"x@y.z", .mode = OVD_GUEST_ACTIVE, .joined = true},
        {.email = (char *)"\"a'b\"@y.z", .mode = OVD_GUEST_PASSIVE},
    };
    struct ovd_whatsup whatsup = {.status = 4};
    struct buf out;
    (void)state;

    buf_init(&out, 4096);
    expect_golden(&out, ovd_whatsup_build(&whatsup, &out), "whatsup_none", "ovd-whatsup");
    whatsup = (struct ovd_whatsup){.status = 2, .single = true, .application_status = 2, .has_sharing = true};
    expect_golden(&out, ovd_whatsup_build(&whatsup, &out), "whatsup_application", "ovd-whatsup");
    whatsup = (struct ovd_whatsup){.status = 2, .running = &running, .running_count = 1, .has_sharing = true};
    expect_golden(&out, ovd_whatsup_build(&whatsup, &out), "whatsup_applications", "ovd-whatsup");
    whatsup = (struct ovd_whatsup){.status = 2,
                                   .print_path = (char *)"My-doc.pdf",
                                   .print_time = 1795230325,
                                   .has_sharing = true,
                                   .shares = shares,
                                   .share_count = 2};
    expect_golden(&out, ovd_whatsup_build(&whatsup, &out), "whatsup_sharing", "ovd-whatsup");
    whatsup = (struct ovd_whatsup){.status = 2, .single = true, .application_status = -1};
    expect_golden(&out, ovd_whatsup_build(&whatsup, &out), "whatsup_guest", "ovd-whatsup");
    shares[0].mode = (enum ovd_guest_mode)5;
    whatsup = (struct ovd_whatsup){.status = 2, .has_sharing = true, .shares = shares, .share_count = 1};
    assert_int_equal(ovd_whatsup_build(&whatsup, &out), -EINVAL);
    assert_int_equal(out.len, 0);
    buf_finish(&out);
}

static void test_fields(void **state)
{
    cleanup_free char *text = read_golden("whatsup_sharing");
    struct ovd_whatsup whatsup;
    (void)state;

    EXPECT_READ(whatsup, text, &whatsup);
    assert_true(whatsup.status == 2 && !whatsup.single && whatsup.running_count == 0 && whatsup.has_sharing);
    assert_string_equal(whatsup.print_path, "My-doc.pdf");
    assert_int_equal(whatsup.print_time, 1795230325);
    assert_int_equal(whatsup.share_count, 2);
    assert_true(whatsup.shares[0].joined && !whatsup.shares[0].alive);
    assert_string_equal(whatsup.shares[1].email, "\"a'b\"@y.z");
    assert_int_equal(whatsup.shares[1].mode, OVD_GUEST_PASSIVE);
    ovd_whatsup_finish(&whatsup);
    EXPECT_READ(
        whatsup,
        "<session x='1' status='22'>\n<new><newer/></new>\n<applications new='1'>\n"
        "<running status='10' app_id='windows' job='windows' x='y'/>\n<other/>\n</applications></session>",
        &whatsup);
    assert_true(whatsup.status == 22 && whatsup.running_count == 1 && !whatsup.has_sharing);
    assert_int_equal(whatsup.running[0].status, 10);
    assert_string_equal(whatsup.running[0].job, "windows");
    ovd_whatsup_finish(&whatsup);
}

static void test_refused(void **state)
{
    (void)state;

    EXPECT_REFUSED(whatsup, "<session status='2'/>", -EINVAL, "either");
    EXPECT_REFUSED(whatsup, "<session status='2'><application status='2'/><applications/></session>", -EINVAL,
                   "either");
    EXPECT_REFUSED(whatsup,
                   "<session status='2'><application status='2'/><application status='2'/></session>",
                   -EINVAL, "more than one");
    EXPECT_REFUSED(whatsup, "<session status='two'><applications/></session>", -EINVAL, "status");
    EXPECT_REFUSED(whatsup, "<session status=''><applications/></session>", -EINVAL, "status");
    EXPECT_REFUSED(whatsup, "<session><applications/></session>", -EINVAL, "status");
    EXPECT_REFUSED(
        whatsup,
        "<session status='2'><applications><running job='a/b' app_id='1' status='2'/></applications>"
        "</session>",
        -EINVAL, "job");
    EXPECT_REFUSED(
        whatsup,
        "<session status='2'><applications/><sharing><share email='a' mode='x' joined='0' alive='0'/>"
        "</sharing></session>",
        -EINVAL, "mode");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_refused),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);

    ovd_schema_finish();
    return r;
}
