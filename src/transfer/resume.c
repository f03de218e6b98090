/*
 * Lines of a name and a value, all of them, in one order.
 */
#include "transfer/resume.h"

#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAD "simple-request import 1"

/* ---- text ---- */

size_t resume_write(const struct resume *r, char ret_text[RESUME_TEXT_SIZE])
{
    int size = snprintf(ret_text, RESUME_TEXT_SIZE,
                        HEAD "\nmode %s\nidentity %s\ndigest %s\nurl %s\nbatch %" PRIu32
                             "\nlines %" PRIu64 "\nbytes %" PRIu64 "\nitems %" PRIu64
                             "\nahead %" PRIu32 "\nsince %" PRIu64 "\nfinished %d\n",
                        r->sets ? "set" : "add", r->identity, r->digest, r->url, r->items_max,
                        r->place.line, r->place.offset, r->place.items, r->ahead, r->since_ms,
                        r->finished);

    return (size_t)size;
}

/* Takes "name value\n" off the front of *text. */
static bool take_text(const char **text, const char *name, char *ret_value, size_t value_size)
{
    size_t name_size = strlen(name);
    const char *value = *text + name_size + 1;
    size_t size;

    if (strncmp(*text, name, name_size) != 0 || (*text)[name_size] != ' ') {
        return false;
    }
    size = strcspn(value, "\n");
    if (value[size] != '\n' || size == 0 || size >= value_size) {
        return false;
    }
    memcpy(ret_value, value, size);
    ret_value[size] = '\0';
    *text = value + size + 1;
    return true;
}

static bool take_number(const char **text, const char *name, uint64_t max, uint64_t *ret_number)
{
    char value[32];

    return take_text(text, name, value, sizeof(value)) && sr_parse_u64(value, ret_number) &&
           *ret_number <= max;
}

static bool take_numbers(const char **text, struct resume *r)
{
    uint64_t items_max = 0;
    uint64_t ahead = 0;
    uint64_t finished = 0;
    bool good = take_number(text, "batch", SR_BATCH_ITEMS_MAX, &items_max) && items_max > 0 &&
                take_number(text, "lines", INT64_MAX, &r->place.line) &&
                take_number(text, "bytes", INT64_MAX, &r->place.offset) &&
                take_number(text, "items", INT64_MAX, &r->place.items) &&
                take_number(text, "ahead", UINT32_MAX, &ahead) &&
                take_number(text, "since", INT64_MAX, &r->since_ms) &&
                take_number(text, "finished", 1, &finished) && **text == '\0';

    r->items_max = (uint32_t)items_max;
    r->ahead = (uint32_t)ahead;
    r->finished = finished != 0;
    return good;
}

enum sr_result resume_read(const char *text, struct resume *ret_resume)
{
    struct resume r = {0};
    char mode[4];

    if (strncmp(text, HEAD "\n", sizeof(HEAD)) != 0) {
        return SR_DAMAGED;
    }
    text += sizeof(HEAD);
    if (!take_text(&text, "mode", mode, sizeof(mode)) ||
        (strcmp(mode, "set") != 0 && strcmp(mode, "add") != 0) ||
        !take_text(&text, "identity", r.identity, sizeof(r.identity)) ||
        !take_text(&text, "digest", r.digest, sizeof(r.digest)) ||
        !take_text(&text, "url", r.url, sizeof(r.url)) || !take_numbers(&text, &r)) {
        return SR_DAMAGED;
    }
    r.sets = strcmp(mode, "set") == 0;
    *ret_resume = r;
    return SR_OK;
}

/* ---- judgement ---- */

/* What of an import that is not over must be as it was; NULL: all is. */
static const char *difference(const struct resume *old, const struct resume *wanted)
{
    if (old->sets != wanted->sets) {
        return old->sets ? "was begun with --set" : "was begun without --set";
    }
    if (strcmp(old->digest, wanted->digest) != 0) {
        return "was of other content: it has changed since";
    }
    if (strcmp(old->identity, wanted->identity) != 0) {
        return "was begun with another --id";
    }
    return old->items_max != wanted->items_max ? "was begun with another --batch" : NULL;
}

static enum resume_verdict refuse_unfinished(const struct resume *old, const char *what,
                                             const char *path, struct sr_err *err)
{
    (void)sr_fail(err, SR_INVALID,
                  "%.150s: the import that stopped behind line %" PRIu64 " %s; nothing was "
                  "sent: end that one first, or remove the file to begin with the first line",
                  path, old->place.line, what);
    return RESUME_REFUSED;
}

static enum resume_verdict compare_finished(const struct resume *old,
                                            const struct resume *wanted, const char *path,
                                            struct sr_err *err)
{
    bool same_content = strcmp(old->digest, wanted->digest) == 0;
    bool same_name = strcmp(old->identity, wanted->identity) == 0;

    if (old->sets || wanted->sets) {
        return RESUME_NEW; /* to set totals again is what was asked for */
    }
    if (same_name && !same_content) {
        (void)sr_fail(err, SR_INVALID,
                      "%.150s: --id %.100s is the name of an import of other content, which is "
                      "counted; nothing was sent: give this one another name",
                      path, old->identity);
        return RESUME_REFUSED;
    }
    return same_name ? RESUME_FINISHED : RESUME_NEW;
}

enum resume_verdict resume_compare(const struct resume *old, const struct resume *wanted,
                                   const char *path, struct sr_err *err)
{
    const char *what = difference(old, wanted);

    if (strcmp(old->url, wanted->url) != 0) {
        (void)sr_fail(err, SR_INVALID,
                      "%.150s: tells of an import to %.100s; nothing was sent: for this one "
                      "give another --resume-file",
                      path, old->url);
        return RESUME_REFUSED;
    }
    if (old->finished) {
        return compare_finished(old, wanted, path, err);
    }
    return what == NULL ? RESUME_GOES_ON : refuse_unfinished(old, what, path, err);
}

bool resume_in_doubt(const struct resume *r, uint64_t now_ms, uint64_t window_ms)
{
    /* A tenth less: what is sent again has to reach the service in time. */
    return !r->sets && r->ahead > 0 &&
           (now_ms < r->since_ms || now_ms - r->since_ms >= window_ms - window_ms / 10);
}

/* ---- file ---- */

enum sr_result resume_load(const char *path, struct resume *ret_resume, struct sr_err *err)
{
    FILE *file = fopen(path, "re");
    char text[RESUME_TEXT_SIZE + 1];
    size_t size;

    if (file == NULL) {
        return sr_fail_errno(err, errno == ENOENT ? SR_NOT_FOUND : SR_IO, errno, "%.200s",
                             path);
    }
    size = fread(text, 1, RESUME_TEXT_SIZE, file);
    (void)fclose(file); /* only read from */
    text[size] = '\0';
    if (strlen(text) != size || resume_read(text, ret_resume) != SR_OK) {
        return sr_fail(
            err, SR_DAMAGED,
            "%.200s: does not tell how far an import is; --resume-file names another "
            "place",
            path);
    }
    return SR_OK;
}

static bool write_synced(const char *path, const char *text, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool good;

    if (fd < 0) {
        return false;
    }
    good = write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
    return close(fd) == 0 && good;
}

static bool sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *stop = strrchr(path, '/');
    bool good;
    int fd;

    (void)snprintf(folder, sizeof(folder), "%.*s", stop == NULL ? 1 : (int)(stop - path) + 1,
                   stop == NULL ? "." : path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    good = fsync(fd) == 0;
    (void)close(fd); /* only synced */
    return good;
}

enum sr_result resume_save(const char *path, const struct resume *resume, struct sr_err *err)
{
    char text[RESUME_TEXT_SIZE];
    char fresh[PATH_MAX];
    size_t size = resume_write(resume, text);

    if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh)) {
        return sr_fail(err, SR_INVALID, "%.200s: the path is too long", path);
    }
    if (!write_synced(fresh, text, size) || rename(fresh, path) != 0 || !sync_folder_of(path)) {
        return sr_fail_errno(err, SR_IO, errno,
                             "%.200s, which tells how far the import is (--resume-file names "
                             "another place)",
                             path);
    }
    return SR_OK;
}
