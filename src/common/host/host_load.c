/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host/host_load.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"

double host_load_cpu(struct host_load *load)
{
    cleanup_free char *text = NULL;
    size_t len;
    unsigned long long user, nice, system, idle, wait = 0, irq = 0, soft = 0, steal = 0;
    if (file_read(AT_FDCWD, "/proc/stat", 1024 * 1024, &text, &len) < 0 ||
        sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait, &irq,
               &soft, &steal) < 4)
        return 0;
    uint64_t busy = user + nice + system + irq + soft + steal;
    uint64_t total = busy + idle + wait;
    uint64_t busy_now = busy - load->busy, total_now = total - load->total;
    bool first = load->total == 0;
    load->busy = busy;
    load->total = total;
    return first || total_now == 0 || busy_now > total_now ? 0 : 100.0 * (double)busy_now / (double)total_now;
}

double host_load_memory(void)
{
    cleanup_free char *text = NULL;
    size_t len;
    unsigned long long total = 0, available = 0;
    if (file_read(AT_FDCWD, "/proc/meminfo", 65536, &text, &len) < 0)
        return 0;
    const char *total_line = strstr(text, "MemTotal:"), *available_line = strstr(text, "MemAvailable:");
    if (!total_line || !available_line || sscanf(total_line, "MemTotal: %llu", &total) != 1 ||
        sscanf(available_line, "MemAvailable: %llu", &available) != 1 || total == 0 || available > total)
        return 0;
    return 100.0 * (double)(total - available) / (double)total;
}
