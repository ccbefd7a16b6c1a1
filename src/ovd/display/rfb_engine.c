/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/display/rfb_engine_priv.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <utlist.h>

#include "ovd/display/rfb_library_priv.h"
#include "ovd/display/rfb_sink.h"

#define MAIL_CLIENTS 64 /* not taken out of the mailbox yet; far more than there can be */

struct mail {
    bool stop;
    size_t added;
    struct {
        int fd;
        struct rfb_shared *shared;
    } add[MAIL_CLIENTS];
    struct rfb_patch *patch;
    bool cursor_new;
    struct rfb_cursor cursor;
    bool pointer_new;
    int x, y;
    const struct rfb_shared *mover; /* compared, never looked into */
    struct rfb_text latin1, utf8;
};

struct rfb_engine {
    /* The loop's. */
    struct loop_poll *poll;
    void (*want)(void *arg); /* NULL: it is to end */
    void *arg;
    struct rfb_engine *next; /* in the list of those that are to end */
    /* Shared. */
    pthread_t thread;
    pthread_mutex_t mutex;
    struct mail mail;
    int to_engine, to_loop; /* eventfds */
    atomic_bool ended;      /* the thread does nothing more but return */
    /* The engine's. */
    char *name;
    struct rfb_picture picture;
    struct rfb_cursor cursor;
    int x, y;
    struct {
        struct rfb_peer *peer;
        bool text_due;
    } slot[MAIL_CLIENTS];
    size_t count;
    struct rfb_text latin1, utf8;
    bool wanted; /* the loop has been asked */
};

static void ring(int fd)
{
    uint64_t one = 1;

    (void)!write(fd, &one, sizeof(one));
}

static void silence(int fd)
{
    uint64_t count;

    (void)!read(fd, &count, sizeof(count));
}

static void text_free(struct rfb_text *text)
{
    free(text->data);
    *text = (struct rfb_text){0};
}

/* The engine's thread */

static void take_patch(struct rfb_engine *e, struct rfb_patch *patch)
{
    bool resized = patch->width != e->picture.width || patch->height != e->picture.height;

    e->wanted = false;
    if (resized) {
        struct rfb_picture old = e->picture;

        e->picture = (struct rfb_picture){patch->width, patch->height,
                                          xcalloc((size_t)patch->width * (size_t)patch->height, 4)};
        rfb_patch_apply(patch, &e->picture);
        for (size_t i = 0; i < e->count; i++)
            rfb_peer_resize(e->slot[i].peer, &e->picture);
        free(old.pixels);
    } else {
        rfb_patch_apply(patch, &e->picture);
        for (size_t i = 0; i < e->count; i++)
            rfb_peer_damage(e->slot[i].peer, patch->rects, patch->count);
    }
    rfb_patch_free(patch);
}

static void add_peer(struct rfb_engine *e, int fd, struct rfb_shared *shared)
{
    struct rfb_peer *peer = NULL;

    if (e->count < ARRAY_SIZE(e->slot))
        peer = rfb_peer_create(fd, shared, e->name, &e->picture);
    else
        close(fd);
    rfb_shared_unref(shared);
    if (!peer)
        return; /* the loop sees the end of the stream */
    rfb_peer_cursor(peer, &e->cursor);
    rfb_peer_pointer(peer, e->x, e->y, false);
    e->slot[e->count].peer = peer;
    e->slot[e->count++].text_due = false;
}

static void take_news(struct rfb_engine *e, struct mail *mail)
{
    if (mail->cursor_new) {
        free(e->cursor.argb);
        e->cursor = mail->cursor;
        for (size_t i = 0; i < e->count; i++)
            rfb_peer_cursor(e->slot[i].peer, &e->cursor);
    }
    if (mail->pointer_new) {
        e->x = mail->x;
        e->y = mail->y;
        for (size_t i = 0; i < e->count; i++)
            rfb_peer_pointer(e->slot[i].peer, e->x, e->y, rfb_peer_is(e->slot[i].peer, mail->mover));
    }
    if (mail->utf8.data) {
        text_free(&e->latin1);
        text_free(&e->utf8);
        e->latin1 = mail->latin1;
        e->utf8 = mail->utf8;
        for (size_t i = 0; i < e->count; i++)
            e->slot[i].text_due = true;
    }
}

/* False: it is over. */
static bool take_mail(struct rfb_engine *e)
{
    struct mail mail;

    pthread_mutex_lock(&e->mutex);
    if (e->mail.stop || (!e->picture.pixels && !e->mail.patch)) {
        bool stop = e->mail.stop;

        pthread_mutex_unlock(&e->mutex);
        return !stop; /* before the first picture everything waits */
    }
    mail = e->mail;
    e->mail = (struct mail){0};
    pthread_mutex_unlock(&e->mutex);
    rfb_library_enter();
    if (mail.patch)
        take_patch(e, mail.patch);
    take_news(e, &mail);
    rfb_library_leave();
    for (size_t i = 0; i < mail.added; i++) {
        rfb_library_enter_alone();
        add_peer(e, mail.add[i].fd, mail.add[i].shared);
        rfb_library_leave();
    }
    return true;
}

static void drop_gone(struct rfb_engine *e)
{
    for (size_t i = e->count; i > 0; i--) {
        if (rfb_peer_fd(e->slot[i - 1].peer) >= 0)
            continue;
        rfb_library_enter();
        rfb_peer_destroy(e->slot[i - 1].peer);
        rfb_library_leave();
        e->slot[i - 1] = e->slot[--e->count];
    }
}

static void send_news(struct rfb_engine *e)
{
    bool want = false;

    for (size_t i = 0; i < e->count; i++) {
        struct rfb_peer *peer = e->slot[i].peer;

        rfb_library_enter();
        if (e->slot[i].text_due && !rfb_peer_is_behind(peer)) {
            e->slot[i].text_due = false;
            if (rfb_peer_is_active(peer))
                rfb_peer_text(peer, &e->latin1, &e->utf8);
        }
        rfb_peer_update(peer);
        want = want || rfb_peer_wants(peer);
        rfb_library_leave();
    }
    if (want && !e->wanted) {
        e->wanted = true;
        ring(e->to_loop);
    }
}

static void wait_for_news(struct rfb_engine *e, struct pollfd *fds)
{
    fds[0] = (struct pollfd){.fd = e->to_engine, .events = POLLIN};
    for (size_t i = 0; i < e->count; i++)
        fds[i + 1] = (struct pollfd){.fd = rfb_peer_fd(e->slot[i].peer), .events = POLLIN};
    (void)poll(fds, e->count + 1, -1);
    if (fds[0].revents)
        silence(e->to_engine);
}

static void *run(void *arg)
{
    struct rfb_engine *e = arg;
    struct pollfd fds[MAIL_CLIENTS + 1];
    bool alive = true;

    while (alive) {
        size_t polled;

        drop_gone(e);
        send_news(e);
        drop_gone(e);
        polled = e->count;
        wait_for_news(e, fds);
        alive = take_mail(e); /* before the messages: a new size before the answer to the wish for it */
        for (size_t i = 0; alive && i < polled; i++) {
            if (!fds[i + 1].revents)
                continue;
            rfb_library_enter();
            rfb_peer_message(e->slot[i].peer);
            rfb_library_leave();
        }
    }
    rfb_library_enter();
    while (e->count > 0)
        rfb_peer_destroy(e->slot[--e->count].peer);
    rfb_library_leave();
    atomic_store(&e->ended, true);
    ring(e->to_loop);
    return NULL;
}

/* The loop's thread */

static struct rfb_engine *ending; /* list */

static int start_thread(struct rfb_engine *e)
{
    sigset_t all, old;
    int r;

    /* Signals are the loop's; a write to a client that has gone must not end the process. */
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    r = pthread_create(&e->thread, NULL, run, e);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -r;
}

static void engine_free(struct rfb_engine *e)
{
    loop_poll_destroy(e->poll);
    if (e->to_engine >= 0)
        close(e->to_engine);
    if (e->to_loop >= 0)
        close(e->to_loop);
    for (size_t i = 0; i < e->mail.added; i++) {
        close(e->mail.add[i].fd);
        rfb_shared_unref(e->mail.add[i].shared);
    }
    rfb_patch_free(e->mail.patch);
    free(e->mail.cursor.argb);
    text_free(&e->mail.latin1);
    text_free(&e->mail.utf8);
    text_free(&e->latin1);
    text_free(&e->utf8);
    free(e->cursor.argb);
    free(e->picture.pixels);
    free(e->name);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

static void reap(struct rfb_engine *e)
{
    LL_DELETE(ending, e);
    (void)pthread_join(e->thread, NULL);
    engine_free(e);
}

static void on_ring(void *arg, int ready)
{
    struct rfb_engine *e = arg;

    (void)ready;
    silence(e->to_loop);
    if (e->want)
        e->want(e->arg);
    else if (atomic_load(&e->ended))
        reap(e);
}

int rfb_engine_create(struct loop *loop, const char *name, void (*want)(void *arg), void *arg,
                      struct rfb_engine **ret_engine)
{
    struct rfb_engine *e = xcalloc(1, sizeof(*e));
    int r;

    rfb_library_silence();
    e->want = want;
    e->arg = arg;
    e->name = xstrdup(name);
    (void)pthread_mutex_init(&e->mutex, NULL);
    e->to_engine = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    e->to_loop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = e->to_engine < 0 || e->to_loop < 0 ? -errno : 0;
    if (r == 0)
        r = loop_poll_create(loop, e->to_loop, LOOP_READ, on_ring, e, &e->poll);
    if (r == 0)
        r = start_thread(e);
    if (r < 0) {
        engine_free(e);
        return r;
    }
    *ret_engine = e;
    return 0;
}

struct rfb_engine *rfb_engine_destroy(struct rfb_engine *engine)
{
    if (!engine)
        return NULL;
    pthread_mutex_lock(&engine->mutex);
    engine->mail.stop = true;
    pthread_mutex_unlock(&engine->mutex);
    engine->want = NULL;
    LL_PREPEND(ending, engine);
    ring(engine->to_engine);
    return NULL;
}

void rfb_engine_settle(void)
{
    while (ending)
        reap(ending);
}

void rfb_engine_add(struct rfb_engine *engine, int fd, struct rfb_shared *shared)
{
    struct mail *mail = &engine->mail;

    pthread_mutex_lock(&engine->mutex);
    if (mail->added < MAIL_CLIENTS) {
        mail->add[mail->added].fd = fd;
        mail->add[mail->added++].shared = rfb_shared_ref(shared);
    } else {
        close(fd);
    }
    pthread_mutex_unlock(&engine->mutex);
    ring(engine->to_engine);
}

bool rfb_engine_has_patch(struct rfb_engine *engine)
{
    bool has;

    pthread_mutex_lock(&engine->mutex);
    has = engine->mail.patch != NULL;
    pthread_mutex_unlock(&engine->mutex);
    return has;
}

void rfb_engine_patch(struct rfb_engine *engine, struct rfb_patch *patch)
{
    struct rfb_patch *old;

    pthread_mutex_lock(&engine->mutex);
    old = engine->mail.patch;
    engine->mail.patch = patch;
    pthread_mutex_unlock(&engine->mutex);
    rfb_patch_free(old);
    ring(engine->to_engine);
}

void rfb_engine_cursor(struct rfb_engine *engine, const struct frame_cursor *cursor)
{
    size_t size = 4 * (size_t)cursor->width * (size_t)cursor->height;
    struct rfb_cursor copy = {cursor->width, cursor->height, cursor->hot_x, cursor->hot_y, NULL};
    uint32_t *old;

    if (size > 0) {
        copy.argb = xcalloc(1, size);
        memcpy(copy.argb, cursor->argb, size);
    }
    pthread_mutex_lock(&engine->mutex);
    old = engine->mail.cursor.argb;
    engine->mail.cursor = copy;
    engine->mail.cursor_new = true;
    pthread_mutex_unlock(&engine->mutex);
    free(old);
    ring(engine->to_engine);
}

void rfb_engine_pointer(struct rfb_engine *engine, int x, int y, const struct rfb_shared *by)
{
    pthread_mutex_lock(&engine->mutex);
    engine->mail.pointer_new = true;
    engine->mail.x = x;
    engine->mail.y = y;
    engine->mail.mover = by;
    pthread_mutex_unlock(&engine->mutex);
    ring(engine->to_engine);
}

void rfb_engine_text(struct rfb_engine *engine, struct rfb_text latin1, struct rfb_text utf8)
{
    struct rfb_text old_latin1, old_utf8;

    pthread_mutex_lock(&engine->mutex);
    old_latin1 = engine->mail.latin1;
    old_utf8 = engine->mail.utf8;
    engine->mail.latin1 = latin1;
    engine->mail.utf8 = utf8;
    pthread_mutex_unlock(&engine->mutex);
    text_free(&old_latin1);
    text_free(&old_utf8);
    ring(engine->to_engine);
}

void rfb_engine_wake(struct rfb_engine *engine)
{
    ring(engine->to_engine);
}
