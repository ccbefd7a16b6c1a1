/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/display/rfb_peer_priv.h"

#include <linux/sockios.h>
#include <rfb/rfb.h>
#include <rfb/rfbregion.h>
#include <sys/ioctl.h>

#include "ovd/display/rfb_message.h"

/* A client with more than this on its way gets no update yet. */
#define BEHIND_BYTES 65536

struct rfb_peer {
    struct rfb_shared *shared;
    rfbScreenInfoPtr screen;
    rfbClientPtr cl;
    char *name;
    bool resize_asked;
};

struct rfb_shared *rfb_shared_new(void)
{
    struct rfb_shared *shared = xcalloc(1, sizeof(*shared));

    atomic_init(&shared->refs, 1);
    return shared;
}

struct rfb_shared *rfb_shared_ref(struct rfb_shared *shared)
{
    atomic_fetch_add(&shared->refs, 1);
    return shared;
}

void rfb_shared_unref(struct rfb_shared *shared)
{
    if (shared && atomic_fetch_sub(&shared->refs, 1) == 1)
        free(shared);
}

/* Keys, pointer and texts never come this far; should the library find one, it is lost. */
static void no_key(rfbBool down, rfbKeySym key, rfbClientPtr cl)
{
    (void)down;
    (void)key;
    (void)cl;
}

static void no_pointer(int buttons, int x, int y, rfbClientPtr cl)
{
    (void)buttons;
    (void)x;
    (void)y;
    (void)cl;
}

static void no_text(char *text, int len, rfbClientPtr cl)
{
    (void)text;
    (void)len;
    (void)cl;
}

/* The size has been changed, or not, before the message was passed on. The library asks view-only clients'
 * wishes here too, and answers a granted one with the next frame buffer only, which there may have been
 * already. */
static int on_desktop_size(int width, int height, int count, struct rfbExtDesktopScreen *screens,
                           rfbClientPtr cl)
{
    struct rfb_peer *peer = cl->screen->screenData;

    (void)width;
    (void)height;
    (void)count;
    (void)screens;
    peer->resize_asked = true;
    return rfbExtDesktopSize_ResizeProhibited;
}

static void show(rfbScreenInfoPtr screen, const struct rfb_picture *picture)
{
    screen->width = picture->width;
    screen->height = picture->height;
    screen->paddedWidthInBytes = 4 * picture->width;
    screen->sizeInBytes = screen->paddedWidthInBytes * picture->height;
    screen->frameBuffer = (char *)picture->pixels;
}

static rfbScreenInfoPtr screen_new(struct rfb_peer *peer, const struct rfb_picture *picture)
{
    rfbScreenInfoPtr screen = rfbGetScreen(NULL, NULL, picture->width, picture->height, 8, 3, 4);

    if (!screen)
        return NULL;
    show(screen, picture);
    screen->serverFormat.depth = 24;
    screen->serverFormat.redShift = 16;
    screen->serverFormat.greenShift = 8;
    screen->serverFormat.blueShift = 0;
    screen->screenData = peer;
    screen->desktopName = peer->name;
    screen->port = screen->ipv6port = 0;
    screen->alwaysShared = TRUE;
    screen->deferUpdateTime = 0; /* the session's frame rate paces */
    screen->cursor = NULL;
    screen->kbdAddEvent = no_key;
    screen->ptrAddEvent = no_pointer;
    screen->setXCutText = no_text;
    screen->setXCutTextUTF8 = no_text;
    screen->setDesktopSizeHook = on_desktop_size;
    return screen;
}

struct rfb_peer *rfb_peer_create(int fd, struct rfb_shared *shared, const char *name,
                                 const struct rfb_picture *picture)
{
    struct rfb_peer *peer = xcalloc(1, sizeof(*peer));

    peer->shared = rfb_shared_ref(shared);
    peer->name = xstrdup(name);
    peer->screen = screen_new(peer, picture);
    if (peer->screen)
        peer->cl = rfbNewClient(peer->screen, fd);
    else
        close(fd);
    if (!peer->cl)
        return rfb_peer_destroy(peer);
    peer->cl->readyForSetColourMapEntries = TRUE; /* else a client that never sets a format gets no cursor */
    return peer;
}

struct rfb_peer *rfb_peer_destroy(struct rfb_peer *peer)
{
    if (!peer)
        return NULL;
    if (peer->cl) {
        if (peer->cl->sock != RFB_INVALID_SOCKET)
            rfbCloseClient(peer->cl);
        rfbClientConnectionGone(peer->cl);
    }
    if (peer->screen)
        rfbScreenCleanup(peer->screen);
    rfb_shared_unref(peer->shared);
    free(peer->name);
    free(peer);
    return NULL;
}

int rfb_peer_fd(const struct rfb_peer *peer)
{
    return peer->cl->sock;
}

void rfb_peer_message(struct rfb_peer *peer)
{
    if (peer->cl->sock == RFB_INVALID_SOCKET)
        return;
    rfbProcessClientMessage(peer->cl);
    /* At 0 the library leaves out zlib, in a form that viewers of old do not know. */
    peer->cl->tightCompressLevel = MAX(peer->cl->tightCompressLevel, 1);
    if (peer->resize_asked)
        peer->cl->lastDesktopSizeChangeError = atomic_load(&peer->shared->verdict);
    peer->resize_asked = false;
}

bool rfb_peer_is(const struct rfb_peer *peer, const struct rfb_shared *shared)
{
    return peer->shared == shared;
}

bool rfb_peer_is_active(const struct rfb_peer *peer)
{
    return atomic_load(&peer->shared->active);
}

/* What the loop has not read yet counts as on its way too. */
bool rfb_peer_is_behind(const struct rfb_peer *peer)
{
    int queued = 0;

    if (peer->cl->sock == RFB_INVALID_SOCKET || peer->cl->state != RFB_NORMAL)
        return true;
    atomic_store(&peer->shared->waiting, true);
    if (ioctl(peer->cl->sock, SIOCOUTQ, &queued) < 0 || (size_t)queued > BEHIND_BYTES ||
        atomic_load(&peer->shared->backlog) > BEHIND_BYTES)
        return true;
    atomic_store(&peer->shared->waiting, false);
    return false;
}

bool rfb_peer_wants(const struct rfb_peer *peer)
{
    return !sraRgnEmpty(peer->cl->requestedRegion) && !rfb_peer_is_behind(peer);
}

void rfb_peer_update(struct rfb_peer *peer)
{
    rfbClientPtr cl = peer->cl;
    int quality = cl->turboQualityLevel;

    /* No viewer takes a JPEG among pixels of 8 bits, even one that names a quality. The library sends it. */
    if (cl->format.bitsPerPixel == 8)
        cl->turboQualityLevel = -1;
    /* A change of size leaves the request open for the pixels. */
    for (int i = 0; i < 2 && rfb_peer_wants(peer); i++)
        rfbUpdateClient(cl);
    cl->turboQualityLevel = quality;
}

/* Not rfbNewFramebuffer, which goes back to the library's own order of colours. */
void rfb_peer_resize(struct rfb_peer *peer, const struct rfb_picture *picture)
{
    rfbScreenInfoPtr screen = peer->screen;
    rfbClientPtr cl = peer->cl;

    show(screen, picture);
    screen->cursorX = MIN(screen->cursorX, picture->width - 1);
    screen->cursorY = MIN(screen->cursorY, picture->height - 1);
    sraRgnDestroy(cl->modifiedRegion);
    cl->modifiedRegion = sraRgnCreateRect(0, 0, picture->width, picture->height);
    sraRgnMakeEmpty(cl->copyRegion);
    if (cl->useNewFBSize)
        cl->newFBSizePending = TRUE;
}

void rfb_peer_damage(struct rfb_peer *peer, const struct frame_rect *rects, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rfbMarkRectAsModified(peer->screen, rects[i].x, rects[i].y, rects[i].x + rects[i].w,
                              rects[i].y + rects[i].h);
}

/* Half transparent is opaque: RFB's cursors have a mask of bits. */
static void fill_cursor(rfbCursorPtr shape, const struct rfb_cursor *cursor)
{
    size_t row_bytes = ((size_t)cursor->width + 7) / 8;

    for (int y = 0; y < cursor->height; y++) {
        for (int x = 0; x < cursor->width; x++) {
            uint32_t argb = cursor->argb[y * cursor->width + x];
            uint32_t rgb = argb & 0xffffff;

            memcpy(shape->richSource + 4 * ((size_t)y * (size_t)cursor->width + (size_t)x), &rgb, 4);
            if (argb >> 24 >= 0x80)
                shape->mask[(size_t)y * row_bytes + (size_t)x / 8] |= (unsigned char)(0x80 >> (x & 7));
        }
    }
}

void rfb_peer_cursor(struct rfb_peer *peer, const struct rfb_cursor *cursor)
{
    rfbCursorPtr shape = NULL;

    if (cursor->width > 0 && cursor->height > 0) {
        size_t row_bytes = ((size_t)cursor->width + 7) / 8;

        shape = xcalloc(1, sizeof(*shape));
        shape->width = (unsigned short)cursor->width;
        shape->height = (unsigned short)cursor->height;
        shape->xhot = (unsigned short)cursor->hot_x;
        shape->yhot = (unsigned short)cursor->hot_y;
        shape->mask = xcalloc((size_t)cursor->height, row_bytes);
        shape->richSource = xcalloc(4 * (size_t)cursor->width, (size_t)cursor->height);
        shape->cleanup = shape->cleanupMask = shape->cleanupRichSource = TRUE;
        shape->backRed = shape->backGreen = shape->backBlue = 0xffff;
        fill_cursor(shape, cursor);
    }
    rfbSetCursor(peer->screen, shape);
}

void rfb_peer_pointer(struct rfb_peer *peer, int x, int y, bool own)
{
    peer->screen->cursorX = CLAMP(x, 0, peer->screen->width - 1);
    peer->screen->cursorY = CLAMP(y, 0, peer->screen->height - 1);
    if (!own)
        peer->cl->cursorWasMoved = TRUE;
}

void rfb_peer_text(struct rfb_peer *peer, const struct rfb_text *latin1, const struct rfb_text *utf8)
{
    if (peer->cl->sock == RFB_INVALID_SOCKET)
        return;
    /* The library's fallback for clients of old gives the wrong length, so it is chosen here. */
    if (peer->cl->enableExtendedClipboard)
        rfbSendServerCutTextUTF8(peer->screen, utf8->data, (int)utf8->len, NULL, 0);
    else
        rfbSendServerCutText(peer->screen, latin1->data, (int)latin1->len);
}
