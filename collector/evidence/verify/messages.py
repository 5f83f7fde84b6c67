"""Is each message what a node of the site signed, with a key it had then, at its place?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from collector.evidence import excerpt
from collector.evidence.errors import EvidenceError
from collector.evidence.figures.evaluation import Evaluation
from collector.evidence.lines import Held, Line, decode_line, held
from collector.evidence.verify.ed25519 import fits
from collector.evidence.verify.findings import Check
from sensor.contract import signature
from sensor.contract.errors import ContractError
from sensor.contract.messages import KeyChange


@dataclass(slots=True)
class _Known:
    """A key of ``keys.json``, and what the messages tell of it."""

    key: excerpt.Key
    public: Ed25519PublicKey
    announced_by: list[tuple[int, str]] = field(default_factory=list)


class MessageChecks:
    """Checks messages one by one and hands those that can be read on to be counted."""

    def __init__(
        self, keys: excerpt.Keys, registry: excerpt.Excerpt, evaluation: Evaluation
    ) -> None:
        self.keys = Check("keys")
        self.signatures = Check("signatures")
        self.order = Check("order")
        self.messages = 0
        self._evaluation = evaluation
        self._nodes: Mapping[str, excerpt.Node] = {node.id: node for node in registry.nodes}
        self._known = self._read(keys)
        self._before: tuple[str, int] = ("", 0)

    def _read(self, keys: excerpt.Keys) -> dict[str, _Known]:
        known: dict[str, _Known] = {}
        for key in keys.keys:
            try:
                public = signature.public_key_from_text(key.x)
            except ContractError:
                self.keys.fault("key_unreadable", node=key.node, kid=key.kid)
                continue
            if signature.thumbprint(public) != key.kid:
                self.keys.fault("key_changed", node=key.node, kid=key.kid)
            if key.kid in known:
                self.keys.fault("key_twice", node=key.node, kid=key.kid)
            known[key.kid] = _Known(key, public)
        return known

    def add(self, number: int, raw: bytes) -> None:
        """Take line `number`."""
        self.messages += 1
        try:
            line = decode_line(raw)
        except EvidenceError:
            self.signatures.fault("line_unreadable", line=number)
            return
        try:
            one = held(line)
        except ContractError:
            self.signatures.fault("message_unreadable", line=number)
            return
        self._check_order(one)
        self._check_signature(line, one)
        if one.node in self._nodes:
            self._evaluation.add(one)

    def _check_order(self, one: Held) -> None:
        place = (one.node, one.seq)
        if one.node not in self._nodes:
            self.order.fault("node_unknown", node=one.node, seq=one.seq)
        elif place == self._before:
            self.order.fault("message_twice", node=one.node, seq=one.seq)
        elif place < self._before:
            self.order.fault("message_order", node=one.node, seq=one.seq)
        self._before = max(place, self._before)

    def _check_signature(self, line: Line, one: Held) -> None:
        where = {"node": one.node, "seq": one.seq}
        try:
            parts = signature.take_apart(line.signature)
        except ContractError:
            self.signatures.fault("signature_unreadable", **where)
            return
        known = self._known.get(parts.kid)
        if known is None or known.key.node != one.node:
            self.signatures.fault("signature_other_key", **where, kid=parts.kid[:43])
            return
        key = known.key
        if key.revoked_at is not None and line.received_at >= key.revoked_at:
            self.signatures.fault("signature_revoked", **where, kid=key.kid)
        first, last = key.announced_seq or 0, key.last_seq
        if one.seq <= first or (last is not None and one.seq > last):
            self.signatures.fault("signature_wrong_time", **where, kid=key.kid)
        if line.payload is None:
            return
        payload = line.payload.encode("utf-8", "surrogatepass")
        if not fits(parts.signed(payload), parts.value, known.public):
            self.signatures.fault("signature_broken", **where)
        elif isinstance(one.message, KeyChange):
            self._note_change(one.message, parts.kid)

    def _note_change(self, change: KeyChange, by: str) -> None:
        for known in self._known.values():
            if known.key.x == change.public_key and known.key.node == change.node:
                known.announced_by.append((change.seq, by))

    def finish(self) -> None:
        """Check that keys which were announced, were; call it after the last message."""
        for known in self._known.values():
            key = known.key
            if key.announced_seq is None:
                continue
            by = [kid for seq, kid in known.announced_by if seq == key.announced_seq]
            old = self._known.get(by[0]) if by else None
            if old is None or old.key.node != key.node or old.key.last_seq != key.announced_seq:
                self.keys.fault("key_unannounced", node=key.node, kid=key.kid)
        for node in self._nodes:
            if not any(known.key.node == node for known in self._known.values()):
                self.keys.fault("key_missing", node=node)
        changes = sum(one.key.announced_seq is not None for one in self._known.values())
        self.keys.note("keys_count", count=len(self._known), changes=changes)
        self.signatures.note("messages_count", count=self.messages)
