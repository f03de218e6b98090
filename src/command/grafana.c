/*
 * Annotations by POST /api/annotations; a folder's dashboards by GET /api/search?folderUIDs=.
 */
#include "command/grafana.h"

#include "client/client.h"
#include "client/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#define TOKEN_SIZE 1024
#define ANSWER_SIZE_MAX ((size_t)1 << 20)
#define UID_SIZE_MAX 40 /* Grafana's own bound */

/* ---- options ---- */

enum sr_result grafana_place(const char *url, struct grafana_place *ret_place,
                             struct sr_err *err)
{
    const char *host = strstr(url, "://");
    size_t scheme = host == NULL ? 0 : (size_t)(host - url) + 3;
    size_t origin = scheme + strcspn(url + scheme, "/?#");
    const char *bracket = memchr(url + scheme, ']', origin - scheme);
    const char *name_end = bracket == NULL ? url + scheme : bracket;
    bool has_port = memchr(name_end, ':', (size_t)(url + origin - name_end)) != NULL;
    size_t prefix = strlen(url + origin);
    struct endpoint endpoint;
    struct sr_err why;

    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        return sr_fail(err, SR_INVALID,
                       "--grafana-url: it begins with http:// or https://, as in "
                       "http://127.0.0.1:3000");
    }
    while (prefix > 0 && url[origin + prefix - 1] == '/') {
        prefix--;
    }
    if (origin + 4 > sizeof(ret_place->url) || prefix >= sizeof(ret_place->prefix) ||
        strcspn(url + origin, "?# \t\r\n%") < prefix) {
        return sr_fail(err, SR_INVALID,
                       "--grafana-url: a host and at most a plain path are all it takes");
    }
    (void)snprintf(ret_place->url, sizeof(ret_place->url), "%.*s%s", (int)origin, url,
                   has_port || url[4] == 's' ? "" : ":80");
    (void)snprintf(ret_place->prefix, sizeof(ret_place->prefix), "%.*s", (int)prefix,
                   url + origin);
    if (endpoint_parse(ret_place->url, &endpoint, &why) != SR_OK) {
        return sr_fail(err, SR_INVALID,
                       "--grafana-url: expected a host and, behind a colon, a port if any, as "
                       "in http://127.0.0.1:3000");
    }
    return SR_OK;
}

static bool is_uid(const char *text)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789_-");

    return size > 0 && size <= UID_SIZE_MAX && text[size] == '\0';
}

enum sr_result grafana_check(const struct grafana_options *o, struct sr_err *err)
{
    struct grafana_place place;

    if (o->url == NULL) {
        if (o->token_file != NULL || o->dashboard_uid != NULL || o->folder_uid != NULL) {
            return sr_fail(err, SR_INVALID,
                           "--grafana-token-file, --grafana-dashboard-uid and "
                           "--grafana-folder-uid are of no use without --grafana-url");
        }
        return SR_OK;
    }
    if (o->dashboard_uid != NULL && o->folder_uid != NULL) {
        return sr_fail(err, SR_INVALID,
                       "--grafana-dashboard-uid and --grafana-folder-uid: one of them");
    }
    if ((o->dashboard_uid != NULL && !is_uid(o->dashboard_uid)) ||
        (o->folder_uid != NULL && !is_uid(o->folder_uid))) {
        return sr_fail(err, SR_INVALID,
                       "--grafana-dashboard-uid, --grafana-folder-uid: a uid is of 1 to %d "
                       "letters, digits, - and _",
                       UID_SIZE_MAX);
    }
    return grafana_place(o->url, &place, err);
}

static enum sr_result read_token(const char *path, char ret_token[TOKEN_SIZE],
                                 struct sr_err *err)
{
    FILE *file = fopen(path, "re");
    const char *line;

    if (file == NULL) {
        return sr_fail_errno(err, SR_INVALID, errno, "--grafana-token-file %.200s", path);
    }
    line = fgets(ret_token, TOKEN_SIZE, file);
    (void)fclose(file); /* it was only read */
    if (line == NULL) {
        return sr_fail(err, SR_INVALID, "--grafana-token-file %.200s: is empty", path);
    }
    ret_token[strcspn(ret_token, "\r\n")] = '\0';
    for (const char *at = ret_token; *at != '\0' || at == ret_token; at++) {
        if (*at <= ' ' || *at > '~') {
            return sr_fail(err, SR_INVALID,
                           "--grafana-token-file %.200s: its first line is no token", path);
        }
    }
    return SR_OK;
}

/* ---- what is said ---- */

char *grafana_body(const struct grafana_annotation *a, const char *dashboard_uid,
                   size_t *ret_size)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(document);
    yyjson_mut_val *tags;
    char *text = NULL;
    bool done;

    yyjson_mut_doc_set_root(document, root);
    done = yyjson_mut_obj_add_uint(document, root, "time", a->time_ms) &&
           yyjson_mut_obj_add_str(document, root, "text", a->text) &&
           (dashboard_uid == NULL ||
            yyjson_mut_obj_add_str(document, root, "dashboardUID", dashboard_uid));
    tags = yyjson_mut_obj_add_arr(document, root, "tags");
    for (size_t i = 0; done && a->tags[i] != NULL; i++) {
        done = yyjson_mut_arr_add_str(document, tags, a->tags[i]);
    }
    if (done) {
        text = yyjson_mut_write(document, YYJSON_WRITE_ALLOW_INVALID_UNICODE, ret_size);
    }
    yyjson_mut_doc_free(document);
    return text;
}

/* ---- asking ---- */

struct conversation {
    struct client *client;
    struct grafana_place place;
    char token[TOKEN_SIZE];
};

static enum sr_result ask(struct conversation *c, const struct client_request *request,
                          struct client_answer *ret_answer, struct sr_err *err)
{
    enum sr_result result = client_ask(c->client, request, ret_answer, err);

    if (result == SR_OK && ret_answer->status != 200) {
        return sr_fail(err, SR_REFUSED, "status %u: %.*s", ret_answer->status,
                       (int)(ret_answer->body.size < 200 ? ret_answer->body.size : 200),
                       (const char *)ret_answer->body.data);
    }
    return result;
}

static enum sr_result post(struct conversation *c, const struct grafana_annotation *annotation,
                           const char *dashboard_uid, struct sr_err *err)
{
    char target[sizeof(c->place.prefix) + 32];
    size_t size = 0;
    char *body = grafana_body(annotation, dashboard_uid, &size);
    struct client_request request = {.method = "POST",
                                     .target = target,
                                     .content_type = "application/json",
                                     .body = {.data = (const uint8_t *)body, .size = size}};
    struct client_answer answer;
    enum sr_result result;

    if (body == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for an annotation");
    }
    (void)snprintf(target, sizeof(target), "%s/api/annotations", c->place.prefix);
    result = ask(c, &request, &answer, err);
    free(body);
    return result;
}

static enum sr_result post_each(struct conversation *c,
                                const struct grafana_annotation *annotation, yyjson_val *found,
                                struct sr_err *err)
{
    enum sr_result result = SR_OK;
    yyjson_val *dashboard;
    size_t index, count;

    if (yyjson_arr_size(found) == 0) {
        return sr_fail(err, SR_NOT_FOUND,
                       "the folder of --grafana-folder-uid has no dashboard");
    }
    yyjson_arr_foreach(found, index, count, dashboard)
    {
        const char *uid = yyjson_get_str(yyjson_obj_get(dashboard, "uid"));

        if (result == SR_OK && uid != NULL) {
            result = post(c, annotation, uid, err);
        }
    }
    return result;
}

static enum sr_result post_to_folder(struct conversation *c,
                                     const struct grafana_annotation *annotation,
                                     const char *folder_uid, struct sr_err *err)
{
    char target[sizeof(c->place.prefix) + UID_SIZE_MAX + 64];
    const struct client_request request = {.method = "GET", .target = target};
    struct client_answer answer;
    yyjson_doc *document;
    enum sr_result result;

    (void)snprintf(target, sizeof(target), "%s/api/search?type=dash-db&limit=%d&folderUIDs=%s",
                   c->place.prefix, GRAFANA_DASHBOARDS_MAX, folder_uid);
    result = ask(c, &request, &answer, err);
    if (result != SR_OK) {
        return result;
    }
    document = yyjson_read((const char *)answer.body.data, answer.body.size, 0);
    result = post_each(c, annotation, yyjson_doc_get_root(document), err);
    yyjson_doc_free(document);
    return result;
}

enum sr_result grafana_annotate(const struct grafana_options *o,
                                const struct grafana_annotation *annotation, struct sr_err *err)
{
    struct conversation c = {.token = ""};
    struct client_options options = {.url = c.place.url,
                                     .token = o->token_file == NULL ? NULL : c.token,
                                     .timeout_ms = GRAFANA_TIMEOUT_MS,
                                     .answer_size_max = ANSWER_SIZE_MAX};
    enum sr_result result = grafana_place(o->url, &c.place, err);

    if (result == SR_OK && o->token_file != NULL) {
        result = read_token(o->token_file, c.token, err);
    }
    if (result == SR_OK) {
        result = client_open(&options, &c.client, err);
    }
    if (result == SR_OK) {
        result = o->folder_uid == NULL ? post(&c, annotation, o->dashboard_uid, err)
                                       : post_to_folder(&c, annotation, o->folder_uid, err);
    }
    client_close(&c.client);
    return result;
}
