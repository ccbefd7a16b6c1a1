/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session's clipboard against a real X server, real programs (xclip, xsel), and programs that mean harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <xcb/xfixes.h>

#include "base/clock.h"
#include "base/file.h"
#include "common/display/x_source.h"

#define UNICODE "Grüße, Ελλάδα, 日本語, 🌊\tend"

/* A long text in which every piece is different. */
static char *long_text(size_t len)
{
    char *text = malloc(len + 1);

    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = i % 64 == 63 ? '\n' : (char)('!' + (i / 64 * 7 + i) % 90);
    text[len] = '\0';
    return text;
}

struct program {
    struct state *s;
    bool done;
    int status;
};

static void on_program_exit(void *arg, int wait_status)
{
    struct program *p = arg;

    p->done = true;
    p->status = wait_status;
    loop_stop(p->s->loop);
}

/* Runs a program of the session until it ends; in and out are files, NULL for nothing. Returns its status. */
static int run(struct state *s, const char *in, const char *out, char *const *argv)
{
    char display[32], auth[128];
    char *envp[] = {display, auth, "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/nonexistent", NULL};
    int fd0 = open(in ? in : "/dev/null", O_RDONLY | O_CLOEXEC);
    int fd1 = open(out ? out : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const struct spawn_fd fds[] = {{fd0, 0}, {fd1, 1}, {null, 2}};
    struct spawn_options o = {.argv = argv, .envp = envp, .fds = fds, .fd_count = 3, .death_signal = SIGKILL};
    struct program p = {.s = s};
    struct loop_child *child;
    pid_t pid;

    snprintf(display, sizeof(display), "DISPLAY=:%u", s->x.display);
    snprintf(auth, sizeof(auth), "XAUTHORITY=%s", s->x.auth);
    assert_int_equal(spawn(&o, &pid), 0);
    assert_int_equal(loop_child_create(s->loop, pid, on_program_exit, &p, &child), 0);
    AWAIT(s, p.done);
    loop_child_destroy(child);
    close(fd0);
    close(fd1);
    close(null);
    return p.status;
}

#define RUN(s, in, out, ...) run(s, in, out, (char *[]){__VA_ARGS__, NULL})

static char *path_of(struct state *s, const char *name)
{
    return xasprintf("%s/%s", s->x.dir, name);
}

static void write_text(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* A program copies: it stays there to give its text away until something else is copied. */
static void copy(struct state *s, const char *program, const char *text, size_t len)
{
    cleanup_free char *in = path_of(s, "in");

    write_text(in, text, len);
    if (strcmp(program, "xclip") == 0)
        assert_int_equal(RUN(s, in, NULL, "xclip", "-i", "-selection", "clipboard"), 0);
    else
        assert_int_equal(RUN(s, in, NULL, "xsel", "-i", "-b", "-l", "/dev/null"), 0);
    unlink(in);
}

/* What the program prints is this text. */
static void expect_output(struct state *s, char *const *argv, const char *text, size_t len)
{
    cleanup_free char *out = path_of(s, "out");
    char *got = NULL;
    size_t got_len = 0;

    assert_int_equal(run(s, NULL, out, argv), 0);
    assert_int_equal(file_read(AT_FDCWD, out, 4 << 20, &got, &got_len), 0);
    unlink(out);
    assert_int_equal(got_len, len);
    assert_memory_equal(got, text, len);
    free(got);
}

#define EXPECT(s, text, ...) expect_output(s, (char *[]){__VA_ARGS__, NULL}, text, strlen(text))

static xcb_window_t owner_of(struct state *s, xcb_atom_t selection)
{
    xcb_get_selection_owner_reply_t *reply =
        xcb_get_selection_owner_reply(s->c, xcb_get_selection_owner(s->c, selection), NULL);
    xcb_window_t owner = reply->owner;

    free(reply);
    return owner;
}

static xcb_atom_t atom_of(struct state *s, const char *name)
{
    xcb_intern_atom_reply_t *reply =
        xcb_intern_atom_reply(s->c, xcb_intern_atom(s->c, false, (uint16_t)strlen(name), name), NULL);
    xcb_atom_t atom = reply->atom;

    free(reply);
    return atom;
}

static void on_turn(void *arg)
{
    loop_stop(((struct state *)arg)->loop);
}

/* A viewer's text; returns when both selections are the source's. */
static void give(struct state *s, const char *text, size_t len)
{
    xcb_atom_t clipboard = atom_of(s, "CLIPBOARD");
    struct loop_timer *turn;

    assert_int_equal(source_clipboard(s->source, text, len), 0);
    assert_int_equal(loop_timer_create(s->loop, on_turn, s, &turn), 0);
    loop_timer_start(turn, 1, 1);
    AWAIT(s, owner_of(s, clipboard) != XCB_NONE && owner_of(s, clipboard) != s->window &&
                 owner_of(s, clipboard) == owner_of(s, XCB_ATOM_PRIMARY));
    loop_timer_destroy(turn);
}

static void expect_copied(struct state *s, unsigned copies, const char *text)
{
    AWAIT(s, s->copies >= copies);
    assert_int_equal(s->copies, copies);
    assert_int_equal(s->copied_len, strlen(text));
    assert_string_equal(s->copied, text);
}

static void test_programs_copy(void **state)
{
    struct state *s = *state;
    cleanup_free char *text = long_text(900000);

    copy(s, "xclip", UNICODE, strlen(UNICODE));
    expect_copied(s, 1, UNICODE);
    copy(s, "xsel", "one\r\ntwo\rthree\n", 15);
    expect_copied(s, 2, "one\ntwo\nthree\n");
    copy(s, "xclip", text, 900000);
    expect_copied(s, 3, text);
    copy(s, "xsel", text, 899999);
    AWAIT(s, s->copies == 4);
    assert_int_equal(s->copied_len, 899999);
    copy(s, "xclip", UNICODE, strlen(UNICODE)); /* again: others may have copied since */
    expect_copied(s, 5, UNICODE);
}

static void test_programs_paste(void **state)
{
    struct state *s = *state;
    cleanup_free char *text = long_text(900000);

    give(s, UNICODE, strlen(UNICODE));
    EXPECT(s, UNICODE, "xclip", "-o", "-selection", "clipboard", "-target", "UTF8_STRING");
    EXPECT(s, UNICODE, "xclip", "-o", "-selection", "primary", "-target", "UTF8_STRING");
    EXPECT(s, UNICODE, "xsel", "-l", "/dev/null", "-o", "-b");
    EXPECT(s, UNICODE, "xsel", "-l", "/dev/null", "-o", "-p");
    EXPECT(s, UNICODE, "xclip", "-o", "-selection", "clipboard", "-target", "text/plain;charset=utf-8");
    EXPECT(s, "TARGETS\nTIMESTAMP\nMULTIPLE\nUTF8_STRING\ntext/plain;charset=utf-8\nTEXT\nSTRING\n", "xclip",
           "-o", "-selection", "clipboard", "-target", "TARGETS");
    EXPECT(s,
           "Gr\xfc\xdf"
           "e, ??????, ???, ?\tend",
           "xclip", "-o", "-selection", "clipboard", "-target", "STRING");
    give(s, "a\r\nb", 4);
    EXPECT(s, "a\nb", "xsel", "-l", "/dev/null", "-o", "-b");

    give(s, text, 900000);
    EXPECT(s, text, "xclip", "-o", "-selection", "clipboard", "-target", "UTF8_STRING");
    EXPECT(s, text, "xclip", "-o", "-selection", "clipboard", "-target", "STRING");
    EXPECT(s, text, "xsel", "-l", "/dev/null", "-o", "-p");
    for (int i = 0; i < 1000; i++) /* the newest counts */
        assert_int_equal(source_clipboard(s->source, text + i, 1000), 0);
    text[1999] = '\0';
    EXPECT(s, text + 999, "xsel", "-l", "/dev/null", "-o", "-b");
    assert_int_equal(s->copies, 0); /* none of it comes back */

    assert_int_equal(source_clipboard(s->source, "a\0b", 3), -EINVAL);
    assert_int_equal(source_clipboard(s->source, "a\xff", 2), -EINVAL);
    assert_int_equal(source_clipboard(s->source, text, FRAME_CLIPBOARD_MAX + 1), -EMSGSIZE);
    EXPECT(s, text + 999, "xsel", "-l", "/dev/null", "-o", "-b");

    copy(s, "xclip", "of a program", 12); /* has the clipboard, not what is marked */
    expect_copied(s, 1, "of a program");
    EXPECT(s, "of a program", "xsel", "-l", "/dev/null", "-o", "-b");
    EXPECT(s, text + 999, "xsel", "-l", "/dev/null", "-o", "-p");
}

/* A program of the session that this test plays: it owns the clipboard and answers as it likes. */
enum behaviour {
    GOOD,
    SILENT,
    REFUSES,
    LATIN1_ONLY,
    INVALID,
    WITH_NUL,
    WIDE,
    TOO_LONG,
    STALLS,
    ENDLESS,
    HUGE_INCR
};

struct owner {
    struct state *s;
    struct loop_poll *poll;
    enum behaviour behaviour;
    const char *text;
    xcb_atom_t clipboard, utf8, incr, targets;
    unsigned asked, pieces, notified;
    xcb_selection_notify_event_t notify; /* the last answer to a question of ours */
    xcb_window_t to;                     /* of a transfer in pieces */
    xcb_atom_t property;
};

static void put(struct owner *o, const xcb_selection_request_event_t *e, xcb_atom_t type, uint8_t format,
                const void *data, size_t count)
{
    xcb_change_property(o->s->c, XCB_PROP_MODE_REPLACE, e->requestor, e->property, type, format,
                        (uint32_t)count, data);
}

static void piece(struct owner *o)
{
    static char data[65536];

    memset(data, 'x', sizeof(data));
    o->pieces++;
    xcb_change_property(o->s->c, XCB_PROP_MODE_REPLACE, o->to, o->property, o->utf8, 8,
                        o->behaviour == ENDLESS ? 1 : sizeof(data), data);
    xcb_flush(o->s->c);
}

static bool respond(struct owner *o, const xcb_selection_request_event_t *e)
{
    static char much[FRAME_CLIPBOARD_MAX + 1];
    uint32_t events = XCB_EVENT_MASK_PROPERTY_CHANGE, size = 1000;

    switch (o->behaviour) {
    case GOOD:
        put(o, e, o->utf8, 8, o->text, strlen(o->text));
        return true;
    case LATIN1_ONLY:
        put(o, e, XCB_ATOM_STRING, 8, "caf\xe9\r\n", 6);
        return e->target == XCB_ATOM_STRING;
    case INVALID:
        put(o, e, o->utf8, 8, "a\xc3(", 3);
        return true;
    case WITH_NUL:
        put(o, e, o->utf8, 8, "a\0b", 3);
        return true;
    case WIDE:
        put(o, e, o->utf8, 32, (uint32_t[]){0x61616161, 0x61616161}, 2);
        return true;
    case TOO_LONG:
        memset(much, 'x', sizeof(much));
        put(o, e, o->utf8, 8, much, sizeof(much));
        return true;
    case STALLS:
    case ENDLESS:
    case HUGE_INCR:
        o->to = e->requestor;
        o->property = e->property;
        xcb_change_window_attributes(o->s->c, e->requestor, XCB_CW_EVENT_MASK, &events);
        put(o, e, o->incr, 32, &size, 1);
        return true;
    default:
        return false;
    }
}

static void on_owner_event(struct owner *o, const xcb_generic_event_t *event)
{
    int type = event->response_type & 0x7f;

    if (type == XCB_SELECTION_REQUEST) {
        const xcb_selection_request_event_t *e = (const void *)event;
        xcb_selection_notify_event_t notify = {
            XCB_SELECTION_NOTIFY, 0, 0, e->time, e->requestor, e->selection, e->target, e->property};
        char message[32] = {0};

        o->asked += e->target != o->targets; /* Xvnc itself asks for these */
        if (o->behaviour == SILENT)
            return;
        if (e->target == o->targets || !respond(o, e))
            notify.property = XCB_NONE;
        memcpy(message, &notify, sizeof(notify));
        xcb_send_event(o->s->c, false, e->requestor, 0, message);
    } else if (type == XCB_SELECTION_NOTIFY) {
        memcpy(&o->notify, event, sizeof(o->notify));
        o->notified++;
    } else if (type == XCB_PROPERTY_NOTIFY) {
        const xcb_property_notify_event_t *e = (const void *)event;

        if (e->state == XCB_PROPERTY_DELETE && e->window == o->to && o->behaviour != STALLS)
            piece(o);
    }
}

static void on_owner_ready(void *arg, int ready)
{
    struct owner *o = arg;

    (void)ready;
    for (xcb_generic_event_t *e; (e = xcb_poll_for_event(o->s->c)); free(e))
        on_owner_event(o, e);
    xcb_flush(o->s->c);
    loop_stop(o->s->loop);
}

static void owner_start(struct owner *o, struct state *s)
{
    *o = (struct owner){.s = s};
    o->clipboard = atom_of(s, "CLIPBOARD");
    o->utf8 = atom_of(s, "UTF8_STRING");
    o->incr = atom_of(s, "INCR");
    o->targets = atom_of(s, "TARGETS");
    assert_int_equal(
        loop_poll_create(s->loop, xcb_get_file_descriptor(s->c), LOOP_READ, on_owner_ready, o, &o->poll), 0);
}

static void own(struct owner *o, enum behaviour behaviour, const char *text)
{
    o->behaviour = behaviour;
    o->text = text;
    o->asked = o->pieces = 0;
    xcb_set_selection_owner(o->s->c, o->s->window, o->clipboard, XCB_CURRENT_TIME);
    xcb_flush(o->s->c);
}

static void test_odd_owners(void **state)
{
    static const struct {
        enum behaviour behaviour;
        unsigned asked;
    } rows[] = {{REFUSES, 2}, {INVALID, 1}, {WITH_NUL, 1}, {WIDE, 1}, {TOO_LONG, 1}};
    struct state *s = *state;
    struct owner o;
    char text[32];

    owner_start(&o, s);
    own(&o, LATIN1_ONLY, NULL);
    expect_copied(s, 1, "café\n");
    assert_int_equal(o.asked, 2);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        own(&o, rows[i].behaviour, NULL);
        AWAIT(s, o.asked == rows[i].asked);
        snprintf(text, sizeof(text), "good %zu", i);
        own(&o, GOOD, text);
        expect_copied(s, 2 + (unsigned)i, text); /* and nothing else */
    }
    loop_poll_destroy(o.poll);
}

/* Whoever never comes to an end is given up, and soon when somebody else has copied meanwhile. */
static void test_slow_owners(void **state)
{
    static const enum behaviour behaviours[] = {SILENT, STALLS, ENDLESS, HUGE_INCR};
    struct state *s = *state;
    struct owner o;
    uint64_t before;
    char text[32];

    owner_start(&o, s);
    for (size_t i = 0; i < ARRAY_SIZE(behaviours); i++) {
        own(&o, behaviours[i], NULL);
        AWAIT(s, o.asked == 1);
        if (behaviours[i] == ENDLESS)
            AWAIT(s, o.pieces > 100);
        if (behaviours[i] == HUGE_INCR)
            AWAIT(s, o.pieces == 17); /* that was too much */
        before = clock_monotonic_ms(NULL);
        snprintf(text, sizeof(text), "good %zu", i);
        own(&o, GOOD, text);
        expect_copied(s, 1 + (unsigned)i, text);
        assert_true(clock_monotonic_ms(NULL) - before < 3000);
    }
    own(&o, SILENT, NULL);
    AWAIT(s, o.asked == 1);
    give(s, "mine", 4); /* need not wait */
    loop_poll_destroy(o.poll);
    EXPECT(s, "mine", "xsel", "-l", "/dev/null", "-o", "-b");
}

static void test_storm(void **state)
{
    struct state *s = *state;
    uint64_t before = clock_monotonic_ms(NULL);
    struct owner o;

    owner_start(&o, s);
    o.behaviour = GOOD;
    o.text = "storm";
    for (int i = 0; i < 20000; i++)
        xcb_set_selection_owner(s->c, s->window, o.clipboard, XCB_CURRENT_TIME);
    xcb_flush(s->c);
    client_sync(s);
    AWAIT(s, s->copies > 0);
    own(&o, GOOD, "calm");
    AWAIT(s, strcmp(s->copied, "calm") == 0);
    assert_true(s->copies <= 3 + (clock_monotonic_ms(NULL) - before) / 100);
    loop_poll_destroy(o.poll);
}

/* A clipboard manager takes over whatever is copied, so that it outlives its program. */
static void test_manager(void **state)
{
    struct state *s = *state;
    struct owner o;

    owner_start(&o, s);
    give(s, "from a viewer", 13);
    loop_poll_destroy(o.poll);
    EXPECT(s, "from a viewer", "xsel", "-l", "/dev/null", "-o", "-b");
    owner_start(&o, s);
    own(&o, GOOD, "from a viewer");
    AWAIT(s, o.asked == 1);
    own(&o, GOOD, "from a program");
    expect_copied(s, 1, "from a program");
    own(&o, GOOD, "from a viewer"); /* now it is a program's own */
    expect_copied(s, 2, "from a viewer");
    loop_poll_destroy(o.poll);
}

static xcb_window_t window_new(struct state *s)
{
    xcb_window_t window = xcb_generate_id(s->c);

    xcb_create_window(s->c, 0, window, s->root, 0, 0, 1, 1, 0, XCB_WINDOW_CLASS_INPUT_ONLY,
                      XCB_COPY_FROM_PARENT, 0, NULL);
    return window;
}

static void ask(struct owner *o, xcb_window_t requestor, xcb_atom_t target, xcb_atom_t property)
{
    xcb_convert_selection(o->s->c, requestor, o->clipboard, target, property, XCB_CURRENT_TIME);
    xcb_flush(o->s->c);
}

static void on_tick(void *arg)
{
    struct owner *o = arg;

    ask(o, o->to, o->utf8, o->utf8);
}

/* Programs that begin to take a long text and stop hold their places for some seconds only. */
static void test_stalled_requestors(void **state)
{
    struct state *s = *state;
    cleanup_free char *text = long_text(900000);
    struct loop_timer *tick;
    struct owner o;

    give(s, text, 900000);
    EXPECT(s, text, "xsel", "-l", "/dev/null", "-o", "-b");
    owner_start(&o, s);
    for (unsigned i = 1; i <= 8; i++) {
        ask(&o, window_new(s), o.utf8, o.utf8);
        AWAIT(s, o.notified == i);
        assert_int_equal(o.notify.property, o.utf8);
    }
    o.to = window_new(s);
    ask(&o, o.to, o.utf8, o.utf8);
    AWAIT(s, o.notified == 9);
    assert_int_equal(o.notify.property, XCB_NONE);
    assert_int_equal(loop_timer_create(s->loop, on_tick, &o, &tick), 0);
    loop_timer_start(tick, 100, 100);
    AWAIT(s, o.notify.property == o.utf8);
    loop_timer_destroy(tick);
    loop_poll_destroy(o.poll);
}

static void test_requestors(void **state)
{
    struct state *s = *state;
    cleanup_free char *text = long_text(900000);
    xcb_window_t windows[20];
    struct owner o;
    unsigned given = 0;

    give(s, text, 900000);
    EXPECT(s, text, "xsel", "-l", "/dev/null", "-o", "-b");
    owner_start(&o, s);
    for (size_t i = 0; i < ARRAY_SIZE(windows); i++) { /* they begin and take nothing */
        unsigned before = o.notified;

        windows[i] = window_new(s);
        ask(&o, windows[i], o.utf8, o.utf8);
        AWAIT(s, o.notified > before);
        given += o.notify.property == o.utf8;
    }
    assert_int_equal(given, 8);
    for (size_t i = 0; i < ARRAY_SIZE(windows); i++)
        xcb_destroy_window(s->c, windows[i]);
    client_sync(s);
    for (size_t i = 0; i < 20; i++) /* windows that are not there, the screen itself, nobody */
        ask(&o, windows[i], o.utf8, o.utf8);
    ask(&o, s->root, o.utf8, o.utf8);
    for (uint32_t i = 0; i < 20; i++) { /* and some that have never been: said by a forged event */
        xcb_get_selection_owner_reply_t *r =
            xcb_get_selection_owner_reply(s->c, xcb_get_selection_owner(s->c, o.clipboard), NULL);
        xcb_selection_request_event_t e = {XCB_SELECTION_REQUEST, 0,           0,      0,     r->owner,
                                           0x7fff000 + i,         o.clipboard, o.utf8, o.utf8};
        char message[32] = {0};

        memcpy(message, &e, sizeof(e));
        xcb_send_event(s->c, false, r->owner, 0, message);
        free(r);
    }
    client_sync(s);
    loop_poll_destroy(o.poll);
    EXPECT(s, text, "xsel", "-l", "/dev/null", "-o", "-b");
    EXPECT(s, text, "xclip", "-o", "-selection", "clipboard", "-target", "UTF8_STRING");
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Everything that a program can do to somebody else's windows, in no order. */
static void make_noise(struct owner *o, const xcb_window_t *windows, unsigned count, xcb_window_t source,
                       uint32_t *seed)
{
    const uint32_t mask = xcb_get_setup(o->s->c)->resource_id_mask;
    const uint8_t fixes = xcb_get_extension_data(o->s->c, &xcb_xfixes_id)->first_event;
    const uint8_t types[] = {XCB_SELECTION_NOTIFY, XCB_SELECTION_REQUEST, XCB_SELECTION_CLEAR,
                             XCB_PROPERTY_NOTIFY,  XCB_DESTROY_NOTIFY,    fixes};
    const xcb_atom_t atoms[] = {o->clipboard,
                                XCB_ATOM_PRIMARY,
                                o->utf8,
                                o->incr,
                                o->targets,
                                XCB_ATOM_STRING,
                                atom_of(o->s, "ISTHMUS_CLIPBOARD"),
                                atom_of(o->s, "MULTIPLE"),
                                atom_of(o->s, "ISTHMUS_STAMP"),
                                0};
    static const char data[200000] = {1};

    for (int i = 0; i < 300; i++) {
        xcb_window_t window = windows[next_random(seed) % count];
        uint32_t event[8];

        for (size_t k = 1; k < ARRAY_SIZE(event); k++)
            event[k] = next_random(seed) % 3 == 0   ? windows[next_random(seed) % count]
                       : next_random(seed) % 3 != 0 ? atoms[next_random(seed) % ARRAY_SIZE(atoms)]
                                                    : next_random(seed);
        event[0] = types[next_random(seed) % ARRAY_SIZE(types)];
        xcb_send_event(o->s->c, false, window, 0, (const char *)event);
        if (next_random(seed) % 4 == 0)
            xcb_change_property(o->s->c, XCB_PROP_MODE_REPLACE, window,
                                atoms[next_random(seed) % (ARRAY_SIZE(atoms) - 1)],
                                atoms[next_random(seed) % (ARRAY_SIZE(atoms) - 1)],
                                (uint8_t)(8 << next_random(seed) % 3), next_random(seed) % 50000, data);
        if (next_random(seed) % 64 == 0 && ((window ^ source) & ~mask) == 0) /* Xvnc does not survive that */
            xcb_destroy_window(o->s->c, window);
        if (next_random(seed) % 8 == 0)
            own(o, next_random(seed) % 2 ? GOOD : ENDLESS, "noise");
        if (next_random(seed) % 8 == 0)
            ask(o, o->s->window, atoms[next_random(seed) % (ARRAY_SIZE(atoms) - 1)], o->utf8);
    }
}

static void test_noise(void **state)
{
    struct state *s = *state;
    xcb_window_t source;
    uint32_t seed = 1;
    struct owner o;

    give(s, "mine", 4);
    source = owner_of(s, XCB_ATOM_PRIMARY);
    owner_start(&o, s);
    for (int round = 0; round < 40; round++) {
        xcb_query_tree_reply_t *tree = xcb_query_tree_reply(s->c, xcb_query_tree(s->c, s->root), NULL);
        unsigned copies = s->copies, count = (unsigned)xcb_query_tree_children_length(tree);

        make_noise(&o, xcb_query_tree_children(tree), count, source, &seed);
        free(tree);
        client_sync(s);
        if (round % 2)
            give(s, "x", 1);
        own(&o, GOOD, round % 2 ? "one" : "other");
        AWAIT(s, s->copies > copies && strcmp(s->copied, o.text) == 0);
    }
    loop_poll_destroy(o.poll);
    assert_false(s->failed);
    give(s, "still there", 11);
    EXPECT(s, "still there", "xsel", "-l", "/dev/null", "-o", "-b");
}

static void test_multiple(void **state)
{
    struct state *s = *state;
    xcb_atom_t multiple = atom_of(s, "MULTIPLE"), pair = atom_of(s, "ATOM_PAIR"), list = atom_of(s, "LIST");
    xcb_window_t window = window_new(s);
    xcb_get_property_reply_t *reply;
    xcb_atom_t many[64];
    struct owner o;

    give(s, "text", 4);
    EXPECT(s, "text", "xsel", "-l", "/dev/null", "-o", "-b");
    owner_start(&o, s);
    {
        xcb_atom_t pairs[] = {o.utf8, o.utf8, o.incr, o.incr, XCB_ATOM_STRING, XCB_ATOM_STRING};

        xcb_change_property(s->c, XCB_PROP_MODE_REPLACE, window, list, pair, 32, 6, pairs);
        ask(&o, window, multiple, list);
        AWAIT(s, o.notified == 1);
        assert_int_equal(o.notify.property, list);
        reply = xcb_get_property_reply(s->c, xcb_get_property(s->c, true, window, list, pair, 0, 100), NULL);
        assert_int_equal(reply->value_len, 6);
        pairs[3] = XCB_NONE; /* refused */
        assert_memory_equal(xcb_get_property_value(reply), pairs, sizeof(pairs));
        free(reply);
    }
    reply = xcb_get_property_reply(s->c, xcb_get_property(s->c, true, window, o.utf8, o.utf8, 0, 100), NULL);
    assert_int_equal(reply->value_len, 4);
    assert_memory_equal(xcb_get_property_value(reply), "text", 4);
    free(reply);

    ask(&o, window, multiple, list); /* without a list */
    AWAIT(s, o.notified == 2);
    assert_int_equal(o.notify.property, XCB_NONE);
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = o.utf8;
    xcb_change_property(s->c, XCB_PROP_MODE_REPLACE, window, list, pair, 32, ARRAY_SIZE(many), many);
    ask(&o, window, multiple, list); /* too many */
    AWAIT(s, o.notified == 3);
    assert_int_equal(o.notify.property, XCB_NONE);
    loop_poll_destroy(o.poll);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_programs_copy),
                                       TEST(test_programs_paste),
                                       TEST(test_odd_owners),
                                       TEST(test_slow_owners),
                                       TEST(test_storm),
                                       TEST(test_manager),
                                       TEST(test_stalled_requestors),
                                       TEST(test_requestors),
                                       TEST(test_multiple),
                                       TEST(test_noise)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
