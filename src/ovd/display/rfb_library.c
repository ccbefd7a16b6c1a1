/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/display/rfb_library_priv.h"

#include <pthread.h>
#include <rfb/rfb.h>
#include <stdatomic.h>

/* Who wants to be alone is not kept waiting by those who come later. */
static pthread_rwlock_t inside = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

void rfb_library_enter(void)
{
    (void)pthread_rwlock_rdlock(&inside);
}

void rfb_library_enter_alone(void)
{
    (void)pthread_rwlock_wrlock(&inside);
}

void rfb_library_leave(void)
{
    (void)pthread_rwlock_unlock(&inside);
}

static void no_log(const char *format, ...)
{
    (void)format;
}

void rfb_library_silence(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    if (atomic_flag_test_and_set(&done))
        return;
    rfbLogEnable(0);
    rfbLog = rfbErr = no_log;
}
