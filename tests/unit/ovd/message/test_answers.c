/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The short answers: session, aps, start_app, invite, domain, agent. */
#include "message_kit.h"

static void test_session_answer(void **state)
{
    struct ovd_session_answer answer = {.mode = OVD_MODE_DESKTOP,
                                        .shareable = true,
                                        .protocol = (char *)"http",
                                        .server = (char *)"127.0.0.1",
                                        .port = 8081,
                                        .location = (char *)"/applicationserver"};
    struct ovd_aps aps = {.server = (char *)"192.0.2.7"};
    struct buf out;
    (void)state;

    buf_init(&out, 4096);
    expect_golden(&out, ovd_session_answer_build(&answer, &out), "session_answer", "ovd-session-answer");
    expect_golden(&out, ovd_aps_build(&aps, &out), "aps", "ovd-aps");
    EXPECT_READ(
        session_answer,
        "<session mode='share' shareable='false' persistent='true'>\n <aps protocol='https' server='h' "
        "port='443' location='/'/>\n</session>",
        &answer);
    assert_true(answer.mode == OVD_MODE_SHARE && !answer.shareable && answer.persistent);
    assert_true(answer.port == 443 && str_eq(answer.location, "/") && str_eq(answer.protocol, "https"));
    ovd_session_answer_finish(&answer);
    EXPECT_REFUSED(
        session_answer,
        "<session mode='desktop' shareable='true' persistent='false'><aps protocol='ftp' server='h' "
        "port='1' location='/'/></session>",
        -EINVAL, "protocol");
    EXPECT_REFUSED(
        session_answer,
        "<session mode='desktop' shareable='true' persistent='false'><aps protocol='http' server='h' "
        "port='1' location='x'/></session>",
        -EINVAL, "location");
    EXPECT_REFUSED(aps, "<aps/>", -EINVAL, "server");
    EXPECT_REFUSED(aps, "<aps server='a'><b/></aps>", -EINVAL, "aps");
}

static void test_start_app(void **state)
{
    struct ovd_start_app started = {.access_id = (char *)"gkFwi"};
    struct ovd_start_app failed = {.error_number = OVD_START_APP_ERRNO,
                                   .error_text = (char *)OVD_START_APP_ERRSTR};
    cleanup_free char *text = read_golden("start_app_error");
    struct buf out;
    (void)state;

    buf_init(&out, 4096);
    expect_golden(&out, ovd_start_app_build(&started, &out), "start_app", "ovd-start-app");
    expect_golden(&out, ovd_start_app_build(&failed, &out), "start_app_error", "ovd-start-app");
    EXPECT_READ(start_app, text, &failed);
    assert_true(!failed.access_id && failed.error_number == 1);
    assert_string_equal(failed.error_text, OVD_START_APP_ERRSTR);
    ovd_start_app_finish(&failed);
    EXPECT_REFUSED(start_app, "<access id=''/>", -EINVAL, "id");
    EXPECT_REFUSED(start_app, "<access id='a b'/>", -EINVAL, "id");
}

static void test_invite(void **state)
{
    struct ovd_invite invite = {
        .token = (char *)"1795230398bRMSb", .mode = OVD_GUEST_PASSIVE, .email = (char *)"x@y.z"};
    cleanup_free char *text = read_golden("invite");
    struct buf out;
    (void)state;

    buf_init(&out, 4096);
    expect_golden(&out, ovd_invite_build(&invite, &out), "invite", "ovd-invite");
    EXPECT_READ(invite, text, &invite);
    assert_string_equal(invite.token, "1795230398bRMSb");
    assert_int_equal(invite.mode, OVD_GUEST_PASSIVE);
    assert_string_equal(invite.email, "x@y.z");
    ovd_invite_finish(&invite);
    EXPECT_REFUSED(invite, "<invite token='a' mode='passive'/>", -EINVAL, "email");
    EXPECT_REFUSED(invite, "<invite token='a/b' mode='passive' email='x'/>", -EINVAL, "token");
}

static void test_domain(void **state)
{
    cleanup_free char *text = read_golden("domain_other");
    struct ovd_domain domain = {.status = OVD_DOMAIN_OK, .text = (char *)"OK"};
    struct buf out;
    (void)state;

    buf_init(&out, 4096);
    expect_golden(&out, ovd_domain_build(&domain, &out), "domain", "ovd-domain");
    EXPECT_READ(domain, text, &domain);
    assert_int_equal(domain.status, OVD_DOMAIN_OTHER);
    assert_string_equal(domain.domain, "EXAMPLE");
    ovd_domain_finish(&domain);
    EXPECT_REFUSED(domain, "<response status='4'>x</response>", -EINVAL, "status");
}

static void test_agent(void **state)
{
    cleanup_free char *user = read_golden("agent_user");
    cleanup_free char *session = read_golden("agent_session");
    cleanup_free char *error = read_golden("agent_error");
    struct ovd_agent agent;
    struct buf out;
    (void)state;

    EXPECT_READ(agent, user, &agent);
    assert_true(agent.kind == OVD_AGENT_USER && agent.logged_in && str_eq(agent.id, "LOGIN"));
    ovd_agent_finish(&agent);
    EXPECT_READ(agent, session, &agent);
    assert_true(agent.kind == OVD_AGENT_SESSION && str_eq(agent.status, "logged off") &&
                str_eq(agent.id, "3"));
    ovd_agent_finish(&agent);
    EXPECT_READ(agent, error, &agent);
    assert_true(agent.kind == OVD_AGENT_ERROR && str_eq(agent.id, "not found"));
    ovd_agent_finish(&agent);
    EXPECT_REFUSED(agent, "<user id='a' loggedin='yes'/>", -EINVAL, "loggedin");
    agent.kind = (enum ovd_agent_kind)3;
    buf_init(&out, 100);
    assert_int_equal(ovd_agent_build(&agent, &out), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session_answer), cmocka_unit_test(test_start_app),
        cmocka_unit_test(test_invite),         cmocka_unit_test(test_domain),
        cmocka_unit_test(test_agent),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);

    ovd_schema_finish();
    return r;
}
