"""Plans in lines for a person: what would change, end or be lost. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.shown import plain, size

if TYPE_CHECKING:
    from devbox.boxes.images.space import PrunePlan
    from devbox.boxes.plan import Plan
    from devbox.boxes.remove import Removal
    from devbox.boxes.work import Ending

Said = tuple[str, str]
"""A line and its tone: good, warn, bad, dim or ""."""
MOST = 40


def up_lines(plan: Plan) -> list[Said]:
    """The plan of an `up`."""
    lines: list[Said] = [(f"{plan.act.value}: {plan.reason}", "dim" if plan.empty else "")]
    lines += [(f"  build {tag}", "") for tag in plan.build]
    if plan.desired.lock:
        lines.append((f"  lock: {plan.desired.lock}", ""))
    for change in plan.changes:
        for line in change.lines:
            tone = {"+": "good", "-": "warn"}.get(line[:1], "")
            lines.append((f"  {change.key}: {plain(line)}", tone))
    lines += _ended(plan.ending)
    return lines


def ending_lines(ending: Ending) -> list[Said]:
    """What stopping, restarting or taking a box down ends."""
    done = {
        "stop": "its containers stay",
        "restart": "it starts again at once",
        "down": "its containers go, its volumes and settings stay",
        "rm": "its containers go",
        "up": "another container takes its place",
    }
    what = f"{ending.act}: {done[ending.act]}" if ending.act in done else ending.act
    lines: list[Said] = [(f"box {ending.box}: {what}", "")]
    if not ending.work:
        lines.append(("  nothing of yours runs in it", "dim"))
    return lines + _ended(ending)


def removal_lines(removal: Removal) -> list[Said]:
    """What removing a box deletes."""
    where = plain(removal.project) or "an unknown project"
    lines: list[Said] = [(f"box {removal.name} of {where}", "")]
    for name in removal.containers:
        running = " (running)" if name in removal.running else ""
        lines.append((f"  remove container {name}{running}", "warn"))
    lines += [(f"  DELETE volume {name} and all data in it", "bad") for name in removal.volumes]
    lines += [(f"  keep volume {name}", "good") for name in removal.kept]
    lines.append(("  the project's folder is not touched", "dim"))
    return lines + _ended(removal.ending)


def prune_lines(plan: PrunePlan) -> list[Said]:
    """What pruning images deletes, and what that frees."""
    lines: list[Said] = [(f"  delete {i.ref[:60]}  {size(i.adds):>7}", "warn") for i in plan.images]
    if plan.build_cache:
        lines.append((f"  delete the build cache, everybody's  {size(plan.build_cache)}", "bad"))
    if not lines:
        return [("There is nothing to delete.", "dim")]
    return [*lines, (f"frees {size(plan.size)}", "good")]


def _ended(ending: Ending) -> list[Said]:
    lines: list[Said] = [(f"  end {plain(str(work))}", "bad") for work in ending.work[:MOST]]
    if len(ending.work) > MOST:
        lines.append((f"  and {len(ending.work) - MOST} more", "bad"))
    return lines + [(f"  lose {plain(line)}", "bad") for line in ending.lost.lines]


def together(parts: Sequence[list[Said]]) -> list[Said]:
    """Several plans as one."""
    return [line for part in parts for line in part]
