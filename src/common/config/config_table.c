/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every property. xml-schemas/app.config.xsd and docs/protocol/configuration.md say the same and are compared
 * with this table by the unit test. */
#include "config/config.h"

#define STRING_MAX 4096

#define INTEGER(p, lo, hi, def, text)                                                                        \
    {                                                                                                        \
        .path = p, .type = "integer", .min = lo, .max = hi, .default_value = def, .help = text               \
    }
#define STRING(p, def, text)                                                                                 \
    {                                                                                                        \
        .path = p, .type = "string", .min = 0, .max = STRING_MAX, .default_value = def, .help = text         \
    }
#define SECRET(p, text)                                                                                      \
    {                                                                                                        \
        .path = p, .type = "string", .min = 0, .max = STRING_MAX, .default_value = "", .help = text,         \
        .secret = true                                                                                       \
    }
#define BOOLEAN(p, def, text)                                                                                \
    {                                                                                                        \
        .path = p, .type = "boolean", .default_value = def, .help = text                                     \
    }
#define WORD(p, words, def, text)                                                                            \
    {                                                                                                        \
        .path = p, .type = words, .default_value = def, .help = text                                         \
    }

/* clang-format off */
static const struct config_property table[] = {
    BOOLEAN("gateway.enabled", "true", "Whether the role \"all\" starts a gateway on this machine."),
    STRING("gateway.publicIP", "", "Address the public listeners bind; empty: all addresses."),
    INTEGER("gateway.port", 1, 65535, "9000", "Internal port: session hosts and streamers."),
    STRING("gateway.internalAddress", "127.0.0.1", "Address the internal port binds."),
    INTEGER("gateway.httpsPort", 0, 65535, "0", "Public port; 0: 443, else 8443, else base port + 443."),
    INTEGER("gateway.httpPort", 0, 65535, "0", "Port that redirects to https; 0: 80, else 8080, else base port + 80."),
    STRING("gateway.basePath", "", "Path prefix under which a reverse proxy shows the gateway, such as /desktops."),
    STRING("gateway.publicUrl", "", "Where browsers reach the browser client, as https://NAME:PORT/PREFIX; empty: https, the name that the client used, the gateway's own port and prefix."),
    STRING("gateway.allowedOrigins", "", "Further origins that may open WebSockets, separated by commas; our own always may."),
    STRING("gateway.trustedProxies", "", "Networks whose X-Forwarded-For is believed, separated by commas."),
    BOOLEAN("gateway.webClient", "true", "Whether the gateway serves the browser client."),
    STRING("gateway.certificateFile", "", "PEM certificate chain; empty: a self-signed one is made once."),
    STRING("gateway.privateKeyFile", "", "PEM private key of gateway.certificateFile."),
    STRING("gateway.sharedSecretFile", "", "The farm's key, 64 hexadecimal digits; empty: secrets/shared.key in the state directory."),
    BOOLEAN("gateway.elevateGatewayPriority", "false", "Run the gateway with a raised scheduling priority, where the system allows it."),
    WORD("gateway.loadBalancing.strategy", "RoundRobin|LeastConnections|Weighted", "RoundRobin", "How a new session's host is chosen."),
    INTEGER("gateway.loadBalancing.sessionAffinityTimeout", 0, 604800, "3600", "Seconds for which a user returns to the same host."),
    INTEGER("gateway.healthCheck.interval", 1, 3600, "10", "Seconds between two probes of a session host."),
    INTEGER("gateway.healthCheck.timeout", 1, 300, "8", "Seconds a probe may take."),
    INTEGER("gateway.healthCheck.failureThreshold", 1, 100, "4", "Failed probes in a row after which a host gets no new sessions."),
    INTEGER("gateway.healthCheck.successThreshold", 1, 100, "2", "Good probes in a row after which it gets sessions again."),
    STRING("gateway.backend.gatewayUrl", "", "Where a session host registers; empty: the gateway on this machine."),
    STRING("gateway.backend.advertisedUrl", "", "A session host's own URL; its port is the one it listens on; empty: http on this machine, base port + 5."),
    INTEGER("gateway.backend.heartbeatInterval", 1, 300, "10", "Seconds between two heartbeats of a session host."),
    INTEGER("gateway.backend.maxSessions", 0, 2000, "0", "Capacity a session host advertises; 0: the size of its pool."),

    STRING("webstreamSettings.serverPfxCertificateFile", "", "Certificate and key in one PKCS #12 file, instead of the two PEM files."),
    SECRET("webstreamSettings.serverPfxSecret", "Password of that file."),
    INTEGER("webstreamSettings.serverMaxSessionCount", 1, 2000, "10", "Sessions this host can run at a time."),
    STRING("webstreamSettings.serverSessionUsername", "webs", "Base name of the session accounts: webs01, webs02 and so on."),
    SECRET("webstreamSettings.serverSessionPwd", "Accepted for existing files and not used: the session accounts have no password."),
    INTEGER("webstreamSettings.basePortNumber", 1, 65000, "9000", "Base of this instance's ports: streamers listen on base + 10 n and base + 10 n + 1."),
    STRING("webstreamSettings.serverHttpPath", "", "Directory of static files; empty: the built-in browser client."),
    WORD("webstreamSettings.streamerMode", "performance|balanced|lean", "balanced", "What the encoder saves first: time, neither, bytes."),
    INTEGER("webstreamSettings.remoteCompressionLevel", 0, 2, "0", "0 fastest to 2 smallest."),
    INTEGER("webstreamSettings.remoteMaxDesktopWidth", 800, 7680, "3840", "Largest width of a desktop, in pixels."),
    INTEGER("webstreamSettings.remoteMaxDesktopHeight", 600, 4320, "2160", "Largest height of a desktop, in pixels."),
    BOOLEAN("webstreamSettings.elevateStreamerPriority", "false", "Run streamers with a raised scheduling priority, where the system allows it."),
    STRING("webstreamSettings.appRemoteStartExe", "", "Program to start in a session that asks for none; empty: the desktop."),
    STRING("webstreamSettings.appRemoteStartArgs", "", "Arguments of that program."),
    BOOLEAN("webstreamSettings.appRemoteAppMode", "false", "Show that program alone, without a desktop around it."),
    STRING("webstreamSettings.appRemoteAppChildAllowList", "", "Programs it may start in turn, separated by commas; empty: any."),
    INTEGER("webstreamSettings.remoteDesktopSettings.maxSessionDurationMinutes", 0, 525600, "0", "Longest life of a session; 0: no limit."),
    INTEGER("webstreamSettings.remoteDesktopSettings.idleTimeoutMinutes", 0, 525600, "0", "Minutes without input after which a session is suspended or ended; 0: never."),

    INTEGER("activityDetection.frameRateTarget", 1, 60, "12", "Pictures per second while there is activity."),
    INTEGER("activityDetection.frameRateIdle", 1, 30, "6", "Pictures per second while there is little."),
    INTEGER("activityDetection.activityThresholdKB", 1, 1024, "16", "Change per second, in KiB, that counts as activity."),
    INTEGER("activityDetection.activityIdleDelaySeconds", 1, 3600, "5", "Seconds without activity before the idle rate applies."),

    WORD("metrics.mode", "off|server", "off", "Whether telemetry is sent."),
    STRING("metrics.server.baseUrl", "", "URL of the metrics engine."),
    INTEGER("metrics.server.flushIntervalSeconds", 1, 3600, "10", "Seconds between two reports of a streamer."),

    STRING("activityLogging.serverUrl", "", "URL of the metrics engine for audit events."),
    INTEGER("activityLogging.batchIntervalSeconds", 1, 3600, "10", "Seconds over which input events are gathered."),

    WORD("accessManagement.mode", "builtin|standalone|external", "builtin", "Where users and rights are kept: in the gateway, in a role of its own, elsewhere."),
    STRING("accessManagement.url", "", "Its URL, when it is not built in."),
    INTEGER("accessManagement.httpPort", 1, 65535, "8090", "Port of the stand-alone role."),
    STRING("accessManagement.bindAddress", "127.0.0.1", "Address of the stand-alone role."),

    INTEGER("metricsEngine.httpPort", 1, 65535, "9009", "Port of the metrics engine."),
    STRING("metricsEngine.bindAddress", "0.0.0.0", "Address of the metrics engine."),
    INTEGER("metricsEngine.retentionDays", 1, 3650, "30", "Days for which raw samples are kept."),

    BOOLEAN("ovd.sessionManager", "true", "Whether the gateway answers to OVD clients and servers below /sessionmanager."),
    STRING("ovd.honouredArguments", "", "Arguments of startsession.php that are honoured, separated by commas: session_mode, language, windows_keymap, quality, persistent, shareable, desktop_icons, app_with_desktop, start_app, start_app_args, popup, debug, server."),
    WORD("ovd.defaultMode", "desktop|portal|external", "portal", "Mode of a session when none is asked for or honoured."),
    STRING("ovd.defaultLanguage", "en_GB", "Language of a session when none is asked for or honoured."),
    STRING("ovd.defaultKeymap", "en-us", "Keyboard of Windows applications when none is asked for or honoured."),
    WORD("ovd.defaultQuality", "lowest|medium|high|highest", "high", "Picture quality when none is asked for or honoured."),
    BOOLEAN("ovd.persistent", "false", "Whether sessions can be suspended when the request does not say."),
    BOOLEAN("ovd.shareable", "true", "Whether others can be invited when the request does not say."),
    BOOLEAN("ovd.desktopIcons", "true", "Whether applications are shown as icons on the desktop when the request does not say."),
    BOOLEAN("ovd.appWithDesktop", "false", "Whether an application that is started shows the desktop around it when the request does not say."),
    BOOLEAN("ovd.allowShell", "false", "Whether the desktop offers a command line."),
    BOOLEAN("ovd.allowProxy", "true", "Whether the proxy of a request is passed on to the client."),
    INTEGER("ovd.sessionTimeoutMs", -1, 31536000000, "86400000", "Milliseconds after which a session ends; -1: no limit."),
    STRING("ovd.timeoutMessage", "Your session ends in three minutes. Please save your work.", "What users read three minutes before."),
    WORD("ovd.actionWhenActiveSession", "refuse|join", "refuse", "What a user gets who has a running session already: a refusal, or an invitation to it."),
    STRING("ovd.authorizedFqdn", "*", "Names that Application Servers may announce, separated by commas; * stands for anything."),
    STRING("ovd.fqdnPrivateAddresses", "", "Addresses of servers that the name service does not know, as NAME=ADDRESS separated by commas."),
    BOOLEAN("ovd.disableFqdnCheck", "false", "Do not ask whether the address of a server leads back to its name."),
    BOOLEAN("ovd.fqdnUnanchored", "false", "Let a name of the list match anywhere in the announced one, as the original does."),
    BOOLEAN("ovd.fqdnOriginalCheck", "false", "Do not look up the announced name, and let ovd.disableFqdnCheck turn off every look-up, as the original does."),
    BOOLEAN("ovd.applicationServer", "true", "Whether a session host answers to OVD clients below /applicationserver."),
    INTEGER("ovd.applicationServerPort", 0, 65535, "0", "Port of a session host's Application Server; 0: 8082, else base port + 82. For the Session Manager also that of hosts that do not say theirs; 0: 8082."),
    STRING("ovd.serverName", "", "Name by which a session host's Application Server makes itself known; empty: the one in the host's own URL."),
    STRING("ovd.sessionManagerUrl", "", "Where an Application Server asks, as http://NAME/sessionmanager; empty: the control plane's internal port."),
    INTEGER("ovd.requestMs", 100, 600000, "10000", "Milliseconds within which an Application Server has to get an answer to what it asks."),
    INTEGER("ovd.guestAliveMs", 100, 86400000, "15000", "Milliseconds after its last question for which a guest is shown as present."),
    INTEGER("ovd.sshPort", 0, 65535, "0", "Port of a session host's SSH server for today's clients; 0: 2222, else base port + 222."),
    INTEGER("ovd.sshLegacyPort", 0, 65535, "0", "Port of the one that also speaks the algorithms of old clients; 0: 2223, else base port + 223."),
    BOOLEAN("ovd.sshLegacy", "true", "Whether there is that one."),
    STRING("ovd.externalName", "", "Name under which clients reach the session hosts; empty: each one's own, or this machine's as the client called it."),
    STRING("ovd.title", "Isthmus", "Name of the service in pages and mails."),
    INTEGER("ovd.tokenMs", 100, 86400000, "300000", "Milliseconds for which the token of a redirect is good."),
    INTEGER("ovd.invitationMs", 100, 86400000, "1800000", "Milliseconds for which an invitation is good."),
    INTEGER("ovd.staleSessionMs", 100, 86400000, "10000", "Milliseconds after which a session whose token nobody used gives way to a new one of its user."),
    INTEGER("ovd.cookieMs", 1000, 86400000, "1440000", "Milliseconds for which a login by cookie is good."),
    INTEGER("ovd.connectionTimeoutMs", 100, 86400000, "100000", "Milliseconds for which an OVD client may be silent, and within which it has to come; three times as long for one that has not asked for its display."),
    INTEGER("ovd.linkLossMs", 1, 86400000, "1000", "Milliseconds after the loss of its last SSH link at which the session of an OVD client is suspended when it may be resumed, else ended."),
    INTEGER("ovd.suspendedMs", 0, 31536000000, "0", "Milliseconds for which the suspended session of an OVD client is kept; 0: until its time limit."),
    INTEGER("ovd.timeLimitWarningMs", 0, 86400000, "180000", "Milliseconds before its time limit at which a session shows ovd.timeoutMessage; 0: never."),
    STRING("ovd.mailUrl", "", "Mail server for invitations, as smtp://HOST:PORT or smtps://HOST:PORT; empty: none."),
    STRING("ovd.mailFrom", "", "Sender of invitations."),
    STRING("ovd.mailUser", "", "Login at the mail server."),
    SECRET("ovd.mailPassword", "Password at the mail server."),

    STRING("isthmus.store", "", "Main store as a connection string, sqlite:FILE; empty: db/main.sqlite in the state directory."),
    WORD("isthmus.logLevel", "error|warn|info|debug", "info", "The least important events that are logged."),
    WORD("isthmus.logFormat", "text|json", "text", "One line of text or one JSON object for each event."),
    BOOLEAN("isthmus.sandbox", "true", "Run each session in a sandbox; false only where the system refuses namespaces."),
    BOOLEAN("isthmus.printing", "true", "Give each session a printer whose documents are offered to its user; needs CUPS."),
    INTEGER("isthmus.startTimeoutMs", 100, 600000, "20000", "Milliseconds a session may take to start."),
    INTEGER("isthmus.ownerGoneMs", 100, 86400000, "60000", "Milliseconds without a viewer after which a session is suspended when it may be resumed, else ended."),
    INTEGER("isthmus.suspendedMs", 100, 31536000000, "86400000", "Milliseconds for which a suspended session is kept."),
    INTEGER("isthmus.keeperOrphanMs", 1000, 86400000, "600000", "Milliseconds for which a session goes on while its session host is away; then its keeper ends it."),
    INTEGER("isthmus.selectExpiryMs", 100, 86400000, "120000", "Milliseconds within which a selected session has to be opened."),
    INTEGER("isthmus.frameRate", 1, 60, "30", "Most pictures per second."),
    INTEGER("isthmus.tokenLifetimeS", 1, 31536000, "43200", "Seconds for which a login is valid."),
};
/* clang-format on */

const struct config_property *config_properties(size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(table);
    return table;
}
