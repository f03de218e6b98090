/*
 * Intrusive doubly linked lists: a link is a member of what is listed, so that joining and
 * leaving a list allocates nothing and takes constant time. One thread, no locking.
 */
#ifndef SR_SERVER_LIST_H
#define SR_SERVER_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* In no list: both NULL. A list's head is a link as well; an empty head points to itself. */
struct list_link {
    struct list_link *next;
    struct list_link *prev;
};

/* The struct whose member a link is. */
#define LIST_OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list_link *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool list_is_linked(const struct list_link *link)
{
    return link->next != NULL;
}

/* NULL where the list is empty. */
static inline struct list_link *list_first(struct list_link *head)
{
    return head->next == head ? NULL : head->next;
}

/* link must be in no list. */
static inline void list_append(struct list_link *head, struct list_link *link)
{
    link->next = head;
    link->prev = head->prev;
    head->prev->next = link;
    head->prev = link;
}

/* Does nothing where link is in no list. */
static inline void list_remove(struct list_link *link)
{
    if (link->next == NULL) {
        return;
    }
    link->next->prev = link->prev;
    link->prev->next = link->next;
    link->next = NULL;
    link->prev = NULL;
}

/* Takes the first link off the list; NULL where there is none. */
static inline struct list_link *list_take_first(struct list_link *head)
{
    struct list_link *link = list_first(head);

    if (link != NULL) {
        list_remove(link);
    }
    return link;
}

/* Moves all of `from` to the end of `to`. */
static inline void list_move_all(struct list_link *to, struct list_link *from)
{
    if (from->next == from) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#endif
