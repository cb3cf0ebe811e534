"""The lock: what a box is made of to the last package, written down to be built again.

``file`` is the format, ``fits`` says whether a lock is still that of a devbox.toml, ``make``
writes one from a built image (``collect`` looks into it, ``wheels`` and ``index`` find the files
behind its packages), ``store`` brings those files here, checked by their hashes.
"""
