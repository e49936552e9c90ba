"""Judging a candidate against stable on live signals: counters of their pods, a window over them, sequential tests.

Pure: no I/O and no clock. `counters` reads one pod's exposition, `window` folds readings into `AnalysisStatus`,
`sequential` holds the statistics, `judge` turns totals into verdicts. docs/analysis.md tells the whole.
"""
