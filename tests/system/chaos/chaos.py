"""The whole chain of real parts, and what happens to it."""

from __future__ import annotations

import math
import os
import random
import sqlite3
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from collector.database.database import open_database
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry, Site
from deploy.demo_folder import Table, toml
from sensor.contract.signature import public_key_text
from sensor.identity import load_or_make_key
from tests.influx import Influx
from tests.peers import Broker, free_port
from tests.system.chaos.parts import Part, Program
from tests.system.chaos.relay import Relay
from tests.system.chaos.sensors import outbox_path

_START_BEFORE_NOW: Final = timedelta(hours=13)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how hard.

    Attributes
    ----------
    nodes, each : int
        How many nodes send how many messages each.
    sites : int
        How many schools the nodes are spread over.
    processes : int
        Programs that the nodes run in; each is one sensor that fails.
    down_s, between_s : tuple of float
        Shortest and longest time that a part is away, and between two faults.
    most_faults : float
        How many faults are enough, whatever the nodes have measured by then.
    settle_s : float
        Once nothing fails any more, for how long nothing may arrive before it is given up.
    long_away_s : float
        For how long InfluxDB is away once, from the first third of the messages on, while all else
        goes on failing.
    """

    seed: int
    nodes: int = 20
    each: int = 5000
    sites: int = 1
    processes: int = 4
    down_s: tuple[float, float] = (0.2, 8.0)
    between_s: tuple[float, float] = (0.5, 8.0)
    most_faults: float = math.inf
    settle_s: float = 300.0
    long_away_s: float = 0.0


def chosen_seed() -> int:
    """The seed that ``SEED=`` in the environment sets, or any."""
    return int(os.environ.get("SEED") or random.randrange(10**6))  # noqa: S311 - nothing secret


@dataclass
class Happened:
    """How often what failed, and for how long in all."""

    times: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))


class Standing(NamedTuple):
    """How many messages nodes have yet to number, wait for their ack, are stored, not forwarded."""

    measuring: int
    waiting: int
    stored: int
    behind: int

    @property
    def settled(self) -> bool:
        """Whether nothing is on its way any more."""
        return not (self.measuring or self.waiting or self.behind > 0)


class Chaos:
    """Sensors, network, broker, collector and InfluxDB, each of which can be made to fail."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.sites = {
            f"skola{n % plan.sites}-{n}": f"skola{n % plan.sites}" for n in range(plan.nodes)
        }
        self.names = list(self.sites)
        self._random = random.Random(plan.seed)  # noqa: S311 - to be repeated, not to be secret
        self._start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        self._start -= _START_BEFORE_NOW
        self._back_at: float | None = None
        self._was_long_away = plan.long_away_s == 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="skolro-chaos-"))
            self.folder = Path(folder)
            self.broker = stack.enter_context(Broker(persistence=True))
            self.influx = stack.enter_context(Influx())
            self.relay = stack.enter_context(Relay(free_port(), self.broker.port))
            engine = open_database(f"sqlite:///{self.folder / 'ledger.sqlite'}")
            stack.callback(engine.dispose)
            self.ledger = Ledger(engine, Registry(engine))
            self._register()
            self.collector = self._collector(stack)
            self.sensors = [self._sensor(stack, n) for n in range(self.plan.processes)]
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def numbered(self) -> int:
        """How many messages the nodes have numbered so far."""
        return sum(self._ask(name, "SELECT next_seq - 1 FROM chain") for name in self.names)

    def waiting(self) -> int:
        """How many of them no ``ack`` has reached yet."""
        held = sum(self._ask(name, "SELECT held_seq FROM stock") for name in self.names)
        return self.numbered() - held

    def rage(self, told: Callable[[Happened], Any] = lambda _: None) -> Happened:
        """Let parts fail at random, one or two at once, until the nodes have measured all."""
        happened = Happened()
        for turn in self._turns():
            if self._all_numbered() or happened.times.total() >= self.plan.most_faults:
                break
            down_s = self._random.uniform(*self.plan.down_s)
            chosen = [one for one in turn if self._back_at is None or one.kind != "InfluxDB"]
            for part in chosen:
                part.fail()
                happened.times[part.kind] += 1
            time.sleep(down_s)
            for part in chosen:
                part.come_back()
                happened.seconds[part.kind] += down_s
            self._be_long_away(happened)
            told(happened)
            time.sleep(self._random.uniform(*self.plan.between_s))
        self._return_influx()
        return happened

    def settle(self, told: Callable[[Standing], Any] = lambda _: None) -> None:
        """Wait, with nothing failing, until all is measured, acknowledged and forwarded.

        Raises
        ------
        AssertionError
            Something does not go on.
        """
        standing, since = self.standing(), time.monotonic()
        while not standing.settled:
            if time.monotonic() - since > self.plan.settle_s:
                raise AssertionError(f"{standing} for {self.plan.settle_s} s")
            time.sleep(0.2)
            before, standing = standing, self.standing()
            if standing != before:
                since = time.monotonic()
                told(standing)

    def standing(self) -> Standing:
        """How far everything has come."""
        return Standing(
            measuring=self.plan.nodes * self.plan.each - self.numbered(),
            waiting=self.waiting(),
            stored=(stored := self.ledger.counts().messages),
            behind=stored - self.ledger.cursor("influxdb"),
        )

    def _all_numbered(self) -> bool:
        return self.numbered() == self.plan.nodes * self.plan.each

    def _be_long_away(self, happened: Happened) -> None:
        """Take InfluxDB away when it is time for that, and give it back."""
        third = self.plan.nodes * self.plan.each / 3
        if not self._was_long_away and self.numbered() >= third:
            self._was_long_away = True
            self.influx.kill()
            self._back_at = time.monotonic() + self.plan.long_away_s
            happened.times["InfluxDB, for long"] += 1
            happened.seconds["InfluxDB, for long"] += self.plan.long_away_s
        elif self._back_at is not None and time.monotonic() >= self._back_at:
            self._return_influx()

    def _return_influx(self) -> None:
        if self._back_at is not None:
            time.sleep(max(0.0, self._back_at - time.monotonic()))
            self.influx.start()
            self._back_at = None

    def _turns(self) -> Iterator[list[Part]]:
        """Yield one or two parts at once; all in some order, then all in another."""
        while True:
            parts = self._parts()
            self._random.shuffle(parts)
            while parts:
                count = min(len(parts), self._random.choice((1, 1, 1, 2)))
                yield [parts.pop() for _ in range(count)]

    def _parts(self) -> list[Part]:
        sensor = self._random.choice(self.sensors)
        return [
            Part("sensor", sensor.kill, sensor.start),
            Part("network", self.relay.cut, self.relay.mend),
            Part("broker", self.broker.kill, self.broker.start),
            Part("collector", self.collector.kill, self.collector.start),
            Part("InfluxDB", self.influx.kill, self.influx.start),
        ]

    def _register(self) -> None:
        registry = self.ledger.registry
        for site in dict.fromkeys(self.sites.values()):
            registry.add_site(Site(id=site, name=site))
        for name, site in self.sites.items():
            key = load_or_make_key(self.folder / name).public_key()
            registry.add_node(name, site, public_key_text(key), self._start - timedelta(days=1))

    def _collector(self, stack: ExitStack) -> Program:
        tables: dict[str, Table] = {
            "": {"ledger": "sqlite:///ledger.sqlite"},
            "broker": {"port": self.broker.port},
            "http": {"port": free_port()},
            "influxdb": {"url": self.influx.url, "timeout_s": 5.0},
        }
        path = self.folder / "collector.toml"
        path.write_text(toml(tables), encoding="utf-8")
        return self._started(
            stack, "collector", "-m", "skolro", "collector", "serve", "--config", str(path)
        )

    def _sensor(self, stack: ExitStack, number: int) -> Program:
        return self._started(
            stack, f"sensors-{number}", "-m", "tests.system.chaos.sensors", str(self.folder),
            str(self.relay.port), self._start.isoformat(), str(self.plan.each),
            *self.names[number :: self.plan.processes],
        )  # fmt: skip

    def _started(self, stack: ExitStack, name: str, *command: str) -> Program:
        program = Program(command, self.folder / f"{name}.log")
        stack.callback(program.close)
        program.start()
        return program

    def _ask(self, name: str, query: str) -> int:
        path = outbox_path(self.folder, name)
        if not path.exists():
            return 0
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        try:
            return int(database.execute(query).fetchone()[0])
        except (sqlite3.OperationalError, TypeError):
            return 0  # it is being made
        finally:
            database.close()
