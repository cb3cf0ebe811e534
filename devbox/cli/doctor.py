"""devbox doctor."""

from __future__ import annotations

import click

from devbox.cli.output import json_option


@click.command("doctor")
@json_option
def doctor(as_json: bool) -> int:
    """Check what devbox needs, with a fix for each finding.

    Changes nothing. Exits with 1 where something failed.

    \b
    Example:
      devbox doctor
      devbox doctor --json
    """
    from devbox.api import Devbox
    from devbox.cli.checks import report
    from devbox.doctor import checks

    with Devbox() as door:
        return report(checks(door), as_json=as_json)
