"""devbox df."""

from __future__ import annotations

import click

from devbox.cli.output import json_option, print_json, print_table, size


@click.command("df")
@json_option
def df(as_json: bool) -> None:
    """Show what takes space: images, volumes, caches, blobs and state.

    Images are counted by what they add to each other. The build cache is the engine's, shared
    by all that is built on it.

    \b
    Example:
      devbox df
      devbox df --json
    """
    from devbox.api import Devbox

    with Devbox() as door:
        usage = door.images.usage()
    if as_json:
        print_json({"parts": usage.parts, "size": usage.size})
        return
    rows: list[tuple[object, ...]] = [
        (part.kind, part.count, size(part.size), size(part.reclaimable), part.freed_by)
        for part in usage.parts
    ]
    rows.append(("total", "", size(usage.size), size(sum(p.reclaimable for p in usage.parts)), ""))
    print_table(("what", "count", "size", "reclaimable", "freed by"), rows)
