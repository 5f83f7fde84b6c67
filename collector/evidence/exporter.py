"""Who exports, as the configuration names it."""

from __future__ import annotations

from pathlib import Path

from collector.config import Evidence
from collector.evidence.authority_key import load_private_key
from collector.evidence.cms import load_signer
from collector.evidence.errors import EvidenceError
from collector.evidence.export import Exporter


def exporter_of(evidence: Evidence | None) -> Exporter:
    """Return the exporting authority; :class:`EvidenceError` where none is configured."""
    if evidence is None:
        raise EvidenceError(
            "who exports is not configured: make a key with skolro evidence key --out "
            "evidence.key, and add to collector.toml [evidence] with authority and key_file"
        )
    signer = None
    if evidence.certificate_file is not None and evidence.certificate_key_file is not None:
        signer = load_signer(Path(evidence.certificate_file), Path(evidence.certificate_key_file))
    return Exporter(
        name=evidence.authority,
        key=load_private_key(Path(evidence.key_file)),
        signer=signer,
        time_stamp_url=evidence.time_stamp_url,
    )
