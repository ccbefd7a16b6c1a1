/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/whatsup.h"

#include "ovd/message/message_priv.h"

#define STATUS_MIN (-999)
#define STATUS_MAX 999

static const char *const flags[] = {"0", "1"};

static int read_status(struct ovd_reader *in, const struct xml_node *node)
{
    int64_t status = ovd__int(in, node, "status", STATUS_MIN, STATUS_MAX, INT64_MAX);

    if (node && status == INT64_MAX)
        ovd__refuse(in, node, "a status is missing");
    return (int)status;
}

static void read_running(struct ovd_reader *in, const struct xml_node *list, struct ovd_whatsup *whatsup)
{
    const struct xml_node *node = xml_first(list, "running");

    whatsup->running = ovd__array(in, list, "running", sizeof(*whatsup->running), OVD_INSTANCES_MAX,
                                  &whatsup->running_count);
    for (size_t i = 0; i < whatsup->running_count; i++, node = xml_next(node, "running")) {
        whatsup->running[i].job = ovd__id(in, node, "job");
        whatsup->running[i].app_id = ovd__id(in, node, "app_id");
        whatsup->running[i].status = read_status(in, node);
    }
}

static void read_sharing(struct ovd_reader *in, const struct xml_node *root, struct ovd_whatsup *whatsup)
{
    const struct xml_node *sharing = ovd__only(in, root, "sharing", false), *node;

    whatsup->has_sharing = sharing != NULL;
    whatsup->shares =
        ovd__array(in, sharing, "share", sizeof(*whatsup->shares), OVD_SHARES_MAX, &whatsup->share_count);
    node = sharing ? xml_first(sharing, "share") : NULL;
    for (size_t i = 0; i < whatsup->share_count; i++, node = xml_next(node, "share")) {
        struct ovd_whatsup_share *share = &whatsup->shares[i];

        share->email = ovd__str(in, node, "email", OVD_LINE_MAX);
        share->mode = ovd__word(in, node, "mode", ovd_guest_mode_words, ARRAY_SIZE(ovd_guest_mode_words), 0);
        share->joined = ovd__word(in, node, "joined", flags, 2, 0) == 1;
        share->alive = ovd__word(in, node, "alive", flags, 2, 0) == 1;
        if (!share->email)
            ovd__refuse(in, node, "a share needs email");
    }
}

static void read_whatsup(struct ovd_reader *in, const struct xml_node *root, struct ovd_whatsup *whatsup)
{
    const struct xml_node *application = ovd__only(in, root, "application", false);
    const struct xml_node *applications = ovd__only(in, root, "applications", false);
    const struct xml_node *print = ovd__only(in, root, "print", false);

    whatsup->status = read_status(in, root);
    whatsup->single = application != NULL;
    if (!application == !applications)
        ovd__refuse(in, root, "either application or applications has to be there");
    else if (application)
        whatsup->application_status = read_status(in, application);
    else
        read_running(in, applications, whatsup);
    if (print) {
        whatsup->print_path = ovd__str(in, print, "path", OVD_LINE_MAX);
        whatsup->print_time = ovd__int(in, print, "time", 0, INT64_MAX, 0);
        if (!whatsup->print_path)
            ovd__refuse(in, print, "print needs path");
    }
    read_sharing(in, root, whatsup);
}

int ovd_whatsup_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                      struct ovd_whatsup *ret_whatsup)
{
    struct ovd_whatsup whatsup = {0};
    struct ovd_reader in;
    const struct xml_node *root = ovd__open(&in, "ovd-whatsup-received", "session", data, len, problem, arg);
    int r;

    if (root)
        read_whatsup(&in, root, &whatsup);
    r = ovd__close(&in);
    if (r < 0)
        ovd_whatsup_finish(&whatsup);
    else
        *ret_whatsup = whatsup;
    return r;
}

static void put_running(struct ovd_writer *w, const struct ovd_whatsup *whatsup)
{
    ovd__raw(w, whatsup->running_count > 0 ? "<applications>" : "<applications/>");
    for (size_t i = 0; i < whatsup->running_count; i++) {
        ovd__raw(w, "<running");
        ovd__put(w, "job", whatsup->running[i].job);
        ovd__put(w, "app_id", whatsup->running[i].app_id);
        ovd__put_int(w, "status", whatsup->running[i].status);
        ovd__raw(w, "/>");
    }
    ovd__raw(w, whatsup->running_count > 0 ? "</applications>" : "");
}

static void put_sharing(struct ovd_writer *w, const struct ovd_whatsup *whatsup)
{
    ovd__raw(w, "<sharing");
    ovd__put_int(w, "count", (int64_t)whatsup->share_count);
    ovd__raw(w, whatsup->share_count > 0 ? ">" : "/>");
    for (size_t i = 0; i < whatsup->share_count; i++) {
        const struct ovd_whatsup_share *share = &whatsup->shares[i];

        ovd__raw(w, "<share");
        ovd__put(w, "email", share->email);
        ovd__put_word(w, "mode", ovd_guest_mode_words, ARRAY_SIZE(ovd_guest_mode_words), (int)share->mode);
        ovd__put_word(w, "joined", flags, 2, share->joined);
        ovd__put_word(w, "alive", flags, 2, share->alive);
        ovd__raw(w, "/>");
    }
    ovd__raw(w, whatsup->share_count > 0 ? "</sharing>" : "");
}

int ovd_whatsup_build(const struct ovd_whatsup *whatsup, struct buf *out)
{
    struct ovd_writer w;

    ovd__begin(&w, out);
    ovd__raw(&w, "<session");
    ovd__put_int(&w, "status", whatsup->status);
    ovd__raw(&w, ">");
    if (whatsup->single) {
        ovd__raw(&w, "<application");
        ovd__put_int(&w, "status", whatsup->application_status);
        ovd__raw(&w, "/>");
    } else {
        put_running(&w, whatsup);
    }
    if (whatsup->print_path) {
        ovd__raw(&w, "<print");
        ovd__put(&w, "path", whatsup->print_path);
        ovd__put_int(&w, "time", whatsup->print_time);
        ovd__raw(&w, "/>");
    }
    if (whatsup->has_sharing)
        put_sharing(&w, whatsup);
    ovd__raw(&w, "</session>");
    return ovd__end(&w);
}

void ovd_whatsup_finish(struct ovd_whatsup *whatsup)
{
    if (!whatsup)
        return;
    for (size_t i = 0; i < whatsup->running_count; i++) {
        free(whatsup->running[i].job);
        free(whatsup->running[i].app_id);
    }
    free(whatsup->running);
    free(whatsup->print_path);
    for (size_t i = 0; i < whatsup->share_count; i++)
        free(whatsup->shares[i].email);
    free(whatsup->shares);
    *whatsup = (struct ovd_whatsup){0};
}
