"""Benchmarks of oai_dyn beside code written by hand and the official SDK: `python -m tests.benchmarks`.

How it is measured:

* The server (`server.py`) is a process of its own and writes bytes made beforehand; its work is in no figure.
* Every candidate runs in a process of its own (`child.py`), which imports only what that candidate needs,
  so neither memory nor garbage collection of one library weighs on another.
* A figure is the CPU time of that process, or its memory; the runs of the candidates take turns
  (A B C A B C ...), so that a slow minute of the machine falls on all alike; medians are compared.
* The first run of each process is thrown away: it opens the connection and fills caches.
* Every run checks what it received, so no candidate is fast by leaving something out.
"""
