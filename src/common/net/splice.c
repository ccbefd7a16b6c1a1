/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/splice_priv.h"

#include <fcntl.h>
#include <sys/socket.h>

#define CHUNK ((size_t)262144)
#define ROUNDS 16 /* of 256 KiB, before others on the loop have their turn */
#define SPARE_PIPES 16

struct pump {
    int in, out;    /* of the two below */
    uint8_t *early; /* bytes that go first; NULL when they have gone */
    size_t early_at, early_len;
    int pipe[2]; /* -1 while nothing is in it */
    size_t piped;
    bool eof, shut;
    uint64_t bytes;
};

struct side {
    int fd;
    int events;
    struct loop_poll *poll;
};

struct splice {
    struct side client, backend;
    struct pump up, down;
    void (*closed)(void *arg);
    void *arg;
};

/* Empty pipes kept for the next burst, so that an idle tunnel holds none and a busy one makes none. */
static int spare[SPARE_PIPES][2];
static unsigned spare_count;

static int pipe_take(struct pump *p)
{
    if (p->pipe[0] >= 0)
        return 0;
    if (spare_count > 0) {
        spare_count--;
        memcpy(p->pipe, spare[spare_count], sizeof p->pipe);
        return 0;
    }
    if (pipe2(p->pipe, O_NONBLOCK | O_CLOEXEC) < 0) {
        p->pipe[0] = p->pipe[1] = -1;
        return -errno;
    }
    (void)fcntl(p->pipe[1], F_SETPIPE_SZ, (int)CHUNK); /* smaller where the account has used up its share */
    return 0;
}

static void pipe_give(struct pump *p)
{
    if (p->pipe[0] < 0)
        return;
    if (p->piped == 0 && spare_count < SPARE_PIPES) {
        memcpy(spare[spare_count++], p->pipe, sizeof p->pipe);
    } else {
        close(p->pipe[0]);
        close(p->pipe[1]);
    }
    p->pipe[0] = p->pipe[1] = -1;
    p->piped = 0;
}

static bool pump_empty(const struct pump *p)
{
    return p->piped == 0 && !p->early;
}

/* Nobody takes bytes in this direction any more. */
static void pump_dead(struct pump *p)
{
    pipe_give(p);
    free(p->early);
    p->early = NULL;
    p->eof = p->shut = true;
}

static int pump_in(struct pump *p)
{
    if (p->eof || !pump_empty(p))
        return 0;
    if (pipe_take(p) < 0) {
        pump_dead(p);
        return 1;
    }
    ssize_t n = splice(p->in, NULL, p->pipe[1], NULL, CHUNK, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n > 0) {
        p->piped = (size_t)n;
        return 1;
    }
    int error = errno;
    pipe_give(p);
    if (n < 0 && (error == EAGAIN || error == EINTR))
        return 0;
    p->eof = true; /* an error ends it just the same: all that came before has been read */
    return 1;
}

static ssize_t write_some(struct pump *p)
{
    if (!p->early)
        return splice(p->pipe[0], NULL, p->out, NULL, p->piped, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    return send(p->out, p->early + p->early_at, p->early_len - p->early_at, MSG_NOSIGNAL);
}

static int pump_out(struct pump *p)
{
    if (p->shut)
        return 0;
    if (pump_empty(p)) {
        if (!p->eof)
            return 0;
        shutdown(p->out, SHUT_WR);
        p->shut = true;
        return 1;
    }
    ssize_t n = write_some(p);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        pump_dead(p);
        return 1;
    }
    p->bytes += (uint64_t)n;
    if (p->early) {
        p->early_at += (size_t)n;
        if (p->early_at == p->early_len) {
            free(p->early);
            p->early = NULL;
        }
        return 1;
    }
    p->piped -= (size_t)n;
    if (p->piped == 0)
        pipe_give(p);
    return 1;
}

static void side_set(struct side *s, int events)
{
    if (s->events == events)
        return;
    s->events = events;
    loop_poll_set(s->poll, events);
}

static int wants(const struct pump *reads_here, const struct pump *writes_here)
{
    int events = !reads_here->eof && pump_empty(reads_here) ? LOOP_READ : 0;
    return events | (!writes_here->shut && !pump_empty(writes_here) ? LOOP_WRITE : 0);
}

static void run(struct splice *s)
{
    int moved = 1;
    for (int i = 0; i < ROUNDS && moved; i++) {
        moved = pump_in(&s->up);
        moved |= pump_out(&s->up);
        moved |= pump_in(&s->down);
        moved |= pump_out(&s->down);
    }
    if (s->up.shut && s->down.shut) {
        s->closed(s->arg);
        return;
    }
    side_set(&s->client, wants(&s->up, &s->down));
    side_set(&s->backend, wants(&s->down, &s->up));
}

static void on_ready(void *arg, int ready)
{
    (void)ready;
    run(arg);
}

static int pump_init(struct pump *p, int in, int out, const void *early, size_t len)
{
    p->in = in;
    p->out = out;
    if (len == 0)
        return 0;
    p->early = malloc(len);
    if (!p->early)
        return -ENOMEM;
    memcpy(p->early, early, len);
    p->early_len = len;
    return 0;
}

int splice_create(const struct tunnel_options *o, void (*closed)(void *arg), void *arg,
                  struct splice **ret_splice)
{
    struct splice *s = xcalloc(1, sizeof *s);
    s->closed = closed;
    s->arg = arg;
    s->client.fd = s->backend.fd = -1; /* not ours before all has gone well */
    s->up.pipe[0] = s->up.pipe[1] = s->down.pipe[0] = s->down.pipe[1] = -1;
    s->client.events = s->backend.events =
        LOOP_READ | LOOP_WRITE; /* so that the first turn runs and sorts it out */
    int rc = pump_init(&s->up, o->client_fd, o->backend_fd, o->from_client, o->from_client_len);
    if (rc == 0)
        rc = pump_init(&s->down, o->backend_fd, o->client_fd, o->from_backend, o->from_backend_len);
    if (rc == 0)
        rc = loop_poll_create(o->loop, o->client_fd, LOOP_READ | LOOP_WRITE, on_ready, s, &s->client.poll);
    if (rc == 0)
        rc = loop_poll_create(o->loop, o->backend_fd, LOOP_READ | LOOP_WRITE, on_ready, s, &s->backend.poll);
    if (rc < 0) {
        splice_destroy(s);
        return rc;
    }
    s->client.fd = o->client_fd;
    s->backend.fd = o->backend_fd;
    *ret_splice = s;
    return 0;
}

static void side_finish(struct side *s)
{
    loop_poll_destroy(s->poll);
    if (s->fd >= 0)
        close(s->fd);
}

void splice_destroy(struct splice *s)
{
    if (!s)
        return;
    side_finish(&s->client);
    side_finish(&s->backend);
    pump_dead(&s->up);
    pump_dead(&s->down);
    free(s);
}

void splice_counters(const struct splice *s, uint64_t *ret_up, uint64_t *ret_down)
{
    *ret_up = s->up.bytes;
    *ret_down = s->down.bytes;
}
