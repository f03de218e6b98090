/*
 * Lines, judged as the service judges the items of a batch.
 */
#include "transfer/check.h"

#include "http/body.h"
#include "http/json_plain.h"
#include "transfer/lines.h"

#include <openssl/evp.h>
#include <stdio.h>

#define PROGRESS_LINES 50000U

struct pass {
    const struct check *check;
    struct http_body_scratch scratch;
    struct lines lines;
    EVP_MD_CTX *digest;
    uint64_t digested; /* lines */
    struct check_result result;
};

static enum sr_result begin(struct pass *p, const struct source *source, struct sr_err *err)
{
    p->digest = EVP_MD_CTX_new();
    if (p->digest == NULL || EVP_DigestInit_ex(p->digest, EVP_sha256(), NULL) != 1 ||
        http_body_scratch_init(&p->scratch) != SR_OK ||
        lines_init(&p->lines, source_descriptor(source), 0, 0) != SR_OK) {
        return sr_fail(err, SR_NO_MEMORY, "%.200s: out of memory", source_name(source));
    }
    return SR_OK;
}

static void end(struct pass *p)
{
    EVP_MD_CTX_free(p->digest);
    http_body_scratch_done(&p->scratch);
    lines_done(&p->lines);
}

static void judge(struct pass *p, const struct line *line)
{
    struct http_body_error error;
    struct http_increment increment;

    if (!line->too_long &&
        (http_json_plain(line->text, &increment.key, &increment.value) ||
         http_body_json(&p->scratch, line->text, &increment, &error) == SR_OK)) {
        p->result.pairs++;
        return;
    }
    if (line->too_long) {
        (void)snprintf(error.message, sizeof(error.message),
                       "the line has more than %d bytes; one {\"key\":K,\"value\":N} a line",
                       LINE_SIZE_MAX);
    }
    p->result.bad++;
    p->check->tell(p->check->context, line->number, error.message);
}

/* Blank lines before it are part of the digest: the batches' keys name lines by number. */
static bool digest_line(struct pass *p, const struct line *line)
{
    bool good = true;

    for (; p->digested + 1 < line->number && good; p->digested++) {
        good = EVP_DigestUpdate(p->digest, "\n", 1) == 1;
    }
    p->digested++;
    return good && EVP_DigestUpdate(p->digest, line->text.data, line->text.size) == 1 &&
           EVP_DigestUpdate(p->digest, "\n", 1) == 1;
}

static enum sr_result take(struct pass *p, const struct line *line, struct sr_err *err)
{
    judge(p, line);
    if (p->result.bad == 0 && !digest_line(p, line)) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory for a digest");
    }
    if (p->check->progress != NULL && line->number % PROGRESS_LINES == 0) {
        p->check->progress(p->check->context, p->lines.offset);
    }
    return SR_OK;
}

static enum sr_result finish_digest(struct pass *p, struct sr_err *err)
{
    unsigned char bytes[CHECK_DIGEST_SIZE];

    if (EVP_DigestFinal_ex(p->digest, bytes, NULL) != 1) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory for a digest");
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        (void)snprintf(p->result.digest + 2 * i, 3, "%02x", bytes[i]);
    }
    return SR_OK;
}

static enum sr_result run(struct pass *p, struct sr_err *err)
{
    struct line line;
    enum sr_result result;

    do {
        result = lines_next(&p->lines, &line, err);
        if (result == SR_OK) {
            result = take(p, &line, err);
        }
    } while (result == SR_OK);
    p->result.lines = p->lines.number;
    return result == SR_CLOSED ? finish_digest(p, err) : result;
}

enum sr_result check_source(const struct source *source, const struct check *check,
                            struct check_result *ret_result, struct sr_err *err)
{
    struct pass p = {.check = check};
    enum sr_result result = begin(&p, source, err);

    if (result == SR_OK) {
        result = run(&p, err);
    }
    if (result == SR_OK) {
        result = source_check(source, err);
    }
    if (result == SR_OK) {
        *ret_result = p.result;
    }
    end(&p);
    return result;
}
