"""Figures in the text format that Prometheus and OpenTelemetry collectors read.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Figure:
    """One family of figures.

    Attributes:
        name: Of letters, digits and underscores.
        words: What it says, in one line.
        values: By the value of its label; of one without a label, by the empty text.
        label: Name of the label.
        kind: ``gauge``, or ``counter`` for what only rises.
    """

    name: str
    words: str
    values: Mapping[str, float]
    label: str = ""
    kind: str = "gauge"

    @classmethod
    def of(cls, name: str, words: str, value: float, kind: str = "gauge") -> "Figure":
        """Return one figure without a label."""
        return cls(name, words, {"": value}, kind=kind)


def exposition(figures: Iterable[Figure]) -> str:
    r"""Return the text of figures.

    >>> print(exposition([Figure("steps", "Open.", {'a"b': 2}, "host")]), end="")
    # HELP steps Open.
    # TYPE steps gauge
    steps{host="a\"b"} 2
    """
    lines = []
    for figure in figures:
        lines += [f"# HELP {figure.name} {figure.words}", f"# TYPE {figure.name} {figure.kind}"]
        for value, number in figure.values.items():
            label = f'{{{figure.label}="{_escaped(value)}"}}' if figure.label else ""
            lines.append(f"{figure.name}{label} {number:.15g}")
    return "".join(f"{line}\n" for line in lines)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
