/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Limits of what is read from other machines, in bytes and in elements. The schemas have the same ones for
 * lengths (ovd-types.xsd); a document as a whole is limited by XML_SIZE_MAX. */
#ifndef ISTHMUS_OVD_MESSAGE_LIMITS_H
#define ISTHMUS_OVD_MESSAGE_LIMITS_H

#define OVD_ID_MAX 64             /* sessions, tokens, instances */
#define OVD_LINE_MAX 1024         /* names, words, paths, commands */
#define OVD_TEXT_MAX 16384        /* texts of several lines, lists of MIME types */
#define OVD_APPLICATIONS_MAX 5000 /* in any list of applications */
#define OVD_MIME_TYPES_MAX 1000   /* of one application */
#define OVD_FS_PARAMS_MAX 64
#define OVD_INSTANCES_MAX 1000 /* running applications or displays of one session */
#define OVD_SHARES_MAX 1000    /* invitations of one session */
#define OVD_SESSIONS_MAX 1000  /* of one server: the original has the slots 0 to 999 */
#define OVD_PIDS_MAX 1000      /* of one user */
#define OVD_NEWS_MAX 1000
#define OVD_CATEGORIES_MAX 1000
#define OVD_PORTS_MAX 16 /* of an SSH server */

#endif
