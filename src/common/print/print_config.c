/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What cupsd reads at its start. All of it lies in a directory of the session and is thrown away with it. */
#include <fcntl.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/file.h"
#include "print/print_backend.h"
#include "print/print_priv.h"

#define FILE_MAX 16384

static const struct paper {
    const char *name;
    int width, height; /* points */
} papers[] = {{"A4", 595, 842},  {"Letter", 612, 792},    {"Legal", 612, 1008},
              {"A3", 842, 1191}, {"A5", 420, 595},        {"A6", 297, 420},
              {"B5", 499, 709},  {"Executive", 522, 756}, {"Tabloid", 792, 1224}};

/* Everybody who reaches the socket is the session itself. Nothing is kept of a job that is done. */
static const char server_text[] = "Listen %s\n"
                                  "DefaultAuthType None\n"
                                  "Browsing No\n"
                                  "WebInterface No\n"
                                  "LogLevel error\n"
                                  "AccessLogLevel none\n"
                                  "PreserveJobHistory No\n"
                                  "PreserveJobFiles No\n"
                                  "MaxJobs 100\n"
                                  "MaxClients 50\n"
                                  "MaxRequestSize 256m\n"
                                  "MaxJobTime 300\n"
                                  "IdleExitTimeout 60\n"
                                  "DefaultShared No\n"
                                  "<Location />\n"
                                  "Order allow,deny\n"
                                  "Allow all\n"
                                  "</Location>\n"
                                  "<Policy default>\n"
                                  "<Limit All>\n"
                                  "Order deny,allow\n"
                                  "</Limit>\n"
                                  "</Policy>\n";

static const char files_text[] = "User %u\n"
                                 "Group %u\n"
                                 "ServerRoot %s\n"
                                 "RequestRoot %s/jobs\n"
                                 "CacheDir %s/cache\n"
                                 "StateDir %s/state\n"
                                 "TempDir %s/temp\n"
                                 "ServerBin %s/programs\n"
                                 "DocumentRoot %s/state\n"
                                 "ErrorLog stderr\n"
                                 "AccessLog %s/state/access_log\n"
                                 "PageLog %s/state/page_log\n"
                                 "FatalErrors config\n";

/* A printer that is always there; a job that fails is gone and stops nobody. */
static const char printers_text[] = "<DefaultPrinter PDF>\n"
                                    "Info PDF document\n"
                                    "MakeModel Isthmus PDF\n"
                                    "DeviceURI " PRINT_BACKEND_SCHEME ":%s\n"
                                    "State Idle\n"
                                    "Accepting Yes\n"
                                    "Shared No\n"
                                    "JobSheets none none\n"
                                    "OpPolicy default\n"
                                    "ErrorPolicy abort-job\n"
                                    "</DefaultPrinter>\n";

static const char printer_head[] = "*PPD-Adobe: \"4.3\"\n"
                                   "*FormatVersion: \"4.3\"\n"
                                   "*FileVersion: \"1.0\"\n"
                                   "*LanguageVersion: English\n"
                                   "*LanguageEncoding: ISOLatin1\n"
                                   "*PCFileName: \"ISTHMUS.PPD\"\n"
                                   "*Manufacturer: \"Isthmus\"\n"
                                   "*Product: \"(Isthmus PDF)\"\n"
                                   "*ModelName: \"Isthmus PDF\"\n"
                                   "*ShortNickName: \"Isthmus PDF\"\n"
                                   "*NickName: \"Isthmus PDF\"\n"
                                   "*PSVersion: \"(3010.000) 0\"\n"
                                   "*LanguageLevel: \"3\"\n"
                                   "*ColorDevice: True\n"
                                   "*DefaultColorSpace: RGB\n"
                                   "*FileSystem: False\n"
                                   "*Throughput: \"1\"\n"
                                   "*LandscapeOrientation: Plus90\n"
                                   "*TTRasterizer: Type42\n"
                                   "*cupsVersion: 2.4\n"
                                   "*cupsFilter2: \"application/vnd.cups-pdf application/pdf 0 -\"\n";

static int write_text(int dir_fd, const char *name, struct buf *b)
{
    cleanup_free char *text = buf_steal_str(b);
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    ssize_t len = (ssize_t)strlen(text);
    int r = write(fd, text, (size_t)len) == len ? 0 : -EIO;
    close(fd);
    return r;
}

/* One of the two lists of papers that a description has. */
static int add_papers(struct buf *b, const char *option)
{
    int r = buf_append_fmt(b,
                           "*OpenUI *%s/Media Size: PickOne\n*OrderDependency: 10 AnySetup *%s\n*Default%s: "
                           "A4\n",
                           option, option, option);
    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(papers); i++)
        r = buf_append_fmt(b, "*%s %s: \"<</PageSize[%d %d]/ImagingBBox null>>setpagedevice\"\n", option,
                           papers[i].name, papers[i].width, papers[i].height);
    return r < 0 ? r : buf_append_fmt(b, "*CloseUI: *%s\n", option);
}

static int add_areas(struct buf *b)
{
    int r = buf_append_str(b, "*DefaultImageableArea: A4\n");
    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(papers); i++)
        r = buf_append_fmt(b, "*ImageableArea %s: \"0 0 %d %d\"\n", papers[i].name, papers[i].width,
                           papers[i].height);
    if (r >= 0)
        r = buf_append_str(b, "*DefaultPaperDimension: A4\n");
    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(papers); i++)
        r = buf_append_fmt(b, "*PaperDimension %s: \"%d %d\"\n", papers[i].name, papers[i].width,
                           papers[i].height);
    return r;
}

static int write_printer(int dir_fd)
{
    struct buf b;
    buf_init(&b, FILE_MAX);
    int r = buf_append_str(&b, printer_head);
    if (r >= 0)
        r = add_papers(&b, "PageSize");
    if (r >= 0)
        r = add_papers(&b, "PageRegion");
    if (r >= 0)
        r = add_areas(&b);
    if (r >= 0)
        r = write_text(dir_fd, "ppd/PDF.ppd", &b);
    buf_finish(&b);
    return r;
}

/* Directories of cupsd's, and its programs: the machine's filters, what starts them, and our own backend,
 * which is this very binary. The kernel's link to it works where the binary's path is out of sight. */
static int make_directories(int dir_fd)
{
    static const char *const names[] = {"jobs", "cache",    "state",           "temp",
                                        "ppd",  "programs", "programs/backend"};
    cleanup_free char *self = xasprintf("/proc/%d/exe", (int)getpid());
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (mkdirat(dir_fd, names[i], 0700) < 0)
            return -errno;
    }
    if (symlinkat(PRINT_FILTERS, dir_fd, "programs/filter") < 0 ||
        symlinkat(PRINT_STARTER, dir_fd, "programs/daemon") < 0 ||
        symlinkat(self, dir_fd, "programs/backend/" PRINT_BACKEND_SCHEME) < 0 ||
        faccessat(dir_fd, "programs/backend/" PRINT_BACKEND_SCHEME, X_OK, 0) < 0)
        return -errno;
    return 0;
}

int print_config_write(const char *dir, const char *spool, const char *socket)
{
    cleanup_close int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir_fd < 0)
        return -errno;
    struct buf b;
    buf_init(&b, FILE_MAX);
    int r = make_directories(dir_fd);
    if (r >= 0)
        r = buf_append_fmt(&b, server_text, socket);
    if (r >= 0)
        r = write_text(dir_fd, "cupsd.conf", &b);
    if (r >= 0)
        r = buf_append_fmt(&b, files_text, (unsigned)getuid(), (unsigned)getgid(), dir, dir, dir, dir, dir,
                           dir, dir, dir, dir);
    if (r >= 0)
        r = write_text(dir_fd, "cups-files.conf", &b);
    if (r >= 0)
        r = buf_append_fmt(&b, printers_text, spool);
    if (r >= 0)
        r = write_text(dir_fd, "printers.conf", &b);
    buf_finish(&b);
    return r < 0 ? r : write_printer(dir_fd);
}
