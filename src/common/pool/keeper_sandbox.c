/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sandbox with its leader: start, listen to it, kill it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/spawn.h"
#include "base/str.h"
#include "pool/cmdline.h"
#include "pool/display_files.h"
#include "pool/keeper_priv.h"
#include "pool/text_fd.h"
#include "pool/xauth.h"

#define TAIL_BYTES 1024    /* of the display's log, for the keeper's own */
#define LAST_WORDS_MAX 256 /* lines: more than an honest leader can have left unread */

/* The cookie, for the streamer as a file of the session directory and for the sandbox by descriptor. */
static int make_cookie(struct keeper *k, int session_dir, int *ret_fd)
{
    uint8_t entry[XAUTH_ENTRY_MAX];
    size_t len = xauth_make_entry(entry);
    int r = file_write(session_dir, "xauthority", entry, len, 0640);
    if (r >= 0 && geteuid() == 0 &&
        fchownat(session_dir, "xauthority", 0, k->account.gid, AT_SYMLINK_NOFOLLOW) < 0)
        r = -errno;
    if (r >= 0 && (*ret_fd = text_fd_make(entry, len)) < 0)
        r = *ret_fd;
    secret_wipe(entry, sizeof entry);
    return r;
}

static void append(char **argv, size_t *count, const char *text)
{
    argv[(*count)++] = xstrdup(text);
}

/* prefix is taken over. */
static char **leader_argv(const struct keeper *k, char **prefix)
{
    size_t count = 0, args = 0;
    while (prefix && prefix[count])
        count++;
    while (k->order.argv && k->order.argv[args])
        args++;
    char **argv = xcalloc(count + args + 20, sizeof *argv);
    if (count)
        memcpy(argv, prefix, count * sizeof *argv);
    free(prefix);
    char fd[16], geometry[32], exe[32];
    (void)snprintf(fd, sizeof fd, "%d", KEEPER_CHILD_REPORT_FD);
    (void)snprintf(exe, sizeof exe, "/proc/self/fd/%d", KEEPER_CHILD_EXE_FD);
    (void)snprintf(geometry, sizeof geometry, "%dx%d", k->order.width, k->order.height);
    cleanup_free char *auth =
        k->order.sandbox ? xstrdup("/run/isthmus/xauthority") : xasprintf("%s/xauthority", k->session_dir);
    append(argv, &count, k->order.sandbox ? exe : "isthmus");
    append(argv, &count, "session-leader");
    append(argv, &count, "--report-fd");
    append(argv, &count, fd);
    append(argv, &count, "--auth");
    append(argv, &count, auth);
    append(argv, &count, "--geometry");
    append(argv, &count, geometry);
    append(argv, &count, "--mode");
    append(argv, &count, k->order.desktop ? "desktop" : "app");
    cleanup_free char *spool =
        k->order.sandbox ? xstrdup(KEEPER_INSIDE_SPOOL) : xasprintf("%s/print", k->session_dir);
    if (k->order.printing) {
        append(argv, &count, "--print");
        append(argv, &count, spool);
    }
    append(argv, &count, "--");
    for (size_t i = 0; i < args; i++)
        append(argv, &count, k->order.argv[i]);
    return argv;
}

static void on_display(struct keeper *k, int display)
{
    if (k->display >= 0 || k->ending)
        return;
    k->display = display;
    loop_timer_stop(k->start_timer);
    keeper_link_tell(k, KEEPER_READY);
    if (keeper_streamer_start(k) < 0)
        keeper_end(k, "streamer_failed");
}

/* The leader is inside the sandbox and may lie: it can name displays of its own directory and end its own
 * session and its instances, no more. */
static void handle(struct keeper *k, const struct keeper_line *line)
{
    switch (line->verb) {
    case KEEPER_READY:
        on_display(k, line->display);
        break;
    case KEEPER_ENDED:
        keeper_end(k, line->reason);
        break;
    case KEEPER_INSTANCE:
    case KEEPER_GONE:
        keeper_instance_heard(k, line);
        break;
    default:
        break; /* words of this end */
    }
}

static int hear_leader(struct keeper *k)
{
    struct keeper_line line;
    int passed = -1;
    int r = keeper_line_receive(k->leader_fd, &line, &passed);
    if (passed >= 0)
        close(passed);
    if (r == -EPIPE)
        k->leader_poll = loop_poll_destroy(k->leader_poll); /* the end of the process follows */
    else if (r >= 0)
        handle(k, &line);
    return r;
}

static void on_leader(void *arg, int ready)
{
    (void)ready;
    (void)hear_leader(arg);
}

int keeper_sandbox_tell(struct keeper *k, const struct keeper_line *line, int passed_fd)
{
    return k->leader_fd < 0 ? -EPIPE : keeper_line_send(k->leader_fd, line, passed_fd);
}

static void on_sandbox_exit(void *arg, int wait_status)
{
    struct keeper *k = arg;
    k->sandbox = loop_child_destroy(k->sandbox);
    k->sandbox_pid = 0;
    /* What the leader said last may still be in the socket. It need not end there: one of the session's
     * processes may have taken the other end. */
    for (unsigned i = 0; i < LAST_WORDS_MAX && k->leader_poll && !k->ending; i++) {
        if (hear_leader(k) == -EAGAIN)
            break;
    }
    if (!k->ending)
        log_event(LOG_LEVEL_WARN, k->order.session_id, "the sandbox ended with status %d", wait_status);
    keeper_end(k, k->display >= 0 ? "error" : "sandbox_failed");
    keeper_part_gone(k);
}

/* Without a sandbox the display server uses the machine's directory. Nobody else may own it. */
static void prepare_shared_x11(void)
{
    if (geteuid() == 0 && mkdir("/tmp/.X11-unix", 01777) == 0)
        (void)chmod("/tmp/.X11-unix", 01777);
}

void keeper_sandbox_remove_files(const struct keeper *k, int display)
{
    if (!k->order.sandbox && display >= 0)
        display_files_remove(display, k->account.uid);
}

static int spawn_leader(struct keeper *k, int report_fd, int auth_fd, int passwd_fd, int group_fd, int log_fd)
{
    struct spawn_fd fds[] = {{log_fd, 1},
                             {log_fd, 2},
                             {report_fd, KEEPER_CHILD_REPORT_FD},
                             {k->exe_fd, KEEPER_CHILD_EXE_FD},
                             {auth_fd, KEEPER_CHILD_AUTH_FD},
                             {passwd_fd, KEEPER_CHILD_PASSWD_FD},
                             {group_fd, KEEPER_CHILD_GROUP_FD}};
    char **argv = leader_argv(k, k->order.sandbox ? keeper_bwrap_argv(k) : NULL);
    char **envp = keeper_session_env(k);
    cleanup_free char *home = xasprintf("%s/home", k->dir);
    struct spawn_options options = {.exe_fd = k->order.sandbox ? 0 : k->exe_fd,
                                    .argv = argv,
                                    .envp = envp,
                                    .cwd = k->order.sandbox ? "/" : home,
                                    .fds = fds,
                                    .fd_count = k->order.sandbox ? ARRAY_SIZE(fds) : 3,
                                    .user = k->order.run_as,
                                    .death_signal = SIGKILL,
                                    .new_session = true,
                                    .no_new_privs = true};
    int r = spawn(&options, &k->sandbox_pid);
    cmdline_free(argv);
    cmdline_free(envp);
    return r;
}

int keeper_sandbox_start(struct keeper *k)
{
    int pair[2];
    cleanup_close int session_dir = open(k->session_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (session_dir < 0)
        return -errno;
    cleanup_close int log_fd =
        openat(session_dir, "display.log", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    k->leader_fd = pair[0];
    cleanup_close int report_fd = pair[1];
    cleanup_close int auth_fd = -1;
    int r = make_cookie(k, session_dir, &auth_fd);
    if (r < 0)
        return r;
    cleanup_free char *passwd = keeper_passwd(k);
    cleanup_free char *group = keeper_group(k);
    cleanup_close int passwd_fd = text_fd_make(passwd, strlen(passwd));
    cleanup_close int group_fd = text_fd_make(group, strlen(group));
    if (passwd_fd < 0 || group_fd < 0)
        return -EIO;
    if (!k->order.sandbox)
        prepare_shared_x11();
    r = spawn_leader(k, report_fd, auth_fd, passwd_fd, group_fd, log_fd);
    if (r >= 0)
        r = loop_child_create(k->loop, k->sandbox_pid, on_sandbox_exit, k, &k->sandbox);
    if (r >= 0)
        r = loop_poll_create(k->loop, k->leader_fd, LOOP_READ, on_leader, k, &k->leader_poll);
    return r;
}

/* The file goes with the session, so what it said last goes to the log. The log escapes what an application
 * may have put there. */
void keeper_sandbox_log_tail(const struct keeper *k)
{
    cleanup_free char *path = xasprintf("%s/display.log", k->session_dir);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char text[TAIL_BYTES + 1];
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    ssize_t len = size < 0 ? -1 : pread(fd, text, TAIL_BYTES, size > TAIL_BYTES ? size - TAIL_BYTES : 0);
    if (len <= 0)
        return;
    text[len] = '\0';
    char *at = text;
    for (char *line = strsep(&at, "\n"); line; line = strsep(&at, "\n")) {
        if (*line)
            log_event(LOG_LEVEL_WARN, k->order.session_id, "display: %s", line);
    }
}

void keeper_sandbox_kill(struct keeper *k)
{
    if (k->sandbox_pid > 0)
        (void)kill(k->sandbox_pid, SIGKILL);
}

void keeper_sandbox_close(struct keeper *k)
{
    k->leader_poll = loop_poll_destroy(k->leader_poll);
    k->sandbox = loop_child_destroy(k->sandbox);
    if (k->leader_fd >= 0)
        close(k->leader_fd);
    k->leader_fd = -1;
}
