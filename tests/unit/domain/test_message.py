"""Messages: what may happen to one, and when."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpost.domain.ids import first_id_at
from hashpost.domain.message import (
    ATTEMPTS_MAX,
    LEASE,
    LONGEST_PAUSE,
    OPEN,
    TOLD_AGAIN_AFTER,
    TOLD_FIRST_WITHIN,
    Message,
    State,
    pause_after,
)

AT = datetime(2026, 11, 22, 6, 21, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def a_message() -> Message:
    return Message.new(id=first_id_at(AT), job="welcome-mail", arguments={"user_id": 7})


def test_a_new_message_is_told_of_again_if_nobody_takes_it_up() -> None:
    message = a_message()

    assert message == Message(
        id=first_id_at(AT),
        job="welcome-mail",
        arguments={"user_id": 7},
        state=State.QUEUED,
        attempts=0,
        next_at=AT + TOLD_FIRST_WITHIN,
    )
    assert message.created_at == AT
    assert not message.is_due(at=AT + TOLD_FIRST_WITHIN - MILLISECOND)
    assert message.is_due(at=AT + TOLD_FIRST_WITHIN)


def test_a_new_message_has_no_arguments_unless_it_is_given_some() -> None:
    assert Message.new(id=1, job="x").arguments == {}
    assert Message.new(id=1, job="x").slot is None
    assert Message.new(id=1, job="x", slot=AT).slot == AT


def test_a_queued_message_is_free_at_once() -> None:
    assert a_message().is_free(at=AT)


def test_a_message_taken_belongs_to_its_attempt_until_the_lease_runs_out() -> None:
    taken = a_message().taken(at=AT)

    assert (taken.state, taken.attempts, taken.next_at) == (State.RUNNING, 1, AT + LEASE)
    assert not taken.is_free(at=AT + LEASE - MILLISECOND)
    assert taken.is_free(at=AT + LEASE)
    assert taken.is_held_by(1)
    assert not taken.is_held_by(2)
    assert not taken.taken(at=AT + LEASE).is_held_by(1)
    assert not taken.told(at=AT).is_held_by(1)


def test_a_lease_may_have_another_length_and_be_renewed() -> None:
    taken = a_message().taken(at=AT, lease=MILLISECOND)

    held = taken.held(at=AT + LEASE, lease=2 * MILLISECOND)

    assert taken.next_at == AT + MILLISECOND
    assert held.next_at == AT + LEASE + 2 * MILLISECOND
    assert taken.held(at=AT).next_at == AT + LEASE
    assert (held.state, held.attempts) == (State.RUNNING, 1)


def test_a_message_told_of_is_queued_again() -> None:
    told = a_message().taken(at=AT).told(at=AT + LEASE)

    assert (told.state, told.attempts) == (State.QUEUED, 1)
    assert told.next_at == AT + LEASE + TOLD_AGAIN_AFTER


def test_a_message_that_is_done_is_never_due_nor_free() -> None:
    done = a_message().taken(at=AT).done(at=AT + MILLISECOND, outcome="sent")

    assert (done.state, done.outcome, done.next_at) == (State.DONE, "sent", None)
    assert done.finished_at == AT + MILLISECOND
    assert not done.is_due(at=AT + LONGEST_PAUSE)
    assert not done.is_free(at=AT + LONGEST_PAUSE)
    assert a_message().done(at=AT).outcome is None


def test_a_message_that_is_dead_says_why() -> None:
    dead = a_message().taken(at=AT).dead(at=AT, outcome="x" * 1000)

    assert (dead.state, dead.outcome, dead.next_at) == (State.DEAD, "x" * 500, None)
    assert dead.finished_at == AT
    assert not dead.is_free(at=AT + LONGEST_PAUSE)


def test_words_that_cannot_be_kept_are_replaced() -> None:
    taken = a_message().taken(at=AT)

    assert taken.dead(at=AT, outcome="a\0b\ud800c").outcome == "a␀b?c"
    assert taken.failed(at=AT, outcome="\0", spread=0).outcome == "␀"


@pytest.mark.parametrize(("spread", "seconds"), [(0.0, 2.5), (0.5, 5.0), (0.999, 7.495)])
def test_a_failed_message_waits_half_as_long_to_half_as_long_again(
    spread: float, seconds: float
) -> None:
    failed = a_message().taken(at=AT).failed(at=AT, outcome="y" * 1000, spread=spread)

    assert (failed.state, failed.outcome) == (State.WAITING, "y" * 500)
    assert failed.next_at == AT + timedelta(seconds=seconds)
    assert not failed.is_free(at=AT)
    assert failed.is_free(at=AT + timedelta(seconds=seconds))


def test_the_outcome_of_an_attempt_is_forgotten_when_the_next_begins() -> None:
    failed = a_message().taken(at=AT).failed(at=AT, outcome="no", spread=0)

    assert failed.taken(at=AT + LEASE).outcome is None


def test_the_last_attempt_that_fails_is_the_death_of_a_message() -> None:
    message = a_message()
    states = []
    for _ in range(ATTEMPTS_MAX):
        message = message.taken(at=AT).failed(at=AT, outcome="no", spread=0.5)
        states.append(message.state)

    assert states == [State.WAITING] * (ATTEMPTS_MAX - 1) + [State.DEAD]
    assert (message.outcome, message.finished_at) == ("no", AT)


def test_pauses_grow_threefold_up_to_six_hours() -> None:
    pauses = [pause_after(attempts).total_seconds() for attempts in range(1, 13)]

    assert pauses == [5, 15, 45, 135, 405, 1215, 3645, 10935, 21600, 21600, 21600, 21600]
    assert sum(pauses[: ATTEMPTS_MAX - 1]) / 3600 == pytest.approx(22.6, abs=0.1)
    assert pause_after(10**9) == LONGEST_PAUSE


def test_a_dead_message_is_revived_with_all_its_attempts() -> None:
    dead = a_message().taken(at=AT).dead(at=AT, outcome="no")

    revived = dead.revived(at=AT + LEASE)

    assert (revived.state, revived.attempts, revived.finished_at) == (State.QUEUED, 0, None)
    assert revived.next_at == AT + LEASE
    assert revived.is_due(at=AT + LEASE)


def test_a_waiting_message_may_be_tried_at_once() -> None:
    waiting = a_message().taken(at=AT).failed(at=AT, outcome="no", spread=0.5)

    assert waiting.revived(at=AT).is_free(at=AT)


@pytest.mark.parametrize("state", [State.RUNNING, State.DONE])
def test_what_is_done_or_worked_on_is_not_revived(state: State) -> None:
    taken = a_message().taken(at=AT)
    message = taken if state is State.RUNNING else taken.done(at=AT)

    assert message.revived(at=AT + LEASE) == message


MAY: dict[str, Callable[[Message], bool]] = {
    "told": lambda message: message.state in OPEN,
    "taken": lambda message: message.is_free(at=AT + 10 * LONGEST_PAUSE),
    "held": lambda message: message.state is State.RUNNING,
    "done": lambda message: message.state is State.RUNNING,
    "dead": lambda message: message.state is State.RUNNING,
    "failed": lambda message: message.state is State.RUNNING,
    "revived": lambda message: message.state in State,
}
GIVEN: dict[str, dict[str, object]] = {
    "dead": {"outcome": ""},
    "failed": {"outcome": "", "spread": 0.5},
}


@given(st.lists(st.sampled_from(sorted(MAY)), max_size=40))
def test_an_open_message_always_becomes_due_and_an_ended_one_never(history: list[str]) -> None:
    message = a_message()
    for step in history:
        if MAY[step](message):
            message = getattr(message, step)(at=AT, **GIVEN.get(step, {}))

    assert (message.next_at is not None) is (message.state in OPEN)
    assert (message.finished_at is None) is (message.state in OPEN)
