/*
 * What an epoll event is about: the first member of everything that is registered.
 */
#ifndef SR_SERVER_SOURCE_H
#define SR_SERVER_SOURCE_H

enum source_kind { SOURCE_WAKE, SOURCE_LISTENER, SOURCE_CONNECTION };

struct event_source {
    enum source_kind kind;
};

#endif
