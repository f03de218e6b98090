"""A checker of histories: is there one order in which the operations on a key, each at one moment between its request
and its answer, give the answers that were seen?

Operations are taken in the order of their requests and answers. At every moment the checker knows all states that
the key may be in, each with the open operations that have taken effect in it: an operation may take effect at any
moment while it is open, and must have when it is answered. An operation that was not answered, since the server was
killed, took effect before the kill or never.

States are totals, None where there is no such counter."""

import math
from dataclasses import dataclass

UNKNOWN = object()  # an answer that does not tell the total (202)
UNANSWERED = math.inf


@dataclass(eq=False)
class Operation:
    kind: str  # add, set, delete or read
    value: int = 0
    asked: float = 0
    answered: float = UNANSWERED
    answer: object = UNKNOWN  # the total; None for a read that found nothing; of a delete it says nothing
    killed: float = UNANSWERED  # not answered: when the server was dead

    @property
    def is_open_ended(self):
        return self.answered == UNANSWERED

    @property
    def end(self):
        return self.killed if self.is_open_ended else self.answered

    def after(self, state):
        """The states in which its effect may leave the key; none where its answer does not fit."""
        if self.kind == "add":
            total = (state or 0) + self.value
        elif self.kind == "set":
            total = self.value
        elif self.kind == "delete":
            return [None]
        else:
            total = state
        return [total] if self.is_open_ended or self.answer is UNKNOWN or self.answer == total else []


class NotLinearizable(AssertionError):
    """No order explains the answer of an operation."""


def effects(states, open_operations):
    """All states that can be reached when open operations take effect, in any order."""
    found, left = set(states), list(states)
    while left:
        state, done = left.pop()
        for operation in open_operations:
            if operation in done:
                continue
            for total in operation.after(state):
                reached = (total, done | {operation})
                if reached not in found:
                    found.add(reached)
                    left.append(reached)
    return found


def check(operations, first=None):
    """The states that one key may be in after its operations; NotLinearizable where there is none."""
    assert all(operation.asked <= operation.end for operation in operations)
    events = [(operation.asked, 1, operation) for operation in operations]
    events += [(operation.end, 0, operation) for operation in operations if operation.end != UNANSWERED]
    states, open_operations = {(first, frozenset())}, set()
    # What is asked at the moment of an answer comes after it: that is the stricter reading.
    for _, begins, operation in sorted(events, key=lambda event: event[:2]):
        if begins:
            open_operations.add(operation)
            continue
        reached = effects(states, open_operations)
        if not operation.is_open_ended:
            reached = {state for state in reached if operation in state[1]}
        if not reached:
            totals = sorted({str(state) for state, _ in states})
            raise NotLinearizable(f"{operation}: the total before it is one of {totals[:10]}")
        open_operations.discard(operation)
        states = {(total, done - {operation}) for total, done in reached}
    return {total for total, _ in effects(states, open_operations)}
