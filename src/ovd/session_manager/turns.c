/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests that may check a password, which takes a core and a worker thread for a while, or send a mail,
 * which takes a worker for as long as the mail server likes. So few of a lane run at a time, and the others
 * wait here on the loop, where they cost next to nothing: a class that logs in at nine o'clock gets in, and
 * the workers stay free for everybody else. */
#include <utlist.h>

#include "base/clock.h"
#include "ovd/session_manager/manager_priv.h"

#define RUNNING_MAX 2 /* of a lane */
#define WAITING_MAX 256
#define WAITING_PER_ADDRESS_MAX 128 /* nobody alone fills the queue */
#define WAIT_MAX_MS 20000
#define LOOK_MS 500

struct sm_turn {
    struct manager *manager;
    enum sm_lane lane;
    struct http_request *request;
    void (*run)(struct http_request *r, void *ctx);
    void (*refuse)(struct http_request *r, void *ctx);
    char prefix[ADDR_TEXT_LEN];
    uint64_t deadline; /* monotonic ms */
    bool has_place, has_run;
    struct sm_turn *prev, *next;
};

static void go_on(void *arg);

/* With the request. A turn whose worker never ran (none was free, the server is gone) gives its place back
 * here. */
static void turn_free(void *data)
{
    struct sm_turn *turn = data;
    if (turn->has_place && !turn->has_run)
        turn->manager->lanes[turn->lane].running--;
    free(turn);
}

static void leave(struct manager *m, enum sm_lane lane)
{
    m->lanes[lane].running--;
    go_on(m);
}

static void leave_login(void *arg)
{
    leave(arg, SM_LANE_LOGIN);
}

static void leave_mail(void *arg)
{
    leave(arg, SM_LANE_MAIL);
}

static void run_on_worker(struct http_request *r, void *ctx)
{
    struct manager *m = ctx;
    struct sm_turn *turn = http_data(r);
    enum sm_lane lane = turn->lane;
    turn->has_run = true;
    turn->run(r, m);
    loop_post(m->s.loop, lane == SM_LANE_MAIL ? leave_mail : leave_login, m);
}

static void remove_turn(struct sm_turn *turn)
{
    struct manager *m = turn->manager;
    DL_DELETE(m->lanes[turn->lane].turns, turn);
    m->lanes[turn->lane].waiting--;
}

/* True when nobody of the lane waits any more. */
static bool go_on_in(struct manager *m, enum sm_lane lane)
{
    struct sm_turn *turn;
    while ((turn = m->lanes[lane].turns)) {
        bool late = turn->deadline <= clock_monotonic_ms(NULL) || http_is_gone(turn->request);
        if (!m->stopping && !late && m->lanes[lane].running >= RUNNING_MAX)
            return false;
        remove_turn(turn);
        if (m->stopping || late) {
            turn->refuse(turn->request, m); /* the request, and the turn with it, may be gone now */
            continue;
        }
        m->lanes[lane].running++;
        turn->has_place = true;
        http_work(turn->request, run_on_worker);
    }
    return true;
}

static void go_on(void *arg)
{
    struct manager *m = arg;
    bool idle = true;
    for (enum sm_lane lane = 0; lane < SM_LANE_COUNT; lane++)
        idle = go_on_in(m, lane) && idle;
    if (idle && m->turn_timer) /* not when the last worker is done after the stop */
        loop_timer_stop(m->turn_timer);
}

int sm_turns_start(struct manager *m)
{
    return loop_timer_create(m->s.loop, go_on, m, &m->turn_timer);
}

void sm_turns_stop(struct manager *m)
{
    m->stopping = true;
    go_on(m);
    m->turn_timer = loop_timer_destroy(m->turn_timer);
}

void sm_turn_wait(struct manager *m, enum sm_lane lane, struct http_request *r,
                  void (*run)(struct http_request *r, void *ctx),
                  void (*refuse)(struct http_request *r, void *ctx))
{
    struct sm_turn *turn = xcalloc(1, sizeof(*turn));
    char client[ADDR_TEXT_LEN];
    unsigned same = 0;
    const struct sm_turn *other;
    *turn = (struct sm_turn){.manager = m,
                             .lane = lane,
                             .request = r,
                             .run = run,
                             .refuse = refuse,
                             .deadline = clock_monotonic_ms(NULL) + WAIT_MAX_MS};
    http_set_data(r, turn, turn_free);
    m->s.client_address(m->s.process, r, client);
    addr_prefix(client, turn->prefix);
    DL_FOREACH(m->lanes[lane].turns, other)
    {
        same += strcmp(other->prefix, turn->prefix) == 0;
    }
    if (m->stopping || m->lanes[lane].waiting >= WAITING_MAX || same >= WAITING_PER_ADDRESS_MAX) {
        refuse(r, m);
        return;
    }
    http_defer(r);
    DL_APPEND(m->lanes[lane].turns, turn);
    m->lanes[lane].waiting++;
    loop_timer_start(m->turn_timer, LOOK_MS, LOOK_MS);
    go_on(m);
}
