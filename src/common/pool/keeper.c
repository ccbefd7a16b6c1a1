/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/keeper.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "pool/keeper_priv.h"

#define HOST_PATIENCE_MS 1500 /* for the session host to tell the viewers */
#define FAREWELL_MS 300       /* for a streamer that has been told to leave by itself */

/* The end goes in steps: viewers are told, the streamer leaves, the sandbox goes, and then nothing of the
 * accounts may be left. */
static void sweep(void *arg)
{
    struct keeper *k = arg;
    k->sweep_result = account_kill(&k->account, k->dir);
}

static void swept(void *arg)
{
    struct keeper *k = arg;
    static const char *const failures[] = {"display_failed", "sandbox_failed", "error", "no_program",
                                           "no_window"};
    bool failed = false;
    for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
        failed |= str_eq(k->reason, failures[i]);
    if (failed)
        keeper_sandbox_log_tail(k);
    if (k->sweep_result < 0)
        log_event(LOG_LEVEL_ERROR, k->order.session_id, "processes of %s cannot be killed: %s",
                  k->order.account, strerror(-k->sweep_result));
    keeper_sandbox_remove_files(k, k->display);
    for (unsigned i = 0; i < k->instance_count; i++)
        keeper_sandbox_remove_files(k, k->instances[i].display);
    loop_stop(k->loop);
}

void keeper_part_gone(struct keeper *k)
{
    if (!k->ending || k->streamer_pid > 0)
        return;
    if (k->sandbox_pid > 0) {
        keeper_sandbox_kill(k);
        return;
    }
    if (k->sweeping)
        return;
    k->sweeping = true;
    if (loop_work(k->loop, sweep, swept, k) < 0) {
        sweep(k);
        swept(k);
    }
}

static void on_end_timer(void *arg)
{
    struct keeper *k = arg;
    keeper_streamer_stop(k);
    keeper_part_gone(k);
}

void keeper_end(struct keeper *k, const char *reason)
{
    if (!k->ending) {
        k->ending = true;
        (void)str_copy(k->reason, sizeof k->reason, reason);
        loop_timer_stop(k->start_timer);
        keeper_link_tell(k, KEEPER_ENDED);
    }
    bool wait_for_host = k->host_fd >= 0 && !k->host_told;
    if (k->streamer_pid > 0)
        loop_timer_start(k->end_timer, wait_for_host ? HOST_PATIENCE_MS : FAREWELL_MS, 0);
    else
        keeper_part_gone(k);
}

static void on_start_timeout(void *arg)
{
    struct keeper *k = arg;
    log_event(LOG_LEVEL_ERROR, k->order.session_id, "the display did not come up within %u ms",
              k->order.start_timeout_ms);
    keeper_end(k, "display_failed");
}

static void on_term(void *arg, int signum)
{
    (void)signum;
    keeper_end(arg, "kill");
}

/* Children write their log lines where ours go, but must not be able to read from there: it may be somebody's
 * terminal. */
static int open_log(void)
{
    int mode = fcntl(STDERR_FILENO, F_GETFL);
    if (mode >= 0 && (mode & O_ACCMODE) == O_WRONLY)
        return dup(STDERR_FILENO);
    int fd = open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
    return fd >= 0 ? fd : open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static int load(struct keeper *k, const char *dir, int lock_fd)
{
    k->dir = xstrdup(dir);
    k->session_dir = xasprintf("%s/session", dir);
    cleanup_close int session_dir = open(k->session_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (session_dir < 0)
        return -errno;
    int r = order_read(session_dir, &k->order);
    if (r >= 0)
        r = account_adopt(k->order.account, lock_fd, &k->account);
    if (r < 0)
        return r;
    enum log_level level = LOG_LEVEL_INFO;
    (void)log_level_parse(k->order.log_level, &level);
    log_init("keeper", level, str_eq(k->order.log_format, "json") ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
    k->log_fd = open_log();
    k->exe_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return k->exe_fd < 0 ? -errno : 0;
}

static int run(struct keeper *k, int host_fd)
{
    struct loop_signal *term = NULL;
    int r = loop_create(&k->loop);
    if (r < 0)
        return r;
    loop_reap_orphans(k->loop);
    r = loop_timer_create(k->loop, on_end_timer, k, &k->end_timer);
    if (r >= 0)
        r = loop_timer_create(k->loop, on_start_timeout, k, &k->start_timer);
    if (r >= 0)
        r = loop_signal_create(k->loop, SIGTERM, on_term, k, &term);
    if (r >= 0)
        r = keeper_streamer_open(k);
    if (r >= 0)
        r = keeper_link_open(k, host_fd);
    if (r >= 0) {
        loop_timer_start(k->start_timer, k->order.start_timeout_ms, 0);
        int started = keeper_sandbox_start(k);
        if (started < 0) {
            log_event(LOG_LEVEL_ERROR, k->order.session_id, "the sandbox cannot be started: %s",
                      strerror(-started));
            keeper_end(k, "sandbox_failed");
        }
        r = loop_run(k->loop);
    }
    keeper_streamer_close(k);
    keeper_sandbox_close(k);
    keeper_link_close(k);
    loop_signal_destroy(term);
    loop_timer_destroy(k->start_timer);
    loop_timer_destroy(k->end_timer);
    loop_destroy(k->loop);
    return r;
}

static void finish(struct keeper *k)
{
    order_finish(&k->order);
    free(k->dir);
    free(k->session_dir);
    if (k->log_fd >= 0)
        close(k->log_fd);
    if (k->exe_fd >= 0)
        close(k->exe_fd);
}

int keeper_main(int argc, char **argv)
{
    static const struct option options[] = {{"dir", required_argument, NULL, 'd'},
                                            {"host-fd", required_argument, NULL, 'h'},
                                            {"lock-fd", required_argument, NULL, 'l'},
                                            {0}};
    const char *dir = NULL;
    int64_t host_fd = -1, lock_fd = -1;
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        int r = 0;
        if (c == 'd')
            dir = optarg;
        else if (c == 'h')
            r = str_to_int(optarg, 3, 1023, &host_fd);
        else if (c == 'l')
            r = str_to_int(optarg, 3, 1023, &lock_fd);
        if (c == '?' || r < 0)
            return 2;
    }
    if (!dir || optind != argc)
        return 2;
    (void)umask(0077);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    (void)fcntl((int)host_fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl((int)lock_fd, F_SETFD, FD_CLOEXEC);
    struct keeper k = {.exe_fd = -1,
                       .log_fd = -1,
                       .listen_fd = -1,
                       .host_fd = -1,
                       .leader_fd = -1,
                       .display = -1,
                       .account = {.lock_fd = -1}};
    log_init("keeper", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    int r = load(&k, dir, (int)lock_fd);
    if (r < 0)
        log_error("%s: the order cannot be read: %s", dir, strerror(-r));
    else if ((r = run(&k, (int)host_fd)) < 0)
        log_event(LOG_LEVEL_ERROR, k.order.session_id, "the keeper failed: %s", strerror(-r));
    finish(&k);
    return r < 0 ? 1 : 0;
}
