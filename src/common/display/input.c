/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/input.h"

#define NOTCH 120

void input_group_init(struct input_group *group, struct source *source)
{
    *group = (struct input_group){.source = source};
}

static void on_key(void *arg, uint32_t keysym, uint32_t keycode, bool down)
{
    struct input *input = arg;

    source_key(input->group->source, keysym, keycode, down);
}

void input_open(struct input *input, struct input_group *group)
{
    *input = (struct input){.group = group, .next = group->first};
    keyboard_init(&input->keyboard, on_key, input);
    group->first = input;
}

static void group_point(struct input_group *group, int x, int y)
{
    const struct frame *frame = source_frame(group->source);
    unsigned buttons = 0;

    for (const struct input *i = group->first; i; i = i->next)
        buttons |= i->buttons;
    group->x = CLAMP(x, 0, frame->width - 1);
    group->y = CLAMP(y, 0, frame->height - 1);
    source_pointer(group->source, group->x, group->y, buttons);
}

static void release(struct input *input)
{
    keyboard_release(&input->keyboard);
    if (input->buttons != 0) {
        input->buttons = 0;
        group_point(input->group, input->group->x, input->group->y);
    }
    input->wheel_x = input->wheel_y = 0;
}

void input_close(struct input *input)
{
    if (!input->group)
        return;
    release(input);
    for (struct input **at = &input->group->first; *at; at = &(*at)->next) {
        if (*at == input) {
            *at = input->next;
            break;
        }
    }
    input->group = NULL;
}

static void wheel(struct input *input, const struct control_message *m)
{
    int dx, dy;

    if (m->x != input->group->x || m->y != input->group->y)
        group_point(input->group, m->x, m->y);
    input->wheel_x += m->dx;
    input->wheel_y += m->dy;
    dx = input->wheel_x / NOTCH;
    dy = input->wheel_y / NOTCH;
    input->wheel_x -= dx * NOTCH;
    input->wheel_y -= dy * NOTCH;
    if (dx != 0 || dy != 0)
        source_wheel(input->group->source, dx, dy);
}

int input_message(struct input *input, const struct control_message *message)
{
    switch (message->type) {
    case CONTROL_POINTER:
        input->buttons = message->buttons;
        group_point(input->group, message->x, message->y);
        return 0;
    case CONTROL_WHEEL:
        wheel(input, message);
        return 0;
    case CONTROL_KEY:
        keyboard_key(&input->keyboard, message->code, message->key, message->down);
        return 0;
    case CONTROL_TEXT:
        keyboard_text(&input->keyboard, message->text);
        return 0;
    case CONTROL_RELEASE_KEYS:
        release(input);
        return 0;
    case CONTROL_RESIZE:
    case CONTROL_PING:
        break;
    }
    return -ENOTSUP;
}
