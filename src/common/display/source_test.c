/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/source_test.h"

#include "base/buf.h"
#include "base/clock.h"
#include "display/damage.h"

struct source_test {
    struct source base;
    struct loop_timer *timer;
    struct frame frame;   /* as captured */
    struct frame display; /* as drawn */
    pixman_region32_t damage;
    bool capturing, told, full;
    int resize_w, resize_h;
    struct buf input;
    char *clipboard;
    unsigned captures;
};

static struct source_test *of(struct source *source)
{
    return CONTAINER_OF(source, struct source_test, base);
}

static struct frame frame_new(int width, int height)
{
    return (struct frame){width, height, 4 * (size_t)width, xcalloc((size_t)width * (size_t)height, 4)};
}

static void set_size(struct source_test *t, int width, int height)
{
    free(t->frame.pixels);
    free(t->display.pixels);
    t->frame = frame_new(width, height);
    t->display = frame_new(width, height);
    pixman_region32_clear(&t->damage);
    t->full = true;
    t->capturing = false;
}

static void answer(struct source_test *t)
{
    const pixman_box32_t *boxes;
    pixman_region32_t changed;
    int count;

    pixman_region32_init(&changed);
    if (t->full)
        pixman_region32_union_rect(&t->damage, &t->damage, 0, 0, (unsigned)t->frame.width,
                                   (unsigned)t->frame.height);
    boxes = pixman_region32_rectangles(&t->damage, &count);
    for (int i = 0; i < count; i++) {
        struct frame_rect r = {boxes[i].x1, boxes[i].y1, boxes[i].x2 - boxes[i].x1,
                               boxes[i].y2 - boxes[i].y1};

        damage_apply(&t->frame, &r, t->display.pixels + (size_t)r.y * t->display.stride + 4 * (size_t)r.x,
                     t->display.stride, &changed);
    }
    if (t->full)
        pixman_region32_copy(&changed, &t->damage);
    pixman_region32_clear(&t->damage);
    t->full = false;
    t->capturing = false;
    if (t->base.listener.captured)
        t->base.listener.captured(t->base.listener_arg, &changed, clock_monotonic_us());
    pixman_region32_fini(&changed);
}

/* Everything that a listener hears is told from here. */
static void on_timer(void *arg)
{
    struct source_test *t = arg;

    if (t->resize_w != 0) {
        set_size(t, t->resize_w, t->resize_h);
        t->resize_w = 0;
        t->told = false;
        if (t->base.listener.resized)
            t->base.listener.resized(t->base.listener_arg, t->frame.width, t->frame.height);
    }
    if (t->capturing)
        answer(t);
    if (!t->told && (t->full || pixman_region32_not_empty(&t->damage)) && t->base.listener.dirty) {
        t->told = true;
        t->base.listener.dirty(t->base.listener_arg);
    }
}

static void wake(struct source_test *t)
{
    loop_timer_start(t->timer, 0, 0);
}

void source_test_fill(struct source *source, const struct frame_rect *rect, uint32_t pixel)
{
    struct source_test *t = of(source);

    for (int y = rect->y; y < rect->y + rect->h; y++)
        for (int x = rect->x; x < rect->x + rect->w; x++)
            memcpy(t->display.pixels + (size_t)y * t->display.stride + 4 * (size_t)x, &pixel, 4);
    pixman_region32_union_rect(&t->damage, &t->damage, rect->x, rect->y, (unsigned)rect->w,
                               (unsigned)rect->h);
    wake(t);
}

void source_test_noise(struct source *source, const struct frame_rect *rect, uint32_t seed)
{
    struct source_test *t = of(source);

    for (int y = rect->y; y < rect->y + rect->h; y++) {
        for (int x = rect->x; x < rect->x + rect->w; x++) {
            uint32_t pixel = (seed + (uint32_t)y * 7919 + (uint32_t)x) * 2654435761u;

            memcpy(t->display.pixels + (size_t)y * t->display.stride + 4 * (size_t)x, &pixel, 4);
        }
    }
    pixman_region32_union_rect(&t->damage, &t->damage, rect->x, rect->y, (unsigned)rect->w,
                               (unsigned)rect->h);
    wake(t);
}

void source_test_cursor(struct source *source, const struct frame_cursor *cursor)
{
    if (source->listener.cursor)
        source->listener.cursor(source->listener_arg, cursor);
}

void source_test_copy(struct source *source, const char *text, size_t len)
{
    if (source->listener.clipboard)
        source->listener.clipboard(source->listener_arg, text, len);
}

const char *source_test_clipboard(struct source *source)
{
    return of(source)->clipboard;
}

void source_test_fail(struct source *source, int error)
{
    if (source->listener.failed)
        source->listener.failed(source->listener_arg, error);
}

const char *source_test_input(struct source *source)
{
    struct source_test *t = of(source);

    if (buf_append_u8(&t->input, 0) < 0)
        return "";
    t->input.len--;
    return (const char *)t->input.data;
}

unsigned source_test_captures(struct source *source)
{
    return of(source)->captures;
}

static const struct frame *test_frame(struct source *self)
{
    return &of(self)->frame;
}

static int test_capture(struct source *self)
{
    struct source_test *t = of(self);

    if (t->capturing)
        return -EBUSY;
    t->capturing = true;
    t->told = false;
    t->captures++;
    wake(t);
    return 0;
}

static int test_resize(struct source *self, int width, int height)
{
    struct source_test *t = of(self);

    if (width < 1 || height < 1 || width > FRAME_MAX_WIDTH || height > FRAME_MAX_HEIGHT)
        return -ERANGE;
    if (width == t->frame.width && height == t->frame.height)
        return 0;
    t->resize_w = width;
    t->resize_h = height;
    wake(t);
    return 0;
}

static void test_pointer(struct source *self, int x, int y, unsigned buttons)
{
    (void)buf_append_fmt(&of(self)->input, "p%d,%d,%u ", x, y, buttons);
}

static void test_wheel(struct source *self, int dx, int dy)
{
    (void)buf_append_fmt(&of(self)->input, "w%d,%d ", dx, dy);
}

static void test_key(struct source *self, uint32_t keysym, uint32_t keycode, bool down)
{
    (void)buf_append_fmt(&of(self)->input, "k%04x,%u,%d ", keysym, keycode, down);
}

static int test_clipboard(struct source *self, const char *text, size_t len)
{
    struct source_test *t = of(self);

    free(t->clipboard);
    t->clipboard = strndup(text, len);
    return t->clipboard ? 0 : -ENOMEM;
}

static void test_destroy(struct source *self)
{
    struct source_test *t = of(self);

    loop_timer_destroy(t->timer);
    pixman_region32_fini(&t->damage);
    buf_finish(&t->input);
    free(t->clipboard);
    free(t->frame.pixels);
    free(t->display.pixels);
    free(t);
}

int source_test_create(struct loop *loop, int width, int height, struct source **ret_source)
{
    static const struct source_ops ops = {test_frame, test_capture, test_resize,    test_pointer,
                                          test_wheel, test_key,     test_clipboard, test_destroy};
    struct source_test *t = xcalloc(1, sizeof(*t));
    int r = loop_timer_create(loop, on_timer, t, &t->timer);

    if (r < 0) {
        free(t);
        return r;
    }
    t->base.ops = &ops;
    pixman_region32_init(&t->damage);
    buf_init(&t->input, 1 << 20);
    set_size(t, width, height);
    wake(t);
    *ret_source = &t->base;
    return 0;
}
