"""What is tried: a scenario, the parts of a portal's process, and one such process from its start to its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import attrs

from hht_closure.account import AccountId, Principal
from hht_closure.errors import ClosureError, ClosureRefused, Refusal, StoreUnavailableError
from hht_closure.events import Event
from hht_closure.flows.calls import driven
from hht_closure.flows.patience import wait_beside_a_thread
from hht_closure.flows.wiring import Portal, Store, wire
from hht_closure.keys import KeyRing
from hht_closure.policy import ClosurePolicy
from hht_closure.ports import Entropy, Observer, Verifier
from hht_closure.service import ClosureService
from hht_closure.service.core import Core
from hht_closure.testing.crash.findings import Finding, Harm
from hht_closure.testing.crash.kept import Kept
from hht_closure.testing.crash.watch import Watch

LOCALE: Final = "en"
"""The language in which the person reads the notice."""

_PATIENCE: Final = 12
"""How often a person tries the same step, and is told to wait, before they give up."""
_PASSES: Final = 200
"""How many passes workers make before what is still due is taken to be stuck."""
_SOON: Final = timedelta(hours=1)
"""What is due within that time is waited for: a lease that nobody holds any more, a task that is tried again."""
_A_WHILE: Final = timedelta(minutes=1)


class StuckError(Exception):
    """Nothing gets on any more; arg: what, in words."""


class OversleptError(Exception):
    """The process stood still, went on with what it was at, and has come to the end of that."""


class NotYet(Exception):
    """The step cannot be done now; arg: from when on."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


@attrs.frozen(kw_only=True)
class Parts:
    """Everything that one process of a portal makes anew on what is kept; as for :class:`ClosureService`."""

    portal: Portal
    store: Store
    verifiers: tuple[Verifier, ...]
    keyring: KeyRing
    policy: ClosurePolicy
    entropy: Entropy
    observers: tuple[Observer, ...] = ()
    close: Callable[[], None] = lambda: None


@attrs.frozen
class Step:
    """Something the person does, or that happens meanwhile; ``act`` is called again until it has come to its end.

    It must bear that: whoever was given no answer asks again, or looks first how far it came.

    Attributes:
        name: in words.
        act: does it.
        leaves: what the journal holds when it has come to its end, once for each such step.
    """

    name: str
    act: Callable[[Life], None]
    leaves: type[Event] | None = None


@attrs.frozen(kw_only=True)
class Scenario:
    """A closing from its first step to its end.

    Attributes:
        name: what it is called.
        account: who acts.
        others: accounts of people whom it does not concern; nothing of theirs may change.
        steps: what happens, in order; after the last one, workers work until nothing is due.
        ends: the stage that it comes to, however often it is disturbed.
        ended_by_the_freeze: data sets that lose their items before the erasure begins: sessions, say.
        worker_between: whether workers may come between a crash and the person's return. Where they may not, it
            is the person who decides how it ends, and must come first.
    """

    name: str
    account: AccountId = attrs.field(repr=False)
    others: tuple[AccountId, ...] = attrs.field(repr=False)
    steps: tuple[Step, ...]
    ends: str
    ended_by_the_freeze: tuple[str, ...] = ()
    worker_between: bool = True


class Life:
    """One process of the portal, with the person in front of it and the workers behind it.

    Attributes:
        scenario, kept: what is tried, and what outlives this process.
        looking: the same portal, for looking: its calls are not counted.
        findings: what the person found wrong with an answer.
        again: whether the step under way was begun before, by this process or by one that is dead.
    """

    def __init__(self, scenario: Scenario, kept: Kept, watch: Watch, parts: Parts) -> None:
        self.scenario = scenario
        self.kept = kept
        self.again = False
        self.findings: list[Finding] = []
        self._watch = watch
        self._service = ClosureService(
            portal=parts.portal,
            store=parts.store,
            verifiers=parts.verifiers,
            keyring=parts.keyring,
            policy=parts.policy,
            clock=kept.clock,
            entropy=parts.entropy,
        )
        self.looking = self._service.core
        self._service.core = Core(
            wire(
                portal=parts.portal,
                store=parts.store,
                verifiers=parts.verifiers,
                keyring=parts.keyring,
                policy=parts.policy,
                clock=kept.clock,
                entropy=parts.entropy,
                observers=parts.observers,
                caller=watch,
            ),
            wait_beside_a_thread,
        )

    @property
    def service(self) -> ClosureService:
        """Every call of a port of it is counted, and may be where it goes wrong.

        Raises:
            OversleptError: the process stood still in the call before; the rest is left to those who went on.
        """
        if self._watch.has_woken:
            raise OversleptError
        return self._service

    # --- the person ---------------------------------------------------------------------------------------

    @property
    def principal(self) -> Principal:
        """Who acts, logged in when they last did."""
        noted = self.kept.notes.read("logged_in_at")
        at = self.kept.clock.now() if noted is None else datetime.fromisoformat(noted)
        return Principal(account=self.scenario.account, session="session-of-the-scenario", logged_in_at=at)

    def log_in(self) -> None:
        """A log-in, now."""
        self.kept.notes.write("logged_in_at", self.kept.clock.now().isoformat())

    def wait_until(self, time: datetime) -> None:
        """Let the time pass; nothing where it has."""
        if time > self.kept.clock.now():
            self.kept.clock.advance(time - self.kept.clock.now())

    def wait(self, by: timedelta) -> None:
        """Let so much time pass."""
        self.kept.clock.advance(by)

    @property
    def steps_ended(self) -> int:
        """How many steps have come to their end, in whatever process."""
        return int(self.kept.notes.read("steps") or "0")

    def live(self, *, worker_first: bool) -> None:
        """Go on with the scenario where it stands, and work until nothing is due.

        Raises:
            StuckError: it does not come to an end.
            OversleptError: the process stood still on the way, and others have gone on.
        """
        if worker_first:
            self.work_off()
        for number in range(self.steps_ended, len(self.scenario.steps)):
            step = self.scenario.steps[number]
            self.again = self.kept.notes.read("begun") == str(number)
            self.kept.notes.write("begun", str(number))
            self._patiently(step)
            self.kept.notes.write("steps", str(number + 1))
        self.work_off()

    def finds(self, harm: Harm, what: str) -> None:
        """The person was told something that cannot be."""
        self.findings.append(Finding(harm, what))

    def _patiently(self, step: Step) -> None:
        """What a person with a browser does: read the answer, wait as long as it says, and try once more."""
        said, until, check_again = "", self.kept.clock.now(), False
        for _ in range(_PATIENCE):
            try:
                if check_again:
                    self.service.recheck(self.principal)
                step.act(self)
            except NotYet as later:
                said, until = "not yet", later.until
            except ClosureRefused as refused:
                said, until = str(refused), self._until(refused.refusals)
                check_again = "check_needed" in refused.codes
                if "reauth_required" in refused.codes:
                    self.log_in()
            except StoreUnavailableError as error:
                said, until = type(error).__name__, self._in_a_while()
                if self._watch.has_appended_after_all:
                    self.finds("lost", f"{step.name!r} took effect, and the person was told that it did not")
            except ClosureError as error:
                said, until = type(error).__name__, self._in_a_while()
            else:
                self._come_to_an_end()
                return
            self._come_to_an_end()
            self.again = True
            self.wait_until(until)
            self._work_meanwhile()
        raise StuckError(f"the person does not get past {step.name!r}: {said}")

    def _come_to_an_end(self) -> None:
        """A call of the service has; whoever stood still in it leaves the rest to those who went on meanwhile."""
        self._watch.comes_to_an_end()
        if self._watch.has_woken:
            raise OversleptError

    def _work_meanwhile(self) -> None:
        """A worker's pass while the person waits, where workers may come between."""
        if self.scenario.worker_between:
            with suppress(ClosureError):
                self.service.work()
            self._come_to_an_end()

    # --- the workers --------------------------------------------------------------------------------------

    def work_off(self) -> None:
        """Pass after pass, until nothing is due within an hour; what fails or is leased is waited for.

        Raises:
            StuckError: something stays due.
        """
        for _ in range(_PASSES):
            has_worked = self._has_worked()
            self._come_to_an_end()
            if not has_worked:
                self.wait(_A_WHILE)
                continue
            due = self.next_due()
            if due is None or due > self.kept.clock.now() + _SOON:
                return
            self.wait_until(max(due, self._in_a_while()))
        raise StuckError(f"something is still due after {_PASSES} passes of a worker")

    def _has_worked(self) -> bool:
        try:
            self.service.work()
        except ClosureError:
            return False
        return True

    def next_due(self) -> datetime | None:
        """When the next work is due, as the journal says."""
        due = driven(self.looking.wiring.journal.due(limit=1, prefix=self.looking.streams.prefix))
        return due[0].due if due else None

    # --- times --------------------------------------------------------------------------------------------

    def _until(self, refusals: tuple[Refusal, ...]) -> datetime:
        """When the last of them ends, as far as they say, and else in a while."""
        times = [one.parameters.get("until") for one in refusals]
        return max((one for one in times if isinstance(one, datetime)), default=self._in_a_while())

    def _in_a_while(self) -> datetime:
        return self.kept.clock.now() + _A_WHILE
