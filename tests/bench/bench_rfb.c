/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The watching side for RFB servers: libvncclient. It decodes while it reads, so that a picture arrives when
 * it is decoded. */
#include "bench.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <rfb/rfbclient.h>
#include <sys/socket.h>

static struct client *the_client; /* the library has no place for it everywhere */

static void no_log(const char *format, ...)
{
    (void)format;
}

static char *give_password(rfbClient *rfb)
{
    (void)rfb;
    return strdup(the_client->password);
}

static rfbBool new_canvas(rfbClient *rfb)
{
    struct client *c = the_client;

    free(c->canvas);
    c->width = rfb->width;
    c->height = rfb->height;
    c->canvas = calloc((size_t)c->width * (size_t)c->height, 4);
    rfb->frameBuffer = (uint8_t *)c->canvas;
    return c->canvas != NULL;
}

static uint64_t received(const rfbClient *rfb)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    if (getsockopt(rfb->sock, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return 0;
    return info.tcpi_bytes_received;
}

static void on_update(rfbClient *rfb)
{
    struct client *c = the_client;

    client_look(c, bench_now_us());
    c->bytes = received(rfb);
    c->updates++;
    c->ready = true;
}

static rfbClient *open_rfb(struct client *c)
{
    rfbClient *rfb = rfbGetClient(8, 3, 4);

    rfb->GetPassword = give_password;
    rfb->MallocFrameBuffer = new_canvas;
    rfb->FinishedFrameBufferUpdate = on_update;
    rfb->canHandleNewFBSize = TRUE;
    rfb->appData.encodingsString = "tight copyrect";
    rfb->appData.compressLevel = c->compression;
    rfb->appData.enableJPEG = TRUE;
    rfb->appData.qualityLevel = 8;
    rfb->appData.useRemoteCursor = TRUE;
    rfb->format.redShift = 16;
    rfb->format.greenShift = 8;
    rfb->format.blueShift = 0;
    free(rfb->serverHost);
    rfb->serverHost = strdup("127.0.0.1");
    rfb->serverPort = (int)c->port;
    return rfbInitClient(rfb, NULL, NULL) ? rfb : NULL;
}

void *client_run_rfb(void *arg)
{
    struct client *c = arg;
    rfbClient *rfb;

    the_client = c;
    rfbClientLog = rfbClientErr = no_log;
    rfb = open_rfb(c);
    if (!rfb)
        bench_fail("the RFB server refuses the client");
    while (!c->stop) {
        int ready = rfb->buffered > 0 ? 1 : WaitForMessage(rfb, 100000);

        if (ready < 0 || (ready > 0 && !HandleRFBServerMessage(rfb)))
            bench_fail("the RFB server closes the connection");
    }
    rfbClientCleanup(rfb);
    free(c->canvas);
    return NULL;
}
