"""Takes a node from what it runs to what is wished, or back, one thing at a time.

Each step is written down before it is made, and each can be made again: whatever moment the power
goes, the links ``current`` and ``current.toml`` lead to something whole, and the next run goes on
from what was written.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias

from msgspec.structs import replace

from sensor.contract.fleet import Wish
from sensor.contract.messages import UpdateReport
from sensor.errors import UpdateError, UpdateLaterError
from sensor.updating.configs import Configs, config_version
from sensor.updating.exchange import Exchange
from sensor.updating.files import point
from sensor.updating.journal import MOST_BAD, Bad, Journal, State, Trial, What
from sensor.updating.judging import MOST_BOOTS, Judge, Timing, Verdict
from sensor.updating.places import Places
from sensor.updating.software import Software, release_name
from sensor.updating.trust import believed_wish

log = logging.getLogger(__name__)

_LONGEST_REASON: Final = 200

ReportState: TypeAlias = Literal["current", "fetching", "trying", "returned", "refused", "waiting"]


class Updater:
    """One run of it, until nothing more can be done now.

    Parameters
    ----------
    places : Places
        Where things are.
    software, configs
        Which make releases and configurations ready.
    timing : Timing
        How long something new is watched.
    boot : str
        Of this start of the node.
    now_s, sleep
        The clock that nobody sets, and how to wait by it.
    """

    def __init__(
        self,
        places: Places,
        software: Software,
        configs: Configs,
        timing: Timing,
        boot: str,
        now_s: Callable[[], float],
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._places = places
        self._software = software
        self._configs = configs
        self._timing = timing
        self._boot = boot
        self._now_s = now_s
        self._sleep = sleep
        self._exchange = Exchange(places.exchange)
        self._journal = Journal(places.state)
        self._state = State()

    def run(self) -> None:
        """Go on from where it was, and do what is wished.

        Raises
        ------
        UpdateError
            It cannot even be begun: the state, or the node's id, cannot be read.
        OSError
            Nothing can be written.
        """
        with _alone(self._places.state):
            self._state = self._journal.load()
            self._exchange.report(self._state.report)
            while True:
                trial = self._state.trial
                if trial is not None:
                    self._carry_on(trial)
                    continue
                handed = self._exchange.wish()
                wish = self._wish()
                if wish is not None and self._begin(wish):
                    continue
                # The service manager starts nobody who runs already: one that came meanwhile would
                # wait for the timer.
                if self._exchange.wish() == handed:
                    return

    # --- what is wished

    def _wish(self) -> Wish | None:
        """The wish that something is to be done about; None: nothing."""
        handed = self._exchange.wish()
        if handed is None:
            return None
        payload, signature = handed
        state = self._state
        try:
            keys = state.keys or self._places.card_keys()
            wish = believed_wish(payload, signature, self._places.node(), state, keys)
        except UpdateError as error:
            self._say("refused", str(error))
            return None
        if wish is None or (wish.number == state.number and state.closed):
            return None
        if wish.number > state.number:
            digest = hashlib.sha256(payload).hexdigest()
            self._save(
                replace(state, number=wish.number, wish_sha256=digest, keys=wish.keys, closed=False)
            )
        return wish

    def _begin(self, wish: Wish) -> bool:
        """Make the next trial ready; False: there is none now."""
        try:
            self._require_line()
            trial = self._next(wish)
            if trial is not None:
                self._save(replace(self._state, trial=trial))
                return True
        except UpdateLaterError as error:
            self._say("waiting", str(error))
        except UpdateError as error:
            self._close("refused", str(error))
        except OSError as error:
            self._say("waiting", f"cannot write {error.filename}: {error.strerror}")
        else:
            self._close("current", "")
        return False

    def _next(self, wish: Wish) -> Trial | None:
        # First the release: the configuration may be one that only it understands.
        return self._next_release(wish) or self._next_config(wish)

    def _next_release(self, wish: Wish) -> Trial | None:
        wanted = wish.release
        if wanted is None or self._running("release") == release_name(wanted):
            return None
        what = f"release {wanted.version}"
        self._require_untried(wanted.manifest_sha256, again=wanted.again)
        self._say("fetching", what)
        manifest = self._software.manifest(wanted, self._state.keys)
        self._software.fetch(manifest, wanted)
        folder = self._software.install(manifest, wanted)
        return self._trial("release", folder.name, wanted.manifest_sha256, what)

    def _next_config(self, wish: Wish) -> Trial | None:
        wanted = wish.config
        if wanted is None or self._running("config") == self._configs.name(wanted):
            return None
        what = f"configuration {wanted.version}"
        identity = hashlib.sha256(wanted.toml.encode()).hexdigest()
        self._require_untried(identity, again=wanted.again)
        return self._trial("config", self._configs.keep(wanted), identity, what)

    def _trial(self, what: What, new: str, identity: str, name: str) -> Trial:
        before = self._exchange.proof()
        return Trial(
            what=what,
            new=new,
            old=self._running(what),
            identity=identity,
            name=name,
            # Where it could not hear before, hearing is not asked of what is new.
            needs_microphone=before is None or before.microphone == "ok",
        )

    def _require_untried(self, identity: str, *, again: bool) -> None:
        found = next((bad for bad in self._state.bad if bad.identity == identity), None)
        if found is not None and not again:
            raise UpdateError(
                f"{found.name} was tried here and returned from: {found.reason}; wish for it with "
                "--again, or for another"
            )
        if found is not None:
            self._save(
                replace(self._state, bad=tuple(bad for bad in self._state.bad if bad != found))
            )

    def _require_line(self) -> None:
        """Without a line nothing new could show that it works."""
        until_s = self._now_s() + self._timing.line_s
        while self._is_unheard():
            if self._now_s() < until_s:
                self._sleep(self._timing.poll_s)
                continue
            raise UpdateLaterError(
                "the collector has not acknowledged anything since the last start: it waits for "
                "that, as without it nothing new could show that it works"
            )

    def _is_unheard(self) -> bool:
        proof = self._exchange.proof()
        return proof is not None and proof.boot == self._boot and not proof.is_heard

    # --- the trial

    def _carry_on(self, trial: Trial) -> None:
        trial = self._started(trial)
        if trial.unheard:
            # No last word yet: the line may be to blame, which what ran before will show.
            self._say("waiting", trial.failure)
        elif trial.failure:
            self._say("returned", trial.failure)
        else:
            self._say("trying", trial.name)
        verdict, reason = self._watched(trial)
        if trial.failure:
            self._end_return(trial, verdict)
        elif verdict == "good":
            self._keep(trial)
        else:
            self._return(trial, f"{trial.name}: {reason}", unheard=verdict == "unheard")

    def _started(self, trial: Trial) -> Trial:
        """Have the right one run, from now on."""
        boots = trial.boots + (trial.boot not in {"", self._boot})
        trial = replace(trial, boot=self._boot, boots=boots, begun_s=self._now_s())
        if boots >= MOST_BOOTS and not trial.failure:
            failure = f"{trial.name}: the node was restarted {boots} times while it was tried"
            trial = replace(trial, failure=failure)
        self._save(replace(self._state, trial=trial))
        point(
            self._link(trial.what), self._target(trial, trial.old if trial.failure else trial.new)
        )
        self._exchange.ask_for_restart(f"{trial.begun_s:.3f} {trial.failure or trial.name}\n")
        return trial

    def _watched(self, trial: Trial) -> tuple[Verdict, str]:
        judge = Judge(trial, self._timing)
        while True:
            proof = self._exchange.proof()
            verdict = judge.verdict(proof, self._now_s())
            if verdict != "wait":
                return verdict, judge.reason(verdict, proof)
            self._sleep(self._timing.poll_s)

    def _keep(self, trial: Trial) -> None:
        """It has shown that it works: it is what is returned to from now on."""
        if trial.what == "release":
            point(self._places.good, self._target(trial, trial.new))
        log.info("%s works and is kept", trial.name)
        self._save(replace(self._state, trial=None))

    def _return(self, trial: Trial, reason: str, *, unheard: bool) -> None:
        log.error("%s; going back", reason)
        failed = replace(trial, failure=reason[:_LONGEST_REASON], unheard=unheard)
        self._save(replace(self._state, trial=failed))

    def _end_return(self, trial: Trial, verdict: Verdict) -> None:
        """The last good one runs again; whether the new one was to blame is known by it, too."""
        if trial.unheard and verdict == "unheard":
            self._save(replace(self._state, trial=None))
            self._say(
                "waiting", f"the line was away while {trial.name} was tried: it is tried again"
            )
            return
        bad = Bad(identity=trial.identity, name=trial.name, reason=trial.failure)
        kept = (*self._state.bad, bad)[-MOST_BAD:]
        self._save(replace(self._state, trial=None, bad=kept))
        self._close("returned", trial.failure)

    # --- what is told and kept

    def _running(self, what: What) -> str:
        return self._link(what).readlink().name

    def _link(self, what: What) -> Path:
        return self._places.current if what == "release" else self._places.current_config

    def _target(self, trial: Trial, name: str) -> str:
        return str(self._places.releases / name) if trial.what == "release" else name

    def _close(self, state: ReportState, reason: str) -> None:
        """Nothing more is to be done about this wish."""
        self._say(state, reason, closed=True)
        self._software.tidy({self._running("release"), self._places.good.readlink().name})
        self._configs.tidy({self._running("config")})

    def _say(self, state: ReportState, reason: str, *, closed: bool = False) -> None:
        report = UpdateReport(
            wish=self._state.number,
            config_version=config_version(self._running("config")),
            state=state,
            reason=_shortened(reason),
        )
        closed = closed or self._state.closed
        if report != self._state.report or closed != self._state.closed:
            (log.info if state in {"current", "fetching", "trying"} else log.warning)(
                "wish %d: %s%s", report.wish, state, f": {reason}" if reason else ""
            )
            self._save(replace(self._state, report=report, closed=closed))
        self._exchange.report(report)

    def _save(self, state: State) -> None:
        try:
            self._journal.save(state)
        except OSError as error:
            # Going back must be possible on a full disk, and files can be fetched once more.
            log.warning("what was fetched is given up for room: %s", error)
            self._software.make_room()
            self._journal.save(state)
        self._state = state


def _shortened(text: str) -> str:
    line = "".join(char if char.isprintable() else " " for char in text)
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`, so that two updaters never meet."""
    with (folder / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UpdateError("another updater is at work here: wait for it") from error
        yield
