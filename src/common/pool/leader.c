/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session's first process: its own display, its instances, its messages and its printer, as ordered by
 * the keeper. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "pool/keeper.h"
#include "pool/keeper_line.h"
#include "pool/leader_display.h"
#include "pool/leader_instance.h"
#include "pool/leader_message.h"
#include "pool/pool.h"
#include "pool/text_fd.h"
#include "print/print_server.h"

struct leader {
    struct loop *loop;
    const char *auth;
    int width, height;
    const char *spool; /* NULL: no printing */
    bool desktop;
    char **argv;   /* the application; empty for a plain desktop */
    int keeper_fd; /* the line to the keeper */
    int errors_fd; /* where the session's programs write */
    struct loop_poll *keeper_poll;
    struct leader_display *display;
    struct leader_instances *instances;
    struct leader_messages *messages;
    struct print_server *print;
    bool ended;
};

static void report(struct leader *l, enum keeper_verb verb, const char *instance, int display,
                   const char *reason)
{
    struct keeper_line line = {.verb = verb, .display = display};
    (void)str_copy(line.instance, sizeof line.instance, instance);
    (void)str_copy(line.reason, sizeof line.reason, reason);
    (void)keeper_line_send(l->keeper_fd, &line, -1);
}

static void end(struct leader *l, const char *reason)
{
    if (l->ended)
        return;
    l->ended = true;
    log_info("the session is over: %s", reason);
    report(l, KEEPER_ENDED, "", -1, reason);
    loop_stop(l->loop);
}

static void on_up(void *arg)
{
    struct leader *l = arg;
    report(l, KEEPER_READY, "", leader_display_number(l->display), "");
}

static void on_started(void *arg)
{
    (void)arg; /* READY is enough: the streamer starts meanwhile */
}

static void on_ended(void *arg, const char *reason)
{
    end(arg, reason);
}

static void on_gone(void *arg)
{
    (void)arg; /* it is never stopped: it dies with this process */
}

static int start_display(struct leader *l)
{
    struct leader_display_options options = {.loop = l->loop,
                                             .auth = l->auth,
                                             .errors_fd = l->errors_fd,
                                             .width = l->width,
                                             .height = l->height,
                                             .desktop = l->desktop,
                                             .argv = l->argv,
                                             .up = on_up,
                                             .started = on_started,
                                             .ended = on_ended,
                                             .gone = on_gone,
                                             .arg = l};
    return leader_display_create(&options, &l->display);
}

static void on_instance_up(void *arg, const char *name, int display)
{
    report(arg, KEEPER_INSTANCE, name, display, "");
}

static void on_instance_gone(void *arg, const char *name, const char *reason)
{
    report(arg, KEEPER_GONE, name, -1, reason);
}

struct message {
    struct leader *leader;
    const char *text;
};

static void show_message(void *arg, const char *display)
{
    const struct message *message = arg;
    leader_messages_show(message->leader->messages, display, message->text);
}

static void on_message(struct leader *l, int fd)
{
    cleanup_free char *text = NULL;
    size_t len;
    if (text_fd_read(fd, POOL_MESSAGE_MAX, &text, &len) < 0)
        return;
    struct message message = {.leader = l, .text = text};
    const char *own = leader_display_name(l->display);
    if (own)
        show_message(&message, own);
    leader_instances_each(l->instances, show_message, &message);
}

/* Ours is the only other end: when it closes, this process is about to be killed. */
static void on_keeper(void *arg, int ready)
{
    struct leader *l = arg;
    (void)ready;
    struct keeper_line line;
    int passed = -1;
    int r = keeper_line_receive(l->keeper_fd, &line, &passed);
    if (r == -EPIPE)
        l->keeper_poll = loop_poll_destroy(l->keeper_poll);
    if (r >= 0 && line.verb == KEEPER_RUN)
        leader_instances_run(l->instances, line.instance, passed);
    else if (r >= 0 && line.verb == KEEPER_CLOSE)
        leader_instances_close(l->instances, line.instance);
    else if (r >= 0 && line.verb == KEEPER_MESSAGE)
        on_message(l, passed);
    if (passed >= 0)
        close(passed);
}

/* Enough for a browser, too little to take the machine along. Hard limits can only go down. */
static void set_limits(void)
{
    struct rlimit limit = {.rlim_cur = 0, .rlim_max = 0};
    (void)setrlimit(RLIMIT_CORE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = MIN((rlim_t)8192, limit.rlim_max);
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    limit = (struct rlimit){.rlim_cur = 4096, .rlim_max = 4096};
    (void)setrlimit(RLIMIT_NPROC, &limit);
}

static int open_errors(void)
{
    const char *home = getenv("HOME");
    cleanup_free char *path = xasprintf("%s/.xsession-errors", home ? home : "");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd >= 0 ? fd : open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static void on_print_failed(void *arg, const char *cause)
{
    (void)arg;
    log_warn("nothing can be printed any more: %s", cause);
}

/* A session without a printer is better than none. */
static void start_printing(struct leader *l)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (!l->spool || !runtime)
        return;
    cleanup_free char *dir = xasprintf("%s/print", runtime);
    const struct print_server_options options = {.loop = l->loop,
                                                 .dir = dir,
                                                 .spool = l->spool,
                                                 .log_fd = STDERR_FILENO,
                                                 .failed = on_print_failed,
                                                 .arg = l};
    int r = print_server_create(&options, &l->print);
    if (r < 0)
        log_warn("nothing can be printed: %s", r == -ENOENT ? "CUPS is not installed" : strerror(-r));
    else
        (void)setenv("CUPS_SERVER", print_server_socket(l->print), 1);
}

static int start_services(struct leader *l)
{
    struct leader_instances_options instances = {.loop = l->loop,
                                                 .auth = l->auth,
                                                 .errors_fd = l->errors_fd,
                                                 .up = on_instance_up,
                                                 .gone = on_instance_gone,
                                                 .arg = l};
    int r = leader_instances_create(&instances, &l->instances);
    if (r >= 0)
        r = leader_messages_create(l->loop, l->errors_fd, &l->messages);
    return r < 0 ? r : loop_poll_create(l->loop, l->keeper_fd, LOOP_READ, on_keeper, l, &l->keeper_poll);
}

static int run(struct leader *l)
{
    int r = loop_create(&l->loop);
    if (r < 0)
        return r;
    loop_reap_orphans(l->loop);
    r = start_services(l);
    if (r >= 0)
        r = start_display(l);
    if (r < 0) {
        end(l, r == -ENOENT ? "no_program" : "display_failed");
    } else {
        start_printing(l); /* while the display server starts */
        r = loop_run(l->loop);
    }
    l->ended = true;
    loop_poll_destroy(l->keeper_poll);
    print_server_destroy(l->print);
    leader_messages_destroy(l->messages);
    leader_instances_destroy(l->instances);
    leader_display_destroy(l->display);
    loop_destroy(l->loop);
    return r;
}

static int parse_geometry(struct leader *l, const char *text)
{
    cleanup_free char *copy = xstrdup(text);
    char *x = strchr(copy, 'x');
    int64_t width, height;
    if (!x)
        return -EINVAL;
    *x = '\0';
    if (str_to_int(copy, 1, 32767, &width) < 0 || str_to_int(x + 1, 1, 32767, &height) < 0)
        return -EINVAL;
    l->width = (int)width;
    l->height = (int)height;
    return 0;
}

static int parse(struct leader *l, int argc, char **argv)
{
    static const struct option options[] = {
        {"report-fd", required_argument, NULL, 'r'}, {"auth", required_argument, NULL, 'a'},
        {"geometry", required_argument, NULL, 'g'},  {"mode", required_argument, NULL, 'm'},
        {"print", required_argument, NULL, 'p'},     {0}};
    int64_t report_fd = -1;
    int c, r = 0;
    optind = 1;
    while (r == 0 && (c = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
        if (c == 'r')
            r = str_to_int(optarg, 3, 1023, &report_fd);
        else if (c == 'a')
            l->auth = optarg;
        else if (c == 'g')
            r = parse_geometry(l, optarg);
        else if (c == 'm')
            l->desktop = str_eq(optarg, "desktop");
        else if (c == 'p')
            l->spool = optarg;
        else
            r = -EINVAL;
    }
    l->keeper_fd = (int)report_fd;
    l->argv = argv + optind;
    return r < 0 || report_fd < 0 || !l->auth || !l->width || (!l->desktop && !l->argv[0]) ? -EINVAL : 0;
}

int session_leader_main(int argc, char **argv)
{
    struct leader l = {.keeper_fd = -1};
    if (parse(&l, argc, argv) < 0)
        return 2;
    log_init("session-leader", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)umask(0022);
    set_limits();
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (runtime)
        (void)dir_make(runtime, 0700);
    l.errors_fd = open_errors();
    int r = run(&l);
    if (l.errors_fd >= 0)
        close(l.errors_fd);
    return r < 0 ? 1 : 0;
}
