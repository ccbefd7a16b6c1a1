/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/leader_x11.h"

#include <xcb/xcb.h>

#define WINDOWS_MAX 4096
#define CLASS_WORDS 64 /* of four bytes */

struct leader_x11 {
    struct loop *loop;
    struct loop_poll *poll;
    xcb_connection_t *connection;
    xcb_window_t root;
    xcb_atom_t client_list, manager_check;
    bool manager_seen;
    const struct leader_x11_events *events;
    void *arg;
};

static xcb_atom_t get_atom(xcb_connection_t *c, const char *name)
{
    xcb_intern_atom_reply_t *reply =
        xcb_intern_atom_reply(c, xcb_intern_atom(c, 0, (uint16_t)strlen(name), name), NULL);
    xcb_atom_t atom = reply ? reply->atom : XCB_ATOM_NONE;
    free(reply);
    return atom;
}

/* A property of windows of the root window; the caller frees. */
static xcb_get_property_reply_t *get_windows(struct leader_x11 *x, xcb_atom_t property)
{
    return xcb_get_property_reply(
        x->connection, xcb_get_property(x->connection, 0, x->root, property, XCB_ATOM_WINDOW, 0, WINDOWS_MAX),
        NULL);
}

static bool any_window(struct leader_x11 *x, xcb_atom_t property)
{
    xcb_get_property_reply_t *reply = get_windows(x, property);
    bool any = reply && reply->format == 32 && reply->value_len > 0;
    free(reply);
    return any;
}

/* WM_CLASS is two strings, each with its NUL: the instance's name and the class. */
static bool is_message(const xcb_get_property_reply_t *class)
{
    static const char wanted[] = LEADER_MESSAGE_CLASS;
    if (!class || class->format != 8 || class->value_len < sizeof wanted)
        return false;
    const char *end = (const char *)xcb_get_property_value(class) + class->value_len;
    return memcmp(end - sizeof wanted, wanted, sizeof wanted) == 0;
}

/* An application's windows alone: nobody keeps a session alive by being told something. */
static unsigned count_windows(struct leader_x11 *x)
{
    xcb_get_property_reply_t *list = get_windows(x, x->client_list);
    unsigned count = list && list->format == 32 ? list->value_len : 0, messages = 0;
    const xcb_window_t *windows = count > 0 ? xcb_get_property_value(list) : NULL;
    xcb_get_property_cookie_t *cookies = xcalloc(count + 1, sizeof *cookies);
    for (unsigned i = 0; i < count; i++)
        cookies[i] = xcb_get_property(x->connection, 0, windows[i], XCB_ATOM_WM_CLASS, XCB_ATOM_STRING, 0,
                                      CLASS_WORDS);
    for (unsigned i = 0; i < count; i++) {
        xcb_get_property_reply_t *class = xcb_get_property_reply(x->connection, cookies[i], NULL);
        messages += is_message(class);
        free(class);
    }
    free(cookies);
    free(list);
    return count - messages;
}

static void look(struct leader_x11 *x, xcb_atom_t property)
{
    if (property == x->client_list) {
        unsigned count = count_windows(x);
        x->events->windows(x->arg, count);
    } else if (property == x->manager_check && !x->manager_seen && any_window(x, property)) {
        x->manager_seen = true;
        x->events->manager(x->arg);
    }
}

/* Takes the queued events; false when there were none. */
static bool drain(struct leader_x11 *x, bool *ret_list, bool *ret_manager)
{
    xcb_generic_event_t *event;
    bool any = false;
    while ((event = xcb_poll_for_event(x->connection))) {
        const xcb_property_notify_event_t *notify = (const void *)event;
        any = true;
        if ((event->response_type & 0x7f) == XCB_PROPERTY_NOTIFY) {
            *ret_list |= notify->atom == x->client_list;
            *ret_manager |= notify->atom == x->manager_check;
        }
        free(event);
    }
    return any;
}

/* Again until the queue is empty: waiting for a reply moves events from the socket, which is polled, to the
 * library's queue, which is not. */
static void on_ready(void *arg, int ready)
{
    struct leader_x11 *x = arg;
    (void)ready;
    bool list = false, manager = false;
    while (drain(x, &list, &manager)) {
        if (manager)
            look(x, x->manager_check);
        if (list)
            look(x, x->client_list);
        list = manager = false;
    }
    if (xcb_connection_has_error(x->connection) && x->poll) {
        x->poll = loop_poll_destroy(x->poll);
        x->events->lost(x->arg);
    }
}

static void first_look(void *arg)
{
    struct leader_x11 *x = arg;
    look(x, x->manager_check);
    look(x, x->client_list);
    on_ready(x, LOOP_READ);
}

/* A plain colour behind the windows instead of the server's stipple. */
static void paint_root(struct leader_x11 *x)
{
    const uint32_t values[] = {0x24313f, XCB_EVENT_MASK_PROPERTY_CHANGE};
    xcb_change_window_attributes(x->connection, x->root, XCB_CW_BACK_PIXEL | XCB_CW_EVENT_MASK, values);
    xcb_clear_area(x->connection, 0, x->root, 0, 0, 0, 0);
    xcb_flush(x->connection);
}

int leader_x11_create(struct loop *loop, const char *display, const struct leader_x11_events *events,
                      void *arg, struct leader_x11 **ret_x11)
{
    struct leader_x11 *x = xcalloc(1, sizeof *x);
    x->loop = loop;
    x->events = events;
    x->arg = arg;
    int number;
    x->connection = xcb_connect(display, &number);
    if (xcb_connection_has_error(x->connection)) {
        leader_x11_destroy(x);
        return -ECONNREFUSED;
    }
    x->root = xcb_setup_roots_iterator(xcb_get_setup(x->connection)).data->root;
    x->client_list = get_atom(x->connection, "_NET_CLIENT_LIST");
    x->manager_check = get_atom(x->connection, "_NET_SUPPORTING_WM_CHECK");
    paint_root(x);
    int r = loop_poll_create(loop, xcb_get_file_descriptor(x->connection), LOOP_READ, on_ready, x, &x->poll);
    if (r < 0) {
        leader_x11_destroy(x);
        return r;
    }
    loop_post(loop, first_look, x);
    *ret_x11 = x;
    return 0;
}

bool leader_x11_alive(struct leader_x11 *x)
{
    xcb_get_input_focus_reply_t *reply =
        xcb_get_input_focus_reply(x->connection, xcb_get_input_focus(x->connection), NULL);
    bool alive = reply;
    free(reply);
    return alive;
}

struct leader_x11 *leader_x11_destroy(struct leader_x11 *x)
{
    if (x) {
        loop_poll_destroy(x->poll);
        xcb_disconnect(x->connection);
        free(x);
    }
    return NULL;
}
