"""A world, as a seed makes it: a portal, its workers and staff, its people, and the weather; a storm, and then calm."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from hht_closure.account import Account, AccountId, ContactPoint
from hht_closure.service import AsyncClosureOperator
from hht_closure.testing.simulate.book import Book
from hht_closure.testing.simulate.crew import Court, Operator, Worker, staff_works, weather_changes
from hht_closure.testing.simulate.customers import Customer
from hht_closure.testing.simulate.faults import RequestLostError
from hht_closure.testing.simulate.persons import Person
from hht_closure.testing.simulate.portal import SERVERS, WORKERS, Ground, SimulatedPortal
from hht_closure.testing.simulate.schedule import microseconds, seconds
from hht_closure.testing.simulate.surroundings import Server, Surroundings
from hht_closure.testing.simulate.trace import Trace

_NAMES: Final = ("li", "wang", "zhang", "chen")
_PEOPLE: Final = "people"
_STAFF: Final = "staff"
_WEATHER: Final = "weather"
_HOUR: Final = seconds(3600)
_SOON: Final = 2 * _HOUR
_LONGEST_REST: Final = 24 * _HOUR


class World:
    """Everything there is in one seed.

    Attributes:
        ground, portal: what it stands on, and what is tried.
        persons: who closes an account.
    """

    def __init__(self, seed: int, trace: Trace) -> None:
        self.ground = Ground.of(seed, trace)
        random = self._random = self.ground.random
        accounts = tuple(_account(name) for name in _NAMES[: random.randrange(2, 5)])
        self.portal = SimulatedPortal(self.ground, accounts)
        services = {name: self.portal.service_on(name) for name in (*SERVERS, *WORKERS)}
        self.core = services[SERVERS[0]].core
        self._books = [Book(one.id, self.core.streams.name(one.id)) for one in accounts]
        self.ground.invariants.begin(self.portal.truth, self._books)
        operator = AsyncClosureOperator(services[SERVERS[0]])
        self._operator = Operator(operator, self._alarms)
        self._court = Court(operator, self.ground.clocks[SERVERS[0]], [one.id for one in accounts])
        patience = random.choice((None, timedelta(seconds=5), timedelta(minutes=3)))
        self._workers = {
            name: Worker(name, services[name].core, patience=patience, rest=self._rest)
            for name in WORKERS[: random.randrange(2, 4)]
        }
        self._around = Surroundings(
            schedule=self.ground.schedule,
            trace=trace,
            random=random,
            servers=tuple(Server(name, services[name], self.ground.clocks[name]) for name in SERVERS),
            host=self.portal.host,
            senders=self.portal.senders,
            invariants=self.ground.invariants,
        )
        self.persons: list[Person] = []
        self._is_calm = False
        self._horizon = 0

    # --- the storm --------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Everybody begins."""
        schedule, random = self.ground.schedule, self._random
        accounts = [one.account for one in self._books]
        self._own_something(accounts)
        for account in accounts[: random.choice((1, 1, 1, 1, 2, 3))]:
            for tab in range(1 if random.random() < 0.8 else 2):
                person = Person(self._around, account)
                self.persons.append(person)
                schedule.start(f"{account}#{tab + 1}", _PEOPLE, person.lives())
            schedule.start(f"{account}@shop", _PEOPLE, Customer(self._around, account).lives())
        for worker in self._workers.values():
            self._start(worker)
        schedule.start("staff", _STAFF, staff_works(self.portal.host, accounts, random))
        schedule.start("operator", _STAFF, self._operator.works(random))
        schedule.start("court", _STAFF, self._court.works(random))
        weather = weather_changes(self.ground.faults, self.ground.clocks, random)
        schedule.start("weather", _WEATHER, weather)
        self._slow_down()

    def _slow_down(self) -> None:
        """One of the workers' machines may be slow, so that a lease ends while its holder is at work."""
        slowness = self._random.choice((0.0, 0.0, 1.0, 10.0))
        if slowness:
            self.ground.faults.count["slow_machine"] += 1
            self.ground.schedule.slowness[self._random.choice(sorted(self._workers))] = seconds(slowness)

    def _own_something(self, accounts: list[AccountId]) -> None:
        """Everybody has ordered and written before, and some owe something."""
        for account in accounts:
            for _ in range(self._random.randrange(3)):
                self.portal.host.place_order(account)
            for _ in range(self._random.randrange(6)):
                self.portal.host.write_message(account)
            if self._random.random() < 0.7:
                self.portal.host.deliver(account)
            elif self._random.random() < 0.5:
                self.portal.host.send_bill(account)

    def step(self) -> None:
        """One turn of anybody."""
        schedule, faults = self.ground.schedule, self.ground.faults
        actor = schedule.next()
        if faults.kills(actor):
            self.ground.trace.write(schedule, f"(killed) {actor.process}")
            schedule.end_process(actor.process)
            self._start(self._workers[actor.process], after=seconds(90 * self._random.random()))
        elif faults.loses(actor):
            schedule.go_on(actor, RequestLostError())
        else:
            schedule.go_on(actor)

    def _start(self, worker: Worker, *, after: int = 0) -> None:
        self.ground.schedule.start(worker.name, worker.name, worker.works(after))

    @property
    def are_people_there(self) -> bool:
        """Whether anybody is still at it."""
        return self.ground.schedule.is_anybody(_PEOPLE)

    def _rest(self) -> int:
        """How long a worker rests between two passes: until something is due where nobody can bring anything new."""
        if self.are_people_there:
            return seconds(40 * self._random.random())
        due = self.next_due()
        wait = _LONGEST_REST if due is None else min(max(due, 0), _LONGEST_REST)
        return wait + seconds((600 if self._is_calm else 120) * self._random.random())

    def next_due(self) -> int | None:
        """In how long the next work is due, by the store's clock."""
        due = self.portal.store.journal.due(limit=1)
        return microseconds(due[0].due - self.ground.clocks["store"].now()) if due else None

    def _alarms(self) -> list[str]:
        """The streams in which something is set aside."""
        return [one.stream for one in self._books if any(task.set_aside for task in one.closure.tasks)]

    # --- the calm ---------------------------------------------------------------------------------------------

    def calm_down(self) -> None:
        """Nothing goes wrong any more, people go home, and time goes on to its horizon."""
        schedule = self.ground.schedule
        self.ground.faults.stop()
        schedule.slowness.clear()
        for process in (_PEOPLE, _STAFF, _WEATHER):
            schedule.end_process(process)
        self._is_calm = True
        self._horizon = schedule.elapsed + self._random.choice((4 * _HOUR, 9 * 24 * _HOUR, 60 * 24 * _HOUR))

    def wait_for_leases(self) -> None:
        """So much time passes that every lease has ended."""
        self.ground.schedule.wait(_HOUR)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is due before the horizon, nor soon, nobody is at work, and nothing is on its way."""
        if self.ground.schedule.remote or self.ground.schedule.is_anybody(_STAFF):
            return False
        if any(not one.is_idle for one in self._workers.values()):
            return False
        due = self.next_due()
        return due is None or (due > _SOON and self.ground.schedule.elapsed + due > self._horizon)

    def release(self) -> bool:
        """The operator releases what is set aside; whether there was anything."""
        if not self._alarms():
            return False
        self.ground.schedule.start("operator", _STAFF, self._operator.releases())
        self.ground.schedule.wake_all()
        return True


def _account(name: str) -> Account:
    return Account(
        id=name,
        contacts=(
            ContactPoint(channel="sms", address=f"+86138000{_NAMES.index(name)}1234", version="s1"),
            ContactPoint(channel="email", address=f"{name}@example.com", version="e1"),
        ),
        login_name=f"{name}.login",
    )
