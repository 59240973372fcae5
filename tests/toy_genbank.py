"""GenBank records as NCBI writes them."""

from __future__ import annotations

RING = "ACGTTGCAAT" * 6  # 60 nt


def record(
    name: str = "ring",
    sequence: str = RING,
    features: str = "",
    topology: str = "circular",
    version: str = ".1",
) -> str:
    """One record, as NCBI writes it."""
    letters = [
        f"{begin + 1:>9} "
        + " ".join(sequence[begin : begin + 60].lower()[i : i + 10] for i in range(0, 60, 10))
        for begin in range(0, len(sequence), 60)
    ]
    head = (
        f"LOCUS       {name:<16} {len(sequence):>11} bp    DNA     {topology:<8} BCT 01-JAN-2020",
        "DEFINITION  a sequence.",
        *([f"ACCESSION   {name}", f"VERSION     {name}{version}"] if version else []),
        "FEATURES             Location/Qualifiers",
        f"     source          1..{len(sequence)}",
    )
    return "\n".join([*head, *features.splitlines(), "ORIGIN", *letters, "//", ""])
