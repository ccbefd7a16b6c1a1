/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <X11/Xauth.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"
#include "display/source_x11_priv.h"

#define COOKIE_NAME "MIT-MAGIC-COOKIE-1"

/* The first cookie of the file for the display's number, or without a number. */
static Xauth *read_cookie(const char *path, unsigned display)
{
    char number[12];
    FILE *file = fopen(path, "re");
    Xauth *entry;

    if (!file)
        return NULL;
    snprintf(number, sizeof(number), "%u", display);
    while ((entry = XauReadAuth(file))) {
        bool ours = entry->number_length == 0 || (entry->number_length == strlen(number) &&
                                                  memcmp(entry->number, number, strlen(number)) == 0);

        if (ours && entry->name_length == strlen(COOKIE_NAME) &&
            memcmp(entry->name, COOKIE_NAME, entry->name_length) == 0)
            break;
        XauDisposeAuth(entry);
    }
    fclose(file);
    return entry;
}

static int connect_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, r = str_copy(address.sun_path, sizeof(address.sun_path), path);

    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

/* An address holds 107 bytes; a longer path is reached through its directory's descriptor. */
static int connect_socket(const char *path)
{
    cleanup_free char *directory = xstrdup(path);
    char *slash = strrchr(directory, '/');
    cleanup_free char *near = NULL;
    cleanup_close int fd = -1;

    if (strlen(path) < sizeof(((struct sockaddr_un *)0)->sun_path) || !slash)
        return connect_address(path);
    *slash = '\0';
    fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    near = xasprintf("/proc/self/fd/%d/%s", fd, slash + 1);
    return connect_address(near);
}

static int open_connection(struct x11 *x, const struct source_x11_options *options, char **ret_cause)
{
    Xauth *cookie = options->xauthority ? read_cookie(options->xauthority, options->display) : NULL;
    xcb_auth_info_t auth;
    int fd;

    if (options->xauthority && !cookie) {
        *ret_cause = xasprintf("%s has no cookie for display %u", options->xauthority, options->display);
        return -ENOENT;
    }
    fd = connect_socket(options->socket_path);
    if (fd >= 0) {
        if (cookie)
            auth = (xcb_auth_info_t){cookie->name_length, cookie->name, cookie->data_length, cookie->data};
        x->c = xcb_connect_to_fd(fd, cookie ? &auth : NULL); /* owns fd */
    }
    if (cookie)
        XauDisposeAuth(cookie);
    if (fd < 0) {
        *ret_cause = xasprintf("%s: %s", options->socket_path, strerror(-fd));
        return fd;
    }
    if (xcb_connection_has_error(x->c)) {
        *ret_cause = xasprintf("%s: the display refuses the connection", options->socket_path);
        return -EACCES;
    }
    return 0;
}

static int need_extension(struct x11 *x, xcb_extension_t *extension, const char *name, uint8_t *ret_event,
                          char **ret_cause)
{
    const xcb_query_extension_reply_t *reply = xcb_get_extension_data(x->c, extension);

    if (!reply || !reply->present) {
        *ret_cause = xasprintf("the display has no %s", name);
        return -ENOTSUP;
    }
    *ret_event = reply->first_event;
    return 0;
}

/* The server gives each client the version that it asks for here. */
static int negotiate(struct x11 *x)
{
    xcb_damage_query_version_reply_t *damage =
        xcb_damage_query_version_reply(x->c, xcb_damage_query_version(x->c, 1, 1), NULL);
    xcb_xfixes_query_version_reply_t *fixes =
        xcb_xfixes_query_version_reply(x->c, xcb_xfixes_query_version(x->c, 5, 0), NULL);
    xcb_randr_query_version_reply_t *randr =
        xcb_randr_query_version_reply(x->c, xcb_randr_query_version(x->c, 1, 3), NULL);
    xcb_shm_query_version_reply_t *shm = xcb_shm_query_version_reply(x->c, xcb_shm_query_version(x->c), NULL);
    xcb_xkb_use_extension_reply_t *xkb =
        xcb_xkb_use_extension_reply(x->c, xcb_xkb_use_extension(x->c, 1, 0), NULL);
    /* Descriptors can be passed from MIT-SHM 1.2 on. */
    bool good = damage && fixes && randr && shm && xkb && xkb->supported &&
                (shm->major_version > 1 || shm->minor_version >= 2);

    free(damage);
    free(fixes);
    free(randr);
    free(shm);
    free(xkb);
    return good ? 0 : -ENOTSUP;
}

int x11_connect(struct x11 *x, const struct source_x11_options *options, char **ret_cause)
{
    const struct {
        xcb_extension_t *extension;
        const char *name;
        uint8_t *event;
    } needed[] = {
        {&xcb_damage_id, "DAMAGE", &x->damage_event}, {&xcb_randr_id, "RANDR", &x->randr_event},
        {&xcb_xfixes_id, "XFIXES", &x->fixes_event},  {&xcb_xkb_id, "XKEYBOARD", &x->xkb_event},
        {&xcb_shm_id, "MIT-SHM", &(uint8_t){0}},      {&xcb_test_id, "XTEST", &(uint8_t){0}},
    };
    const xcb_setup_t *setup;
    const xcb_screen_t *screen;
    int r = open_connection(x, options, ret_cause);

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(needed); i++)
        r = need_extension(x, needed[i].extension, needed[i].name, needed[i].event, ret_cause);
    if (r == 0)
        r = negotiate(x);
    if (r < 0)
        return r;
    setup = xcb_get_setup(x->c);
    screen = xcb_setup_roots_iterator(setup).data;
    if ((screen->root_depth != 24 && screen->root_depth != 32) ||
        setup->image_byte_order != XCB_IMAGE_ORDER_LSB_FIRST) {
        *ret_cause = xasprintf("the display's pixels are not 24 bits, little-endian");
        return -ENOTSUP;
    }
    x->root = screen->root;
    x->frame.width = screen->width_in_pixels;
    x->frame.height = screen->height_in_pixels;
    x->min_keycode = setup->min_keycode;
    x->max_keycode = setup->max_keycode;
    return 0;
}
