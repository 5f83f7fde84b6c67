"""Server-sent events: how pages are told of what changes, for as long as the session lasts."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final

from fastapi import Response
from fastapi.responses import StreamingResponse

from dashboards.briefing.live_hub import STILL_EVERY_S, TICK_S, LiveHub, Subject, sse

LOOK_EVERY_S = 5.0
"""How often it is seen whether the viewer's session still holds."""

_SILENCE_S: Final = 30.0
"""After so long without a word the stream ends: the browser asks anew, and the hub begins anew."""

_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def streamed(messages: AsyncIterator[bytes]) -> Response:
    """The answer that sends `messages` as they come."""
    return StreamingResponse(messages, media_type="text/event-stream", headers=_HEADERS)


async def news_of(
    hub: LiveHub, subject: Subject, goes_on: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """What the hub tells of a subject."""
    with hub.viewing(subject) as viewer:
        yield b"retry: 3000\n\n"
        looked_at = heard_at = time.monotonic()
        while time.monotonic() - heard_at < _SILENCE_S:
            with suppress(TimeoutError):
                message = await asyncio.wait_for(viewer.queue.get(), LOOK_EVERY_S)
                heard_at = time.monotonic()
                yield message
            if time.monotonic() - looked_at >= LOOK_EVERY_S:
                looked_at = time.monotonic()
                if not await asyncio.to_thread(goes_on):
                    yield sse("over", "")
                    return


async def parts_until_over(
    render: Callable[[], tuple[str, bool]], goes_on: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """What `render` gives when it changes, until it says that nothing will any more."""
    told, told_at = "", time.monotonic()
    while await asyncio.to_thread(goes_on):
        parts, is_over = await asyncio.to_thread(render)
        if parts != told or time.monotonic() - told_at >= STILL_EVERY_S:
            yield sse("parts", parts) if parts != told else sse("still", "")
            told, told_at = parts, time.monotonic()
        if is_over:
            yield sse("end", "")
            return
        await asyncio.sleep(TICK_S)
    yield sse("over", "")
