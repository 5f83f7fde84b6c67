"""``skolro collector gap list``: what is missing in the nodes' chains."""

from __future__ import annotations

from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table


def gap_list(config: ConfigOption, as_json: JsonOption = False) -> None:
    """List the stretches of numbers that are missing, and those that were accepted to be."""
    with opened(config) as collector:
        missing = {
            node: collector.ledger.gaps(node)
            for node, state in collector.ledger.node_states().items()
            if state.missing
        }
        accepted = collector.ledger.accepted_gaps()
        if as_json:
            print_json({"missing": missing, "accepted": accepted})
            return
        print_table(
            ("Node", "From", "To", "Messages", "State", "Reason"),
            [
                *(
                    [node, str(first), str(last), str(last - first + 1), "is waited for", ""]
                    for node, stretches in missing.items()
                    for first, last in stretches
                ),
                *(
                    [
                        gap.node,
                        str(gap.first_seq),
                        str(gap.last_seq),
                        str(gap.last_seq - gap.first_seq + 1),
                        f"accepted {collector.local(gap.accepted_at)}",
                        gap.reason,
                    ]
                    for gap in accepted
                ),
            ],
            "Nothing is missing.",
        )
