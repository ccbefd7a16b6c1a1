/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streamer: started when the display is there, once more when it dies, then never again within a minute.
 */
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/spawn.h"
#include "pool/cmdline.h"
#include "pool/keeper_priv.h"

#define RESTART_WINDOW_MS 60000
#define POLITE_MS 1000 /* from SIGTERM to SIGKILL */

static char **streamer_env(const struct keeper *k)
{
    static const char *const kept[] = {"LANG", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"};
    char **envp = xcalloc(ARRAY_SIZE(kept) + 8, sizeof *envp);
    size_t count = 0;
    envp[count++] = xstrdup("PATH=/usr/bin:/bin");
    envp[count++] = xstrdup("HOME=/nonexistent");
    envp[count++] = xasprintf("%s=%s", ACCOUNT_MARKER, k->dir);
    envp[count++] = xasprintf("ISTHMUS_LOG_LEVEL=%s", k->order.log_level);
    envp[count++] = xasprintf("ISTHMUS_LOG_FORMAT=%s", k->order.log_format);
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        const char *value = getenv(kept[i]);
        if (value)
            envp[count++] = xasprintf("%s=%s", kept[i], value);
    }
    return envp;
}

static void on_patience_over(void *arg)
{
    struct keeper *k = arg;
    if (k->streamer_pid > 0)
        (void)kill(k->streamer_pid, SIGKILL);
}

int keeper_streamer_open(struct keeper *k)
{
    return loop_timer_create(k->loop, on_patience_over, k, &k->streamer_timer);
}

static void on_streamer_exit(void *arg, int wait_status)
{
    struct keeper *k = arg;
    uint64_t now = clock_monotonic_ms(NULL);
    bool again = k->streamer_died_ms == 0 || now - k->streamer_died_ms > RESTART_WINDOW_MS;
    k->streamer = loop_child_destroy(k->streamer);
    k->streamer_pid = 0;
    loop_timer_stop(k->streamer_timer);
    k->streamer_died_ms = now;
    if (k->ending) {
        keeper_part_gone(k);
        return;
    }
    log_event(LOG_LEVEL_WARN, k->order.session_id, "the streamer died (%s %d)%s",
              WIFSIGNALED(wait_status) ? "signal" : "exit",
              WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status),
              again ? ", starting another" : " for the second time within a minute");
    if (!again || keeper_streamer_start(k) < 0)
        keeper_end(k, "streamer_failed");
}

int keeper_streamer_start(struct keeper *k)
{
    cleanup_free char *control = xasprintf("%s/control.sock", k->session_dir);
    const char *argv[] = {"isthmus", "streamer", "--control", control, "--username", k->order.account, NULL};
    struct spawn_fd fds[] = {{k->log_fd, 2}};
    char **envp = streamer_env(k);
    struct spawn_options options = {.exe_fd = k->exe_fd,
                                    .argv = (char *const *)(uintptr_t)argv,
                                    .envp = envp,
                                    .cwd = "/",
                                    .fds = fds,
                                    .fd_count = ARRAY_SIZE(fds),
                                    .user = k->order.streamer_as,
                                    .death_signal = SIGKILL,
                                    .new_session = true,
                                    .no_new_privs = true};
    int r = spawn(&options, &k->streamer_pid);
    cmdline_free(envp);
    if (r >= 0)
        r = loop_child_create(k->loop, k->streamer_pid, on_streamer_exit, k, &k->streamer);
    if (r < 0) {
        log_event(LOG_LEVEL_ERROR, k->order.session_id, "the streamer cannot be started: %s", strerror(-r));
        return r;
    }
    keeper_link_tell(k, KEEPER_STREAMER);
    return 0;
}

void keeper_streamer_stop(struct keeper *k)
{
    if (k->streamer_pid <= 0)
        return;
    (void)kill(k->streamer_pid, SIGTERM);
    loop_timer_start(k->streamer_timer, POLITE_MS, 0);
}

void keeper_streamer_close(struct keeper *k)
{
    k->streamer = loop_child_destroy(k->streamer);
    k->streamer_timer = loop_timer_destroy(k->streamer_timer);
}
