/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The built-in policy sets, documents as in spec/webstream.md section 6. */
#include "identity/identity_priv.h"

/* clang-format off */
#define RESOURCES(memory, cpu, fps)                                                                          \
    "{\"priority\":\"normal\",\"hostPlacement\":\"auto\",\"maxMemoryMB\":" memory ",\"maxCpuPercent\":" cpu "," \
    "\"maxDesktopWidth\":3840,\"maxDesktopHeight\":2160,\"frameRateTarget\":" fps ",\"frameRateIdle\":6,"    \
    "\"enableAdaptiveFrameRate\":true,\"activityThresholdKB\":16,\"streamerMode\":\"balanced\"}"
#define DIALOGS \
    "\"dialogs\":{\"headlessEnabled\":true,\"browserTimeoutSeconds\":120,\"fallbackToNative\":true,"         \
    "\"downloadToastDurationSeconds\":5}"
#define DIALOGS_ONLY_BROWSER \
    "\"dialogs\":{\"headlessEnabled\":true,\"browserTimeoutSeconds\":60,\"fallbackToNative\":false,"         \
    "\"downloadToastDurationSeconds\":3}"
#define MEDIA \
    "\"audio\":{\"enabled\":true,\"captureMode\":\"auto\"},"                                                 \
    "\"recording\":{\"enabled\":false,\"includeAudio\":false}"

const struct policy_template policy_templates[] = {
    {
        .name = "notrust",
        .description = "Nothing leaves the session: no clipboard, files or printing, no network",
        .security =
            "{\"clipboard\":{\"enabled\":false},"
            "\"fileSystem\":{\"trustLevel\":\"noTrust\",\"allowedPaths\":[],\"blockedPaths\":[],\"virtualShares\":[]},"
            "\"dataTransfer\":{\"clientUploadEnabled\":false,\"clientDownloadEnabled\":false,\"maxFileSizeBytes\":104857600},"
            "\"printing\":{\"enabled\":false,\"allowPhysicalPrinters\":false,\"maxOutputSizeBytes\":null},"
            "\"network\":{\"isolated\":true,\"allowedDomains\":[],\"blockedDomains\":[],\"allowLoopback\":true},"
            "\"childProcessPolicy\":{\"allowChildProcesses\":false,\"allowList\":[],\"blockList\":[],\"silentBlocking\":false},"
            DIALOGS_ONLY_BROWSER "}",
        .session =
            "{\"idleTimeoutSeconds\":900,\"maxSessionsPerUser\":1,\"allowReconnect\":false,\"disconnectOnIdle\":true,"
            "\"maxSessionDurationSeconds\":28800," MEDIA "}",
        .resources = RESOURCES("2048", "50", "12"),
    },
    {
        .name = "lowtrust",
        .description = "Work with own documents: copy in, upload and print, nothing is taken out",
        .security =
            "{\"clipboard\":{\"enabled\":true,\"direction\":\"clientToServer\",\"maxSizeBytes\":1048576},"
            "\"fileSystem\":{\"trustLevel\":\"lowTrust\",\"allowedPaths\":[],\"blockedPaths\":[],\"virtualShares\":[]},"
            "\"dataTransfer\":{\"clientUploadEnabled\":true,\"clientDownloadEnabled\":false,\"maxFileSizeBytes\":104857600},"
            "\"printing\":{\"enabled\":true,\"allowPhysicalPrinters\":false,\"maxOutputSizeBytes\":null},"
            "\"network\":{\"isolated\":false,\"allowedDomains\":[],\"blockedDomains\":[],\"allowLoopback\":true},"
            "\"childProcessPolicy\":{\"allowChildProcesses\":false,\"allowList\":[],\"blockList\":[],\"silentBlocking\":false},"
            DIALOGS_ONLY_BROWSER "}",
        .session =
            "{\"idleTimeoutSeconds\":3600,\"maxSessionsPerUser\":3,\"allowReconnect\":true,\"disconnectOnIdle\":false,"
            "\"maxSessionDurationSeconds\":43200," MEDIA "}",
        .resources = RESOURCES("4096", "75", "12"),
    },
    {
        .name = "fulltrust",
        .description = "Everything the session's account may do, with clipboard, files and printing",
        .security =
            "{\"clipboard\":{\"enabled\":true,\"direction\":\"bidirectional\",\"maxSizeBytes\":1048576},"
            "\"fileSystem\":{\"trustLevel\":\"fullTrust\",\"allowedPaths\":[],\"blockedPaths\":[],\"virtualShares\":[]},"
            "\"dataTransfer\":{\"clientUploadEnabled\":true,\"clientDownloadEnabled\":true,\"maxFileSizeBytes\":104857600},"
            "\"printing\":{\"enabled\":true,\"allowPhysicalPrinters\":false,\"maxOutputSizeBytes\":null},"
            "\"network\":{\"isolated\":false,\"allowedDomains\":[],\"blockedDomains\":[],\"allowLoopback\":true},"
            "\"childProcessPolicy\":{\"allowChildProcesses\":true,\"allowList\":[\"*.*\"],\"blockList\":[],\"silentBlocking\":false},"
            DIALOGS "}",
        .session =
            "{\"idleTimeoutSeconds\":28800,\"maxSessionsPerUser\":5,\"allowReconnect\":true,\"disconnectOnIdle\":false,"
            "\"remoteDesktop\":{\"showTaskbar\":true,\"showDesktopIcons\":true,\"enableNotifications\":true,"
            "\"allowUserDisconnect\":true,\"blockSystemShutdown\":true}," MEDIA "}",
        .resources = RESOURCES("8192", "100", "30"),
    },
    {
        .name = "disposable",
        .description = "A kiosk: nothing persists, nothing comes in or goes out",
        .security =
            "{\"clipboard\":{\"enabled\":false},"
            "\"fileSystem\":{\"trustLevel\":\"disposable\",\"allowedPaths\":[],\"blockedPaths\":[],\"virtualShares\":[]},"
            "\"dataTransfer\":{\"clientUploadEnabled\":false,\"clientDownloadEnabled\":false,\"maxFileSizeBytes\":104857600},"
            "\"printing\":{\"enabled\":false,\"allowPhysicalPrinters\":false,\"maxOutputSizeBytes\":null},"
            "\"network\":{\"isolated\":false,\"allowedDomains\":[],\"blockedDomains\":[],\"allowLoopback\":true},"
            "\"childProcessPolicy\":{\"allowChildProcesses\":false,\"allowList\":[],\"blockList\":[],\"silentBlocking\":true},"
            DIALOGS_ONLY_BROWSER "}",
        .session =
            "{\"idleTimeoutSeconds\":600,\"maxSessionsPerUser\":1,\"allowReconnect\":false,\"disconnectOnIdle\":true,"
            "\"maxSessionDurationSeconds\":14400,"
            "\"sessionIsolation\":{\"profileCleanup\":true,\"registryRestore\":true}," MEDIA "}",
        .resources = RESOURCES("2048", "50", "12"),
    },
};
/* clang-format on */
const size_t policy_template_count = ARRAY_SIZE(policy_templates);

int identity_read_policy(struct store_rows *rows, int first_column, json_t **ret_policy)
{
    static const char *const roots[] = {"security", "session", "resources"};
    json_t *policy = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
        char error[JSON_ERROR_LEN];
        json_t *part = NULL;
        const char *text = store_text(rows, first_column + (int)i);
        int r = text ? json_read(text, strlen(text), &part, error) : -EINVAL;
        if (r == 0 && !json_is_object(part)) {
            json_decref(part);
            r = -EINVAL;
        }
        if (r < 0 || json_object_set_new(policy, roots[i], part) < 0) {
            json_decref(policy);
            return -EIO;
        }
    }
    *ret_policy = policy;
    return 0;
}
