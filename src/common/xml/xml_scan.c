/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libxml2 limits depth at 256 and attributes not at all, and looks for doubled attributes by comparing each
 * with each: a megabyte of attributes would keep it busy for minutes. This scanner agrees with the parser on
 * every well-formed beginning of a document; where a text stops being well-formed the parser stops, so what
 * the scanner makes of the rest does not matter. */
#include "base/str.h"
#include "xml/xml_priv.h"

struct scan {
    const char *at, *end;
    int line;
    int depth;
};

static bool starts(const struct scan *s, const char *what)
{
    size_t len = strlen(what);

    return (size_t)(s->end - s->at) >= len && memcmp(s->at, what, len) == 0;
}

static void step(struct scan *s)
{
    s->line += *s->at == '\n';
    s->at++;
}

static void skip_past(struct scan *s, const char *what)
{
    while (s->at < s->end && !starts(s, what))
        step(s);
    s->at = s->at < s->end ? s->at + strlen(what) : s->end;
}

/* From '<' past '>'. Outside quotes one '=' is one attribute. */
static int scan_tag(struct scan *s, const char **ret_cause)
{
    bool end_tag = starts(s, "</"), empty = false;
    int attributes = 0;
    char quote = '\0';

    for (step(s); s->at < s->end; step(s)) {
        char c = *s->at;

        if (quote) {
            quote = c == quote ? '\0' : quote;
            continue;
        }
        if (c == '>')
            break;
        empty = c == '/';
        if (c == '"' || c == '\'')
            quote = c;
        else if (c == '=' && ++attributes > XML_ATTRIBUTES_MAX) {
            *ret_cause = "an element has too many attributes";
            return -EMSGSIZE;
        }
    }
    if (s->at < s->end)
        step(s);
    if (end_tag)
        s->depth--;
    else if (!empty && ++s->depth > XML_DEPTH_MAX) {
        *ret_cause = "elements are nested too deeply";
        return -EMSGSIZE;
    }
    return 0;
}

static int scan_markup(struct scan *s, const char **ret_cause)
{
    if (starts(s, "<!--")) {
        s->at += 4;
        skip_past(s, "-->");
    } else if (starts(s, "<![CDATA[")) {
        skip_past(s, "]]>");
    } else if (starts(s, "<?")) {
        skip_past(s, "?>");
    } else if (starts(s, "<!")) {
        *ret_cause = "a document type declaration is not allowed";
        return -EINVAL;
    } else {
        return scan_tag(s, ret_cause);
    }
    return 0;
}

int xml__scan(const char *data, size_t len, xml_problem_fn problem, void *arg)
{
    struct scan s = {.at = data, .end = data + len, .line = 1};
    const char *cause = NULL;
    int r = 0;

    if (len > XML_SIZE_MAX) {
        xml__tell(problem, arg, 0, "the document is larger than 1 MiB");
        return -EMSGSIZE;
    }
    if (!str_is_utf8(data, len, false)) {
        xml__tell(problem, arg, 0, "the document is not UTF-8");
        return -EINVAL;
    }
    while (r == 0 && s.at < s.end) {
        if (*s.at == '<')
            r = scan_markup(&s, &cause);
        else
            step(&s);
    }
    if (r < 0)
        xml__tell(problem, arg, s.line, cause);
    return r;
}
