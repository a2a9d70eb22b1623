"""What a term of a query says, found once per edge and once per distinct string.

Enters: numbers of edges or of lines. Leaves: masks. Kept as long as the query is, and brought up to
date as the graph and the strings change.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hub.columns.calls import Numbers
from hub.graph.graph import EdgeRecord
from hub.query.text_tests import Fits
from hub.settle.pipeline import Pipeline

Mask = NDArray[np.bool_]


class EdgeAnswers:
    """What a term says of each edge; brought up to date as it or a node on its way changes."""

    def __init__(self, pipeline: Pipeline, fits: Callable[[EdgeRecord], bool]) -> None:
        self._graph, self._fits = pipeline.graph, fits
        self._answers: Mask = np.zeros(64, np.bool_)
        self._version = -1

    def of(self, edges: Numbers) -> Mask:
        """Of the edges of these numbers."""
        if self._version != self._graph.version:
            self._refresh()
        answers: Mask = self._answers[edges]
        return answers

    def _refresh(self) -> None:
        while len(self._answers) < len(self._graph.edges):
            self._answers = np.concatenate([self._answers, np.zeros_like(self._answers)])
        nodes, edges = self._graph.changes_since(self._version)
        passing = self._graph.sightings.passing([node.number for node in nodes]).tolist()
        for number in {*passing, *(edge.number for edge in edges)}:
            self._answers[number] = self._fits(self._graph.edges[number])
        self._version = self._graph.version


class TextAnswers:
    """What a term says of each distinct string of a column of lines."""

    UNKNOWN, NO, YES = 0, 1, 2

    def __init__(self, pipeline: Pipeline, column: str, fits: Fits) -> None:
        self._rows, self._column, self._fits = pipeline.settling.rows, column, fits
        self._answers = np.zeros(64, np.uint8)
        self._epoch = -1

    def of(self, rows: Numbers) -> Mask:
        """Of the lines of these numbers."""
        codes = self._rows.table.take(self._column, rows)
        if not len(codes):
            return np.zeros(0, np.bool_)
        if self._epoch != self._rows.epoch:
            self._answers[:], self._epoch = self.UNKNOWN, self._rows.epoch
        while len(self._answers) <= codes.max():
            self._answers = np.concatenate([self._answers, np.zeros_like(self._answers)])
        values = self._rows.strings[self._column].values
        for code in np.unique(codes[self._answers[codes] == self.UNKNOWN]).tolist():
            self._answers[code] = self.YES if self._fits(values[code]) else self.NO
        answers: Mask = self._answers[codes] == self.YES
        return answers
