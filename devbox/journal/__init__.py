"""What runs inside training code, here, in a box or on a cluster node: it writes down what
happens in a run.

Standard library only, and for Python 3.9 and newer, since it is copied to where code runs. A run
is a folder; every process that logs to it appends to a journal of its own there. The outside
takes the journals in (:mod:`devbox.runs`).
"""
