"""A portal put together: everything checked when the service is built, not at the first customer."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol, TypeVar

import attrs
from typing_extensions import get_protocol_members

from hht_closure.account import Account
from hht_closure.errors import PortError, WiringError
from hht_closure.flows.calls import (
    AccountCalls,
    BudgetCalls,
    Caller,
    DataSetCalls,
    JournalCalls,
    LedgerCalls,
    MessageCalls,
    ObserverCalls,
    PreconditionCalls,
    TaskCalls,
    TombstoneCalls,
    VaultCalls,
    VerifierCalls,
)
from hht_closure.keys import KeyRing
from hht_closure.policy import ClosurePolicy, Terms
from hht_closure.ports import (
    AccountDirectory,
    Clock,
    DataSet,
    Entropy,
    Journal,
    KeyVault,
    Ledger,
    Messages,
    Observer,
    Precondition,
    SendBudget,
    Task,
    Tombstones,
    Verifier,
)
from hht_closure.tasks import PlannedTask
from hht_closure.values import checked_text, is_code
from hht_closure.verification import can_do_without, factors_of

_log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Portal:
    """What a host writes: its name, and its side of the ports.

    The name is bound into streams, codes, references and receipts, so that two portals may share a store;
    it never changes.
    """

    name: str
    accounts: AccountDirectory
    preconditions: tuple[Precondition, ...] = ()
    data_sets: tuple[DataSet, ...]
    tasks: tuple[Task, ...] = ()
    messages: Messages

    def __attrs_post_init__(self) -> None:
        checked_text(self.name, "name", longest=100)


class Store(Protocol):
    """Where the library keeps what is its own; each part can be another's."""

    @property
    def journal(self) -> Journal:
        """The events."""
        ...

    @property
    def vault(self) -> KeyVault:
        """The keys."""
        ...

    @property
    def ledger(self) -> Ledger:
        """What was erased."""
        ...

    @property
    def budgets(self) -> SendBudget:
        """What was sent."""
        ...

    @property
    def tombstones(self) -> Tombstones:
        """Reserved login names."""
        ...


@attrs.frozen(kw_only=True)
class Wiring:
    """Everything a flow needs, each port behind its calls."""

    name: str
    accounts: AccountCalls
    preconditions: Mapping[str, PreconditionCalls]
    data_sets: Mapping[str, DataSetCalls]
    tasks: Mapping[str, TaskCalls]
    messages: MessageCalls
    journal: JournalCalls
    vault: VaultCalls
    ledger: LedgerCalls
    budgets: BudgetCalls
    tombstones: TombstoneCalls
    verifiers: Mapping[str, VerifierCalls]
    keyring: KeyRing
    policy: ClosurePolicy
    clock: Clock
    entropy: Entropy
    observers: tuple[ObserverCalls, ...]

    @property
    def planned_data_sets(self) -> tuple[PlannedTask, ...]:
        """The data sets that are registered now, each with what goes before it."""
        return tuple(PlannedTask(name, one.after) for name, one in self.data_sets.items())

    def terms_for(self, account: Account) -> Terms:
        """The policy's terms for this account, when they are terms that this portal can keep.

        Raises:
            WiringError: they name something that the service does not have.
            PortError: the policy failed.
        """
        try:
            terms = self.policy.terms_for(account)
        except Exception as error:  # noqa: BLE001 - raised below, without the cause, whose text may hold anything
            problem = type(error).__name__
        else:
            self.check(terms)
            return terms
        raise PortError("policy.terms_for", problem)

    def check(self, terms: Terms) -> None:
        """Whether everything that the terms name is there, and every factor shows what it should.

        Raises:
            WiringError: what is missing.
        """
        _known("precondition", terms.preconditions, self.preconditions)
        _known("data set", terms.data_sets, self.data_sets)
        for factor in factors_of(terms.requirement):
            _known("verifier", (factor.name,), self.verifiers)
            if self.verifiers[factor.name].assurance != factor.assurance:
                raise WiringError(f"the verifier {factor.name!r} does not show {factor.assurance!r}")


def wire(
    *,
    portal: Portal,
    store: Store,
    verifiers: Collection[Verifier],
    keyring: KeyRing,
    policy: ClosurePolicy,
    clock: Clock,
    entropy: Entropy,
    observers: Collection[Observer],
    caller: Caller,
) -> Wiring:
    """Everything put together and checked.

    Raises:
        WiringError: two of one name, a name that nothing has, a cycle, or a factor of another class.
    """
    if not isinstance(keyring, KeyRing):
        raise WiringError(f"the key ring ({type(keyring).__name__}) is no KeyRing")
    _all_fit(portal, store, clock, entropy, policy)
    for verifier in verifiers:
        fits(verifier, Verifier, "a verifier")
    for observer in observers:
        fits(observer, Observer, "an observer")
    wiring = Wiring(
        name=portal.name,
        accounts=AccountCalls(portal.accounts, caller),
        preconditions=_named(
            "precondition", ((one.name, PreconditionCalls(one, caller)) for one in portal.preconditions)
        ),
        data_sets=_named("data set", ((one.name, DataSetCalls(one, caller)) for one in portal.data_sets)),
        tasks=_named("task", ((one.name, TaskCalls(one, caller)) for one in portal.tasks)),
        messages=MessageCalls(portal.messages, caller),
        journal=JournalCalls(store.journal, caller),
        vault=VaultCalls(store.vault, caller),
        ledger=LedgerCalls(store.ledger, caller),
        budgets=BudgetCalls(store.budgets, caller),
        tombstones=TombstoneCalls(store.tombstones, caller),
        verifiers=_named("verifier", ((one.factor, VerifierCalls(one, caller)) for one in verifiers)),
        keyring=keyring,
        policy=policy,
        clock=clock,
        entropy=entropy,
        observers=tuple(ObserverCalls(one, caller) for one in observers),
    )
    _no_cycle("data set", {name: one.after for name, one in wiring.data_sets.items()})
    _no_cycle("task", {name: one.after for name, one in wiring.tasks.items()})
    for name, task in wiring.tasks.items():
        if not isinstance(task.mandatory, bool):
            raise WiringError(f"the task {name!r} must say True or False to mandatory")
    for terms in policy.variants():
        wiring.check(terms)
        if not can_do_without(terms.requirement, "restricted_possession"):
            _log.warning("terms %r leave no way but a restricted factor: offer another beside it", terms.version)
    return wiring


def _all_fit(portal: Portal, store: Store, clock: Clock, entropy: Entropy, policy: ClosurePolicy) -> None:
    """Whether every part has what its protocol asks for, so that nothing is missing at the first customer."""
    fits(portal.accounts, AccountDirectory, "the accounts")
    fits(portal.messages, Messages, "the messages")
    for precondition in portal.preconditions:
        fits(precondition, Precondition, "a precondition")
    for data_set in portal.data_sets:
        fits(data_set, DataSet, "a data set")
    for task in portal.tasks:
        fits(task, Task, "a task")
    fits(store, Store, "the store")
    fits(store.journal, Journal, "the store's journal")
    fits(store.vault, KeyVault, "the store's vault")
    fits(store.ledger, Ledger, "the store's ledger")
    fits(store.budgets, SendBudget, "the store's budgets")
    fits(store.tombstones, Tombstones, "the store's tombstones")
    fits(clock, Clock, "the clock")
    fits(entropy, Entropy, "the entropy")
    fits(policy, ClosurePolicy, "the policy")


def fits(part: object, protocol: type, role: str) -> None:
    """Whether the part has each member of the protocol, and can be called where that is a method.

    Raises:
        WiringError: what is missing.
    """
    if isinstance(part, type):
        raise WiringError(f"{role} is the class {part.__name__}, and not one of its objects")
    for name in sorted(get_protocol_members(protocol)):
        is_method = not isinstance(inspect.getattr_static(protocol, name), property)
        if not hasattr(part, name) or (is_method and not callable(getattr(part, name))):
            kind = "method" if is_method else "attribute"
            raise WiringError(f"{role} ({type(part).__name__}) has no {kind} {name!r}")


T = TypeVar("T")


def _named(kind: str, pairs: Iterable[tuple[str, T]]) -> Mapping[str, T]:
    named: dict[str, T] = {}
    for name, one in pairs:
        if not is_code(name):
            raise WiringError(f"{name!r} is no name for a {kind}: small letters, digits and underscores")
        if name in named:
            raise WiringError(f"there are two of the {kind} {name!r}")
        named[name] = one
    return named


def _known(kind: str, names: Iterable[str], known: Mapping[str, object]) -> None:
    for name in names:
        if name not in known:
            raise WiringError(f"there is no {kind} {name!r}")


def _no_cycle(kind: str, after: Mapping[str, tuple[str, ...]]) -> None:
    """Whether the order can be kept: what is left when everything that can go first is gone must be nothing."""
    for name, before in after.items():
        if not isinstance(before, tuple):
            raise WiringError(f"what the {kind} {name!r} comes after must be a tuple of names")
        _known(f"{kind} that {name!r} comes after,", before, after)
    left = dict(after)
    while left:
        free = [name for name, before in left.items() if not any(one in left for one in before)]
        if not free:
            raise WiringError(f"every {kind} of these waits for another: {', '.join(sorted(left))}")
        for name in free:
            del left[name]
