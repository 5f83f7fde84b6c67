"""The network between nodes and broker: a relay that can be cut."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Final, Self

_PIECE: Final = 65536


class Relay:
    """Hands on what comes to `port` to a port of the broker, unless it is cut.

    Parameters
    ----------
    carried : bytearray, optional
        Gets all that was sent to the broker.
    """

    def __init__(self, port: int, broker_port: int, carried: bytearray | None = None) -> None:
        self.port = port
        self._carried = carried
        self._broker_port = broker_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Break all connections in the middle of whatever they carry, and let none be made."""
        self._wait_for(self._cut())

    def mend(self) -> None:
        """Let connections be made again."""
        self._wait_for(self._listen())

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._broker_port)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(far_writer)
        await asyncio.gather(
            self._pump(reader, far_writer, self._carried), self._pump(far_reader, writer, None)
        )

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        carried: bytearray | None,
    ) -> None:
        try:
            while piece := await reader.read(_PIECE):
                if carried is not None:
                    carried += piece
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass  # cut, or one of both ends has gone: so is the other
        writer.transport.abort()
        self._writers.discard(writer)

    def _wait_for(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def __enter__(self) -> Self:
        self._thread.start()
        self.mend()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()
        self._wait_for(self._drained())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _drained(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
