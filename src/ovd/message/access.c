/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/access.h"

#include <stdio.h>
#include <strings.h>

#include "base/str.h"
#include "ovd/message/message_priv.h"

#define SIDE_MAX 65535

/* The public description writes yes and no, the original Yes and No. */
static bool read_yes(struct ovd_reader *in, const struct xml_node *node, const char *name)
{
    cleanup_free char *value = ovd__str(in, node, name, OVD_ID_MAX);

    if (!value || strcasecmp(value, "no") == 0)
        return false;
    if (strcasecmp(value, "yes") != 0)
        ovd__refuse(in, node, "neither yes nor no");
    return true;
}

static void read_ssh(struct ovd_reader *in, const struct xml_node *ssh, struct ovd_access *access)
{
    /* The public description puts the ports into an element of their own. */
    const struct xml_node *wrapper = ovd__only(in, ssh, "ports", false);
    const struct xml_node *list = wrapper ? wrapper : ssh;
    const struct xml_node *node = list ? xml_first(list, "port") : NULL;

    access->ssh_host = ovd__str(in, ssh, "host", OVD_LINE_MAX);
    access->ssh_user = ovd__str(in, ssh, "user", OVD_ID_MAX);
    access->ssh_password = ovd__str(in, ssh, "passwd", OVD_ID_MAX);
    for (; node; node = xml_next(node, "port")) {
        cleanup_free char *text = ovd__text(in, node, OVD_ID_MAX);
        int64_t port = 0;

        if (!text || str_to_int(text, 1, 65535, &port) < 0 || access->ssh_port_count == OVD_PORTS_MAX) {
            ovd__refuse(in, node, "no port, or too many of them");
            return;
        }
        access->ssh_ports[access->ssh_port_count++] = (uint16_t)port;
    }
    if (!access->ssh_host || !access->ssh_user || !access->ssh_password)
        ovd__refuse(in, ssh, "ssh needs host, user and passwd");
}

static void read_vnc(struct ovd_reader *in, const struct xml_node *vnc, struct ovd_access *access)
{
    const struct xml_node *child = ovd__only(in, vnc, "quality", false);
    cleanup_free char *word = ovd__str(in, vnc, "quality", OVD_ID_MAX);

    access->has_vnc = vnc != NULL;
    access->quality = ovd_quality_read(word);
    if (!vnc)
        return;
    access->vnc_port = (int)ovd__int(in, vnc, "port", 0, 65535, 0);
    access->vnc_password = ovd__str(in, vnc, "passwd", OVD_ID_MAX);
    if (!access->vnc_password)
        ovd__refuse(in, vnc, "vnc needs passwd");
    access->both_forms = child && word;
    if (child && !word) {
        const struct ovd_quality_settings settings = {
            .compression = (int)ovd__int(in, child, "compression_level", 0, 9, 9),
            .jpeg = (int)ovd__int(in, child, "jpeg_image_quality", 0, 9, 8),
            .restricted_colors = read_yes(in, child, "restricted_colors"),
        };

        access->quality = ovd_quality_nearest(&settings);
    }
}

static void read_proxy(struct ovd_reader *in, const struct xml_node *proxy, struct ovd_access *access)
{
    access->proxy_type = ovd__str(in, proxy, "type", OVD_ID_MAX);
    access->proxy_host = ovd__str(in, proxy, "host", OVD_LINE_MAX);
    access->proxy_port = ovd__str(in, proxy, "port", OVD_ID_MAX);
    access->proxy_username = ovd__str(in, proxy, "username", OVD_LINE_MAX);
    access->proxy_password = ovd__str(in, proxy, "password", OVD_LINE_MAX);
    if (proxy && (!access->proxy_type || !access->proxy_host))
        ovd__refuse(in, proxy, "proxy needs type and host");
}

static void read_access(struct ovd_reader *in, const struct xml_node *root, struct ovd_access *access)
{
    const struct xml_node *parameters = ovd__only(in, root, "parameters", true);

    access->width = (int)ovd__int(in, parameters, "width", 0, SIDE_MAX, 0);
    access->height = (int)ovd__int(in, parameters, "height", 0, SIDE_MAX, 0);
    access->view_only = read_yes(in, parameters, "view_only");
    read_ssh(in, ovd__only(in, root, "ssh", true), access);
    read_vnc(in, ovd__only(in, root, "vnc", false), access);
    read_proxy(in, ovd__only(in, root, "proxy", false), access);
}

int ovd_access_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                     struct ovd_access *ret_access)
{
    struct ovd_access access = {0};
    struct ovd_reader in;
    const struct xml_node *root = ovd__open(&in, "ovd-access-received", "session", data, len, problem, arg);
    int r;

    if (root)
        read_access(&in, root, &access);
    r = ovd__close(&in);
    if (r < 0)
        ovd_access_finish(&access);
    else
        *ret_access = access;
    return r;
}

static void put_parameters(struct ovd_writer *w, const struct ovd_access *access)
{
    ovd__raw(w, "<parameters");
    ovd__put_int(w, "width", access->width);
    ovd__put_int(w, "height", access->height);
    ovd__put(w, "view_only", access->view_only ? "Yes" : "No");
    ovd__put(w, "share_desktop", access->both_forms ? "true" : NULL);
    ovd__raw(w, "/>");
}

static void put_ssh(struct ovd_writer *w, const struct ovd_access *access)
{
    ovd__raw(w, "<ssh");
    ovd__put(w, "host", access->ssh_host);
    ovd__put(w, "user", access->ssh_user);
    ovd__put(w, "passwd", access->ssh_password);
    ovd__raw(w, access->ssh_port_count > 0 ? ">" : "/>");
    for (size_t i = 0; i < access->ssh_port_count; i++) {
        char port[8];

        snprintf(port, sizeof(port), "%u", access->ssh_ports[i]);
        ovd__raw(w, "<port>");
        ovd__raw(w, port);
        ovd__raw(w, "</port>");
    }
    ovd__raw(w, access->ssh_port_count > 0 ? "</ssh>" : "");
}

static void put_vnc(struct ovd_writer *w, const struct ovd_access *access)
{
    const struct ovd_quality_settings *settings = ovd_quality_settings(access->quality);

    ovd__raw(w, "<vnc");
    ovd__put_int(w, "port", access->vnc_port);
    ovd__put(w, "passwd", access->vnc_password);
    ovd__put_word(w, "quality", ovd_quality_words, ARRAY_SIZE(ovd_quality_words), (int)access->quality);
    if (!access->both_forms) {
        ovd__raw(w, "/>");
        return;
    }
    ovd__raw(w, "><quality");
    ovd__put_int(w, "compression_level", settings->compression);
    ovd__put(w, "restricted_colors", settings->restricted_colors ? "yes" : "no");
    ovd__put_int(w, "jpeg_image_quality", settings->jpeg);
    ovd__put(w, "encoding", "Tight");
    ovd__raw(w, "/></vnc>");
}

int ovd_access_build(const struct ovd_access *access, struct buf *out)
{
    struct ovd_writer w;

    if (access->ssh_port_count > OVD_PORTS_MAX)
        return -EINVAL;
    ovd__begin(&w, out);
    ovd__raw(&w, OVD_DECLARATION "<session>");
    put_parameters(&w, access);
    put_ssh(&w, access);
    if (access->has_vnc)
        put_vnc(&w, access);
    if (access->proxy_type) {
        ovd__raw(&w, "<proxy");
        ovd__put(&w, "type", access->proxy_type);
        ovd__put(&w, "host", access->proxy_host);
        ovd__put(&w, "port", access->proxy_port);
        ovd__put(&w, "username", access->proxy_username);
        ovd__put(&w, "password", access->proxy_password);
        ovd__raw(&w, "/>");
    }
    ovd__raw(&w, "</session>\n");
    return ovd__end(&w);
}

void ovd_access_finish(struct ovd_access *access)
{
    if (!access)
        return;
    free(access->ssh_host);
    free(access->ssh_user);
    ovd__free_secret(access->ssh_password);
    ovd__free_secret(access->vnc_password);
    free(access->proxy_type);
    free(access->proxy_host);
    free(access->proxy_port);
    free(access->proxy_username);
    ovd__free_secret(access->proxy_password);
    *access = (struct ovd_access){0};
}
