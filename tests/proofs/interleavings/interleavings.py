"""Every order in which callers, workers and the service's own functions can meet, explored by replay.

An actor is a use case, the real code, on ports that answer from a log. At the first call that the log does not hold,
the actor is suspended, and anything else may happen first. A step executes that call on the store in memory and runs
the actor again from its beginning, with the answer at the end of its log. Each actor has its own clock, tokens and
random numbers, so equal logs lead to equal calls. Therefore an actor runs once for each log, and each call is executed
once on each state of the store. Both results are remembered.

A *schedule* is one order of all steps, with the faults at them. A *situation* is what a schedule has led to so far: the
state of the store, the position of each actor, and the faults. Equal situations can continue in the same ways, so they
are merged, and each carries the number of schedules that lead to it. `Tally.schedules` counts schedules.
`Tally.situations` counts what was really looked at; for drawn schedules, their different ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from jobs.errors import Busy, JobsError
from jobs.model import Job
from jobs.outcomes import AppendOutcome, AppendResult, StartOutcome

from tests.fakes import FakeClock, World
from tests.proofs.interleavings import claims
from tests.proofs.interleavings.claims import Broken, Commit, Told
from tests.proofs.interleavings.stage import Stage, TokenStore, frozen

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Hashable, Sequence

    from jobs.ports import Ports

    from tests.proofs.interleavings.stage import State

#: The call never arrives, and its error proves nothing.
REQUEST_LOST = "request lost"
#: The call commits, its answer is lost, and the client sends the same again, with the same token.
SENT_AGAIN = "sent again"
#: The call commits, and the answers to all tries are lost. The error proves nothing.
ANSWER_LOST = "answer lost"
#: The call commits, and the process dies. A call with at-least-once delivery is delivered again.
CRASH = "crash"
FAULTS = (REQUEST_LOST, SENT_AGAIN, ANSWER_LOST, CRASH)

#: How often an actor runs within a schedule. Deliveries after that come when all other actors are done.
MAX_RUNS = 2
#: Only an endless loop makes this many calls.
MAX_CALLS = 40
#: The calls that read the status index, which may lag behind the table.
OF_THE_INDEX = frozenset({"list_due", "list_lost", "list_forgettable"})
#: The answers of calls that may or may not have been committed; every other call raises `Busy`.
UNCERTAIN: Mapping[str, Any] = {
    "append": AppendResult(AppendOutcome.UNCERTAIN),
    "retry_job": AppendOutcome.UNCERTAIN,
}


@dataclass(frozen=True)
class Actor:
    """Somebody who uses the service, or one of its functions."""

    name: str
    run: Callable[[Ports], Told]
    #: The time on its clock.
    at: int
    #: Whether its work is delivered again until it is done.
    comes_again: bool = False


@dataclass(frozen=True)
class Race:
    """Actors that meet, the state before, and the ends that must be reached."""

    name: str
    actors: tuple[Actor, ...]
    #: Makes the state before.
    given: Callable[[TokenStore], None]
    #: Ends that some schedule must reach: "actor: answer", "job 1: status".
    reaches: frozenset[str]
    #: What else must hold for the store at the end.
    at_rest: Callable[[TokenStore], None] = lambda _: None


class Call(NamedTuple):
    """A call of a port."""

    port: str
    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def __str__(self) -> str:
        told = (f"job {arg.job_id} {arg.status}" if isinstance(arg, Job) else repr(arg) for arg in self.args)
        return f"{self.name}({', '.join(told)})"


class Situation(NamedTuple):
    """What a schedule has led to. All parts but the faults are numbers under which the explorer remembers something."""

    state: int
    faults: tuple[str, ...]
    actors: tuple[int, ...]


class _Running(NamedTuple):
    """The position of an actor."""

    step: int
    #: What it has changed in this run.
    commits: tuple[Commit, ...] = ()


class _Ended(NamedTuple):
    """An actor's answer, and whether it must come again."""

    told: str
    again: bool


class _Step(NamedTuple):
    """What an actor does after a log: it makes a call, or it answers."""

    place: int
    run: int
    log: tuple[Any, ...]
    does: Call | Told


#: The situation before, the actor that makes the step, and the fault.
_Move = tuple[Situation, int, str]


class _Suspended(BaseException):
    """The log ends here."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self.call = call


class _Log:
    """Answers of the calls that an actor has made."""

    def __init__(self, answers: tuple[Any, ...]) -> None:
        self._answers = iter(answers)

    def answer(self, call: Call) -> Any:
        answer = next(self._answers, self)
        if answer is self:
            raise _Suspended(call)
        if isinstance(answer, Exception):
            raise answer.with_traceback(None)
        return answer


class _LoggedPort:
    """A port whose every call is answered from a log."""

    def __init__(self, port: str, log: _Log) -> None:
        self._port = port
        self._log = log

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            told = tuple(list(arg) if isinstance(arg, Iterator) else arg for arg in args)
            if (self._port, name, told) == ("queue", "send", ([],)):
                return []  # the adapter makes no call without hints
            if name == "start_jobs":  # one write each, so that others may come in between
                jobs, *rest = told
                return [self._log.answer(Call(self._port, name, ([job], *rest), kwargs))[0] for job in jobs]
            return self._log.answer(Call(self._port, name, told, kwargs))

        return call


def follow(actor: Actor, run: int, log: tuple[Any, ...]) -> Call | Told:
    """Run an actor on a log, and return the call at which it is suspended, or its answer.

    Raises:
        Broken: it makes calls without end, or fails with an error that no caller may see.
    """
    if len(log) > MAX_CALLS:
        raise Broken(f"{actor.name} goes round in circles")
    answers, tokens = _Log(log), count()
    ports = World(
        store=cast("Any", _LoggedPort("store", answers)),
        queue=cast("Any", _LoggedPort("queue", answers)),
        clock=FakeClock(actor.at),
        random=lambda: 0.0,  # nobody waits, and a back-off is due at once, so that everything that can meet does meet
        token=lambda: f"{actor.name}.{run}.{next(tokens)}",
    )
    try:
        return actor.run(ports)
    except _Suspended as suspended:
        return suspended.call
    except Busy:
        return Told("Busy", changed=None, again=True)
    except JobsError as error:
        return Told(type(error).__name__, changed=False)
    except Exception as error:
        raise Broken(f"{actor.name} raised {error!r}") from error


def make(stage: Stage, call: Call, token: str) -> Any:
    """Execute a call, and return its answer or its error."""
    stage.store.call_token = token
    port = stage.store if call.port == "store" else stage.queue
    try:
        return getattr(port, call.name)(*call.args, **call.kwargs)
    except JobsError as error:
        return error


def no_answer(call: Call) -> Any:
    """What a client returns for a call without an answer."""
    if call.port == "queue" and call.name == "send":
        return list(call.args[0])  # as far as the caller knows, none was accepted
    if call.name == "start_jobs":
        return [StartOutcome.UNCERTAIN] * len(call.args[0])
    return UNCERTAIN.get(call.name) or Busy()


@dataclass
class Tally:
    """The result of an exploration, in numbers of schedules."""

    race: Race
    #: Which schedules: "all with …", "drawn until …".
    which: str
    situations: int = 0
    #: Schedules by their faults.
    faults: Counter[tuple[str, ...]] = field(default_factory=Counter)
    #: Schedules by the last status of each job: "job 1: failed".
    statuses: Counter[str] = field(default_factory=Counter)
    #: Schedules by the last answer of each actor: "cancel: cancelled".
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def schedules(self) -> int:
        """How many schedules were explored."""
        return self.faults.total()

    @property
    def by_fault(self) -> dict[str, int]:
        """How many schedules had each kind of fault."""
        return {kind: sum(n for faults, n in self.faults.items() if kind in faults) for kind in FAULTS}

    @property
    def missing(self) -> set[str]:
        """Ends that some schedule must reach, and none has."""
        return {*self.race.reaches} - self.statuses.keys() - self.answers.keys()

    def __str__(self) -> str:
        told = ", ".join(f"{what} {n:,}" for what, n in [("none", self.faults[()]), *self.by_fault.items()])
        ended = ", ".join(f"{what} {n:,}" for what, n in sorted(self.statuses.items()))
        return (
            f"{self.race.name}, {self.which}: {self.schedules:,} schedules, {self.situations:,} situations"
            f" | faults: {told} | {ended}"
        )


class Explorer:
    """Explores one race, and remembers what each actor does and what each call changes."""

    def __init__(self, race: Race, store: TokenStore | None = None) -> None:
        self.race = race
        self._stage = Stage(store or TokenStore())
        self._states: list[State] = []
        self._state_numbers: dict[Hashable, int] = {}
        self._steps: list[_Step] = []
        self._followed: dict[Hashable, int] = {}
        self._actors: list[_Running | _Ended] = []
        self._actor_numbers: dict[_Running | _Ended, int] = {}
        self._made: dict[tuple[int, int], tuple[int, int, tuple[Commit, ...]]] = {}
        self._unanswered: dict[int, int] = {}
        self._rested: set[tuple[int, tuple[int, ...]]] = set()
        empty = self._state()
        race.given(self._stage.store)
        begin = self._state()
        #: What the index may show at the beginning: it may already lag behind.
        self._views = [empty, begin]
        self.root = Situation(begin, (), tuple(self._begin(place, 0) for place in range(len(race.actors))))

    # ---- exploring ----------------------------------------------------------------------------------------------

    def exhaust(self, most_faults: int) -> Tally:
        """Explore every schedule with at most `faults` faults.

        Raises:
            Broken: something that must always hold did not hold. The message lists the steps.
        """
        try:
            return self._exhaust(most_faults, None)
        except Broken:
            return self._exhaust(most_faults, {})  # once more, to find the steps that led to it

    def _exhaust(self, most_faults: int, origins: dict[Situation, _Move] | None) -> Tally:
        tally = Tally(self.race, f"all with faults ≤ {most_faults}")
        level = Counter({self.root: 1})
        while level:
            tally.situations += len(level)
            following: Counter[Situation] = Counter()
            for situation, schedules in level.items():
                try:
                    moves = list(self.moves(situation, most_faults))
                    if not moves:
                        self._end(tally, situation, schedules)
                except Broken as broken:
                    if origins is None:
                        raise
                    raise self._after(broken, _path(origins, situation)) from None
                for place, fault, after in moves:
                    following[after] += schedules
                    if origins is not None:
                        origins.setdefault(after, (situation, place, fault))
            level = following
        return tally

    def draw(self, chance: random.Random, schedules: int, faults: int) -> Tally:
        """Explore schedules by chance, on an index that lags, until so many of them had so many faults.

        Raises:
            Broken: something that must always hold did not hold. The message lists the steps.
        """
        tally = Tally(self.race, f"drawn until {schedules:,} had {faults} faults, index late")
        ends: set[Situation] = set()
        steps, done = 1, 0
        while done < schedules:
            situation, views, path = self.root, list(self._views), list[_Move]()
            # anywhere in a schedule that is as long as the last one
            faults_at = sorted(chance.choices(range(steps), k=faults))
            try:
                while places := self._open(situation):
                    place, view = chance.choice(places), chance.choice(views)
                    is_due = len(situation.faults) < faults and faults_at[len(situation.faults)] <= len(path)
                    fault = chance.choice(FAULTS) if is_due else ""
                    after = self.step(situation, place, fault, view)
                    if after is None:
                        fault = ""  # it cannot hit this call, so it hits a later one
                        after = cast("Situation", self.step(situation, place, fault, view))
                    path.append((situation, place, fault))
                    situation = after
                    if situation.state != views[-1]:
                        views.append(situation.state)
                self._end(tally, situation, 1)
            except Broken as broken:
                raise self._after(broken, path) from None
            ends.add(situation)
            steps = len(path)
            done += len(situation.faults) == faults
        tally.situations = len(ends)
        return tally

    def each(self, most_faults: int) -> Iterator[tuple[Situation, list[tuple[int, str]]]]:
        """Every schedule by itself, unmerged: its end, and its steps with actors and faults."""
        open_: list[tuple[Situation, list[tuple[int, str]]]] = [(self.root, [])]
        while open_:
            situation, schedule = open_.pop()
            moves = list(self.moves(situation, most_faults))
            if not moves:
                yield situation, schedule
            open_ += [(after, [*schedule, (place, fault)]) for place, fault, after in moves]

    # ---- steps --------------------------------------------------------------------------------------------------

    def moves(self, situation: Situation, most_faults: int) -> Iterator[tuple[int, str, Situation]]:
        """Every possible next step: its actor, its fault, and the situation after it."""
        faults = ("", *FAULTS) if len(situation.faults) < most_faults else ("",)
        for place in self._open(situation):
            for fault in faults:
                after = self.step(situation, place, fault)
                if after is not None:
                    yield place, fault, after

    def step(self, situation: Situation, place: int, fault: str, view: int | None = None) -> Situation | None:
        """Let an actor make its next call; None if the fault cannot hit because the call commits nothing.

        Args:
            situation: from where.
            place: the actor's place.
            fault: the fault; empty for none.
            view: the state that the status index shows; None for the current one.
        """
        try:
            return self._step(situation, place, fault, view)
        except Broken as broken:
            raise self._after(broken, [(situation, place, fault)]) from None

    def _step(self, situation: Situation, place: int, fault: str, view: int | None) -> Situation | None:
        actor = self._actors[situation.actors[place]]
        assert isinstance(actor, _Running)
        state, step, commits = situation.state, actor.step, actor.commits
        call = self._steps[step].does
        assert isinstance(call, Call)
        if view is not None and call.name in OF_THE_INDEX:
            _, step, _ = self._make(view, step)
        elif fault != REQUEST_LOST:
            state, step, made = self._make(state, step)
            commits += made
        if fault in {SENT_AGAIN, ANSWER_LOST, CRASH} and state == situation.state:
            return None
        if fault in {REQUEST_LOST, ANSWER_LOST}:
            step = self._lose(actor.step)
        if fault == CRASH:
            reached = self._finish(actor.step, "crash", again=self.race.actors[place].comes_again)
        elif fault == SENT_AGAIN:
            reached = self._actor(_Running(actor.step, commits))
        else:
            reached = self._reach(step, commits, state)
        faults = tuple(sorted((*situation.faults, fault))) if fault else situation.faults
        return Situation(state, faults, (*situation.actors[:place], reached, *situation.actors[place + 1 :]))

    def _open(self, situation: Situation) -> list[int]:
        return [place for place, at in enumerate(situation.actors) if isinstance(self._actors[at], _Running)]

    def _begin(self, place: int, run: int) -> int:
        """An actor at its first call."""
        step = self._follow(place, run, (), ("first", place, run))
        assert isinstance(self._steps[step].does, Call)
        return self._actor(_Running(step))

    def _reach(self, step: int, commits: tuple[Commit, ...], state: int) -> int:
        """The actor goes on, or ends. At its end, its answer is checked against what it has changed."""
        place, _, _, does = self._steps[step]
        if isinstance(does, Call):
            return self._actor(_Running(step, commits))
        claims.check_told(self.race.actors[place].name, does, commits, self._states[state]["jobs"])
        return self._finish(step, does.what, again=does.again)

    def _finish(self, step: int, told: str, *, again: bool) -> int:
        place, run, _, _ = self._steps[step]
        if again and run + 1 < MAX_RUNS:
            return self._begin(place, run + 1)
        return self._actor(_Ended(told, again))

    def _make(self, state: int, step: int) -> tuple[int, int, tuple[Commit, ...]]:
        """Make a call, and return the state after it, the actor's position, and the changes."""
        made = self._made.get((state, step))
        if made is None:
            place, run, log, call = self._steps[step]
            assert isinstance(call, Call)
            self._stage.put_back(self._states[state])
            answer = make(self._stage, call, f"{place}.{run}.{len(log)}")
            after = self._state()
            before, jobs = self._states[state]["jobs"], self._states[after]["jobs"]
            commits = claims.check_step(before, jobs, call.args)
            made = self._made[state, step] = (after, self._answer(step, answer), commits)
        return made

    def _lose(self, step: int) -> int:
        """The actor's position after a call without an answer."""
        if step not in self._unanswered:
            call = self._steps[step].does
            assert isinstance(call, Call)
            self._unanswered[step] = self._answer(step, no_answer(call))
        return self._unanswered[step]

    def _answer(self, step: int, answer: Any) -> int:
        """The actor's position after an answered call."""
        place, run, log, _ = self._steps[step]
        return self._follow(place, run, (*log, answer), (step, frozen(answer)))

    def _follow(self, place: int, run: int, log: tuple[Any, ...], key: Hashable) -> int:
        if key not in self._followed:
            does = follow(self.race.actors[place], run, log)
            self._followed[key] = len(self._steps)
            self._steps.append(_Step(place, run, log, does))
        return self._followed[key]

    def _state(self) -> int:
        """The number of the stage's current state."""
        state = self._stage.state()
        number = self._state_numbers.setdefault(frozen(state), len(self._states))
        if number == len(self._states):
            self._states.append(state)
        return number

    def _actor(self, at: _Running | _Ended) -> int:
        number = self._actor_numbers.setdefault(at, len(self._actors))
        if number == len(self._actors):
            self._actors.append(at)
        return number

    def state(self, situation: Situation) -> State:
        """The contents of store and queue."""
        return self._states[situation.state]

    def answers(self, situation: Situation) -> list[str]:
        """The answers of the actors, if all have answered."""
        return [cast("_Ended", self._actors[at]).told for at in situation.actors]

    # ---- ends ---------------------------------------------------------------------------------------------------

    def _end(self, tally: Tally, situation: Situation, schedules: int) -> None:
        """Count the schedules that end here, and check their ends."""
        tally.faults[situation.faults] += schedules
        for actor, told in zip(self.race.actors, self.answers(situation), strict=True):
            tally.answers[f"{actor.name}: {told}"] += schedules
        for (_, job_id), job in self.state(situation)["jobs"].items():
            tally.statuses[f"job {job_id}: {job.status}"] += schedules
        unfinished = tuple(place for place, at in enumerate(situation.actors) if cast("_Ended", self._actors[at]).again)
        if (situation.state, unfinished) not in self._rested:
            self._stage.put_back(self.state(situation))
            claims.come_to_rest(
                self._stage,
                max(actor.at for actor in self.race.actors),
                {self.race.actors[place].name: self.race.actors[place].run for place in unfinished},
            )
            self.race.at_rest(self._stage.store)
            self._rested.add((situation.state, unfinished))

    def _after(self, broken: Broken, path: Sequence[_Move]) -> Broken:
        """Say after which steps something did not hold."""
        steps = []
        for situation, place, fault in path:
            step = cast("_Running", self._actors[situation.actors[place]]).step
            steps.append(f"  {self.race.actors[place].name}: {self._steps[step].does}{fault and f' ({fault})'}")
        return Broken("\n".join([str(broken), *steps]))


def _path(origins: Mapping[Situation, _Move], to: Situation) -> list[_Move]:
    """One way to a situation, from the beginning."""
    moves: list[_Move] = []
    while to in origins:
        moves.append(origins[to])
        to = moves[-1][0]
    return moves[::-1]
