/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/installable.h"

#include "ovd/message/message_priv.h"

static void read_category(struct ovd_reader *in, const struct xml_node *node,
                          struct ovd_installable_category *category)
{
    const struct xml_node *child = xml_first(node, "application");

    category->name = ovd__str(in, node, "name", OVD_LINE_MAX);
    if (!category->name)
        ovd__refuse(in, node, "a category needs name");
    category->applications = ovd__array(in, node, "application", sizeof(*category->applications),
                                        OVD_APPLICATIONS_MAX, &category->count);
    for (size_t i = 0; i < category->count; i++, child = xml_next(child, "application")) {
        category->applications[i].name = ovd__str(in, child, "name", OVD_LINE_MAX);
        category->applications[i].package = ovd__str(in, child, "package", OVD_LINE_MAX);
        if (!category->applications[i].name || !category->applications[i].package)
            ovd__refuse(in, child, "an application needs name and package");
    }
}

int ovd_installable_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                          struct ovd_installable *ret_installable)
{
    struct ovd_installable list = {0};
    struct ovd_reader in;
    const struct xml_node *root = ovd__open(&in, "ovd-installable", "categories", data, len, problem, arg);
    int r;

    if (root) {
        const struct xml_node *node = xml_first(root, "category");

        list.categories =
            ovd__array(&in, root, "category", sizeof(*list.categories), OVD_CATEGORIES_MAX, &list.count);
        for (size_t i = 0; i < list.count; i++, node = xml_next(node, "category"))
            read_category(&in, node, &list.categories[i]);
    }
    r = ovd__close(&in);
    if (r < 0)
        ovd_installable_finish(&list);
    else
        *ret_installable = list;
    return r;
}

static void put_category(struct ovd_writer *w, const struct ovd_installable_category *category)
{
    ovd__raw(w, "<category");
    ovd__put(w, "name", category->name);
    ovd__raw(w, category->count > 0 ? ">" : "/>");
    for (size_t i = 0; i < category->count; i++) {
        ovd__raw(w, "<application");
        ovd__put(w, "name", category->applications[i].name);
        ovd__put(w, "package", category->applications[i].package);
        ovd__raw(w, "/>");
    }
    ovd__raw(w, category->count > 0 ? "</category>" : "");
}

int ovd_installable_build(const struct ovd_installable *installable, struct buf *out)
{
    struct ovd_writer w;

    ovd__begin(&w, out);
    ovd__raw(&w, installable->count > 0 ? "<categories>" : "<categories/>");
    for (size_t i = 0; i < installable->count; i++)
        put_category(&w, &installable->categories[i]);
    ovd__raw(&w, installable->count > 0 ? "</categories>" : "");
    return ovd__end(&w);
}

void ovd_installable_finish(struct ovd_installable *installable)
{
    if (!installable)
        return;
    for (size_t i = 0; i < installable->count; i++) {
        struct ovd_installable_category *category = &installable->categories[i];

        free(category->name);
        for (size_t k = 0; k < category->count; k++) {
            free(category->applications[k].name);
            free(category->applications[k].package);
        }
        free(category->applications);
    }
    free(installable->categories);
    *installable = (struct ovd_installable){0};
}
