/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real X server for one test program: private directory, private cookie, a display number that the server
 * chooses. */
#ifndef ISTHMUS_TESTS_DISPLAY_X_FIXTURE_H
#define ISTHMUS_TESTS_DISPLAY_X_FIXTURE_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/secret.h"
#include "base/spawn.h"
#include "base/util.h"

struct x_fixture {
    char dir[64], auth[96], socket[96];
    unsigned display;
    pid_t pid;
};

/* Xauthority entry for any host and display: family 0xffff, no address, no number. */
static inline int x_fixture_auth(struct x_fixture *x)
{
    uint8_t entry[2 + 2 + 2 + 2 + 18 + 2 + 16] = {0xff, 0xff, 0, 0, 0, 0, 0, 18};
    FILE *f = fopen(x->auth, "we");

    if (!f)
        return -errno;
    memcpy(entry + 8, "MIT-MAGIC-COOKIE-1", 18);
    entry[27] = 16;
    secret_random(entry + 28, 16);
    fwrite(entry, sizeof(entry), 1, f);
    return fclose(f) == 0 ? 0 : -EIO;
}

static inline int x_fixture_start(struct x_fixture *x, const char *geometry)
{
    char fd_text[12], number[16] = "";
    size_t len = 0;
    int fds[2];

    snprintf(x->dir, sizeof(x->dir), "/tmp/isthmus-test-x-XXXXXX");
    if (!mkdtemp(x->dir) || pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    snprintf(x->auth, sizeof(x->auth), "%s/xauthority", x->dir);
    if (x_fixture_auth(x) < 0)
        return -EIO;
    (void)mkdir("/tmp/.X11-unix", 01777);
    snprintf(fd_text, sizeof(fd_text), "%d", fds[1]);
    {
        char *argv[] = {"Xvnc",
                        "-displayfd",
                        fd_text,
                        "-auth",
                        x->auth,
                        "-geometry",
                        (char *)(uintptr_t)geometry,
                        "-depth",
                        "24",
                        "-rfbport",
                        "-1",
                        "-nolisten",
                        "tcp",
                        "-noreset",
                        "-extension",
                        "GLX",
                        "-SecurityTypes",
                        "None",
                        NULL};
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        struct spawn_fd child_fds[] = {{null, 0}, {null, 1}, {null, 2}, {fds[1], fds[1]}};
        struct spawn_options o = {.argv = argv, .fds = child_fds, .fd_count = 4, .death_signal = SIGKILL};
        int r = spawn(&o, &x->pid);

        close(null);
        close(fds[1]);
        if (r < 0)
            return r;
    }
    /* Number and line end come in two writes. */
    while (len + 1 < sizeof(number) && !strchr(number, '\n')) {
        ssize_t n = read(fds[0], number + len, sizeof(number) - 1 - len);

        if (n <= 0)
            return -EIO;
        len += (size_t)n;
        number[len] = '\0';
    }
    close(fds[0]);
    x->display = (unsigned)strtoul(number, NULL, 10);
    snprintf(x->socket, sizeof(x->socket), "/tmp/.X11-unix/X%u", x->display);
    return 0;
}

static inline void x_fixture_kill(struct x_fixture *x)
{
    if (x->pid > 0) {
        (void)unlink(x->socket); /* while the number is ours: afterwards it may be another test's */
        kill(x->pid, SIGKILL);
        waitpid(x->pid, NULL, 0);
    }
    x->pid = 0;
}

static inline void x_fixture_stop(struct x_fixture *x)
{
    x_fixture_kill(x);
    unlink(x->auth);
    rmdir(x->dir);
}

/* A program of the session: DISPLAY and XAUTHORITY set. */
static inline int x_fixture_spawn(struct x_fixture *x, char *const *argv, pid_t *ret_pid)
{
    char display[32], auth[128];
    char *envp[] = {display, auth, "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/nonexistent", NULL};
    struct spawn_options o = {.argv = argv, .envp = envp, .death_signal = SIGKILL};

    snprintf(display, sizeof(display), "DISPLAY=:%u", x->display);
    snprintf(auth, sizeof(auth), "XAUTHORITY=%s", x->auth);
    return spawn(&o, ret_pid);
}

#endif
