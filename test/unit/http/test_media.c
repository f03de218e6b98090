/*
 * Content-Type and Accept.
 */
#include "http/media.h"

#include "bytes.h"

static void content_types_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        enum http_media media;
    } rows[] = {
        {"", HTTP_MEDIA_ABSENT},
        {"application/json", HTTP_MEDIA_JSON},
        {"Application/JSON", HTTP_MEDIA_JSON},
        {"application/json; charset=utf-8", HTTP_MEDIA_JSON},
        {"application/json;charset=UTF-8", HTTP_MEDIA_JSON},
        {"application/json ; charset=\"utf-8\"", HTTP_MEDIA_JSON},
        {"application/json; a=b; charset=utf-8; c=\"d;e\"", HTTP_MEDIA_JSON},
        {"application/json;", HTTP_MEDIA_JSON},
        {"application/json; charset=iso-8859-1", HTTP_MEDIA_OTHER},
        {"application/json; charset=utf-16", HTTP_MEDIA_OTHER},
        {"application/json; charset=", HTTP_MEDIA_OTHER},
        {"application/json; charset", HTTP_MEDIA_OTHER},
        {"application/json; a=\"b", HTTP_MEDIA_OTHER},
        {"application/json x", HTTP_MEDIA_OTHER},
        {"application/json, text/plain", HTTP_MEDIA_OTHER},
        {"application/jsonx", HTTP_MEDIA_OTHER},
        {"application/jso", HTTP_MEDIA_OTHER},
        {"application", HTTP_MEDIA_OTHER},
        {"application/", HTTP_MEDIA_OTHER},
        {"/json", HTTP_MEDIA_OTHER},
        {"text/json", HTTP_MEDIA_OTHER},
        {"text/plain", HTTP_MEDIA_OTHER},
        {"multipart/form-data; boundary=x", HTTP_MEDIA_OTHER},
        {"application/x-www-form-urlencoded", HTTP_MEDIA_FORM},
        {"application/x-www-form-urlencoded; charset=UTF-8", HTTP_MEDIA_FORM},
        {"APPLICATION/X-WWW-FORM-URLENCODED", HTTP_MEDIA_FORM},
        {"application/x-ndjson", HTTP_MEDIA_NDJSON},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (http_media_type(sr_span_text(rows[i].text)) != rows[i].media) {
            fail_msg("%s", rows[i].text);
        }
    }
}

static void accept_takes_json_or_not(void **state)
{
    static const struct {
        const char *text;
        bool accepted;
    } rows[] = {
        {"", true},
        {"  ", true},
        {"*/*", true},
        {"application/json", true},
        {"APPLICATION/Json", true},
        {"application/*", true},
        {"text/html, application/json;q=0.1", true},
        {"text/html,*/*;q=0.1", true},
        {"text/html;level=1;q=\"a,b\", application/json", true},
        {"text/html", false},
        {"text/*", false},
        {"application/jsonx", false},
        {"application/json;q=0", false},
        {"application/json;q=0.0", false},
        {"application/json; q=0.000", false},
        {"application/json;Q=0", false},
        {"application/json;q=0.001", true},
        {"application/json;q=1", true},
        {"*/*, application/json;q=0", false},
        {"application/json;q=0, */*", false},
        {"application/*;q=0, */*", false},
        {"*/*;q=0, application/json", true},
        {"*/*;q=0", false},
        {"application/*;q=0, application/json", true},
        {"application/json;q=0, application/json", true},
        {"text/html,,application/json", true},
        {"*", false},
        {"*/json", false},
        {"text/html image/png", false},
        {",", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (http_accepts(sr_span_text(rows[i].text), "application", "json") !=
            rows[i].accepted) {
            fail_msg("%s", rows[i].text);
        }
    }
    assert_true(http_accepts((struct sr_span){0}, "application", "json"));
    assert_true(http_accepts(sr_span_text("text/plain"), "text", "plain"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_types_are_told_apart),
        cmocka_unit_test(accept_takes_json_or_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
