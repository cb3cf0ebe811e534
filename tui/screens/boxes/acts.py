"""What can be done with boxes: each act asks what it would do, shows that where something would
be lost, and then works in the background."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbox.boxes import BoxView
from devbox.boxes.work import Ending
from tui.acting import Acting
from tui.actions import BY_NAME, Action
from tui.plans import ending_lines, removal_lines, together, up_lines
from tui.screens.boxes.drift import spec_of
from tui.screens.boxes.opening import opened
from tui.screens.boxes.shell import open_shell
from tui.screens.boxes.wizard import NewBox, Wanted, make
from tui.widgets.dialog import Ask

if TYPE_CHECKING:
    from devbox.api import Devbox
    from devbox.boxes.plan import Plan
    from devbox.boxes.remove import Removal
    from tui.live.jobs import Hands
    from tui.widgets.grid import Grid

KEEP_SECONDS = 4 * 3600
RUNS = frozenset(("running", "partial", "unfinished"))
NEEDS = {
    "shell": (RUNS, "it does not run"),
    "stop": (RUNS, "it does not run"),
    "restart": (RUNS | {"stopped"}, "it has no containers"),
    "down": (RUNS | {"stopped"}, "it is down already"),
    "open": (RUNS, "it does not run"),
    "ssh": (RUNS, "it does not run"),
    "keep": (RUNS, "it does not run"),
}
SINGLE = frozenset(("shell", "open", "ssh", "logs", "plan"))
LOOKING = frozenset(("logs", "plan", "ssh"))


class BoxActs(Acting):
    """The acts of the scope "boxes"."""

    if TYPE_CHECKING:
        grid: Grid[BoxView]
        show_command: Any
        show_tab: Any

    last_command = ""

    def why_not(self, action: Action) -> str:
        if action.scope != "boxes":
            return super().why_not(action)
        if self.ui.seen.away and action.verb not in LOOKING:
            return "the engine is away"
        if action.verb == "new":
            return ""
        boxes = self.grid.chosen
        if not boxes:
            return "there is no box"
        if action.verb in SINGLE and len(boxes) > 1:
            return "that is for one box, several are marked"
        if action.changes and action.verb not in {"shell", "open"} and all(map(self._busy, boxes)):
            return "it is worked on already"
        states, reason = NEEDS.get(action.verb, (None, ""))
        if states is not None and not any(box.state in states for box in boxes):
            return reason
        if action.verb == "keep" and not any(box.idle for box in boxes):
            return "it does not stop by itself (stop_after)"
        if action.verb in {"up", "rebuild"} and not any(box.project for box in boxes):
            return "its project is not known"
        return ""

    def _busy(self, box: BoxView) -> bool:
        return self.ui.jobs.of(f"box/{box.name}") is not None

    def targets(self, verb: str) -> list[BoxView]:
        """The boxes that an act is for: marked ones, else the one under the cursor."""
        states, _ = NEEDS.get(verb, (None, ""))
        return [
            box
            for box in self.grid.chosen
            if (states is None or box.state in states) and not self._busy(box)
        ]

    def command_of(self, action: Action, names: Sequence[str], *more: str) -> str:
        """The command line that does the same for these boxes."""
        lines = (action.command.format(name=shlex.quote(name)) for name in names)
        return "; ".join(" ".join([line, *more]) for line in lines)

    def _note(self, command: str) -> None:
        self.last_command = command
        self.show_command()

    def _start(
        self,
        verb: str,
        name: str,
        command: str,
        work: Callable[[Devbox, Hands], Any],
        agreed: Sequence[Ending] = (),
    ) -> None:
        self.ui.jobs.start(f"{verb} {name}", f"box/{name}", command, work, tuple(agreed))

    # Bringing up

    def do_up(self) -> None:
        self._plan_up(rebuild=False)

    def do_rebuild(self) -> None:
        self._plan_up(rebuild=True)

    def _plan_up(self, *, rebuild: bool) -> None:
        verb = "rebuild" if rebuild else "up"
        boxes = self.targets(verb)
        action = BY_NAME[f"boxes.{verb}"]
        command = self.command_of(action, [box.name for box in boxes])
        self._note(command)

        def look(door: Devbox) -> list[tuple[BoxView, Plan]]:
            found = []
            for box in boxes:
                project = door.project(Path(box.project))
                found.append((box, door.boxes.check(project.box(box.name).spec, rebuild=rebuild)))
            return found

        def planned(found: list[tuple[BoxView, Plan]]) -> None:
            todo = [(box, plan) for box, plan in found if not plan.empty]
            if not todo:
                self.app.notify("Nothing to do: up to date.", markup=False)
            elif any(plan.replaces or plan.rebuild for _, plan in todo):
                lines = together([[(box.name, ""), *up_lines(plan)] for box, plan in todo])
                done = partial(self._agreed, partial(go, todo))
                self.ui.ask(f"{verb}: the plan", lines, done, command=command)
            else:
                go(todo)

        def go(todo: list[tuple[BoxView, Plan]]) -> None:
            for box, plan in todo:
                one = self.command_of(action, [box.name])
                work = partial(_bring_up, box=box, rebuild=rebuild)
                self._start(verb, box.name, one, work, [plan.ending])

        self.ui.fetch(look, planned)

    def _agreed(self, then: Callable[[], None], yes: bool | None) -> None:
        if yes:
            then()
        else:
            self.app.notify("Nothing was changed.")

    # Ending

    def do_stop(self) -> None:
        self._end("stop", lambda door, name, h: door.boxes.stop(name, h.report, h.agree))

    def do_restart(self) -> None:
        self._end("restart", lambda door, name, h: door.boxes.restart(name, h.report, h.agree))

    def do_down(self) -> None:
        self._end("down", lambda door, name, h: door.boxes.down(name, h.report, h.agree), ask=True)

    def _end(
        self, verb: str, work: Callable[[Devbox, str, Hands], Any], *, ask: bool = False
    ) -> None:
        names = [box.name for box in self.targets(verb)]
        action = BY_NAME[f"boxes.{verb}"]
        self._note(self.command_of(action, names))

        def look(door: Devbox) -> list[Ending]:
            return [door.boxes.ending(name, verb) for name in names]

        def go(endings: list[Ending]) -> None:
            for ending in endings:
                name = ending.box
                one = self.command_of(action, [name], *(["--yes"] if ending.work else []))
                self._start(verb, name, one, _named(work, name), [ending])

        def seen(endings: list[Ending]) -> None:
            if not ask and not any(e.work or e.lost.lines for e in endings):
                go(endings)
                return
            command = self.command_of(action, names, "--yes")
            lines = together([ending_lines(ending) for ending in endings])
            done = partial(self._agreed, partial(go, endings))
            self.ui.ask(f"{verb}: what it ends", lines, done, command=command)

        self.ui.fetch(look, seen)

    def do_remove(self) -> None:
        names = [box.name for box in self.targets("remove")]
        action = BY_NAME["boxes.remove"]
        self._note(self.command_of(action, names))

        def look(door: Devbox) -> dict[bool, list[Removal]]:
            return {
                volumes: [door.boxes.removal(name, volumes=volumes) for name in names]
                for volumes in (False, True)
            }

        def seen(plans: dict[bool, list[Removal]]) -> None:
            def toggle(*, volumes: bool) -> tuple[Any, str]:
                more = ["--volumes", "--yes"] if volumes else ["--yes"]
                lines = together([removal_lines(plan) for plan in plans[volumes]])
                return lines, self.command_of(action, names, *more)

            lines, command = toggle(volumes=False)
            title = "Remove: v deletes the data too"
            dialog = Ask(
                title,
                lines,
                command=command,
                question="Remove?",
                toggle=lambda data: toggle(volumes=data),
            )

            def answered(yes: bool | None) -> None:
                self._agreed(lambda: go(plans[dialog.toggled], dialog.toggled), yes)

            self.app.push_screen(dialog, answered)

        def go(plans: list[Removal], volumes: bool) -> None:
            for plan in plans:
                more = ["--volumes"] if volumes else []
                one = self.command_of(action, [plan.name], *more, "--yes")
                work = partial(_remove, name=plan.name, volumes=volumes)
                self._start("remove", plan.name, one, work, [plan.ending])

        self.ui.fetch(look, seen)

    # Working in it

    def do_new(self) -> None:
        self.new_box("")

    def new_box(self, profile: str) -> None:
        """Ask for a new box, beginning with a profile."""

        def wanted(answer: Wanted | None) -> None:
            if answer is not None:
                self._note(answer.command)
                self._start("new", answer.name, answer.command, partial(make, wanted=answer))

        self.app.push_screen(NewBox(profile), wanted)

    def do_shell(self) -> None:
        (box,) = self.targets("shell")
        self._note(self.command_of(BY_NAME["boxes.shell"], [box.name]))
        open_shell(self.ui, box.name)

    def do_open(self) -> None:
        (box,) = self.targets("open")
        action = BY_NAME["boxes.open"]
        command = self.command_of(action, [box.name])
        self._note(command)
        name = box.name

        def work(door: Devbox, hands: Hands) -> Any:
            found = door.inside.open(name, "jupyter", report=hands.report)
            self.ui.tell(partial(opened, self.ui, found))
            return found

        self._start("open", name, command, work)

    def do_keep(self) -> None:
        names = [box.name for box in self.targets("keep") if box.idle]
        self._note(self.command_of(BY_NAME["boxes.keep"], names))

        def work(door: Devbox) -> None:
            for name in names:
                door.boxes.keep(name, None, KEEP_SECONDS)

        self.ui.fetch(work, lambda _: self.app.notify(f"Kept for 4 h: {', '.join(names)}."))

    def do_ssh(self) -> None:
        (box,) = self.targets("ssh")
        command = self.command_of(BY_NAME["boxes.ssh"], [box.name])
        self._note(command)
        self.app.copy_to_clipboard(command)
        self.app.notify(command, title="Copied", markup=False)

    def do_logs(self) -> None:
        self.show_tab("logs")

    def do_plan(self) -> None:
        self.show_tab("plan")


def _named(work: Callable[[Devbox, str, Hands], Any], name: str) -> Callable[[Devbox, Hands], Any]:
    return lambda door, hands: work(door, name, hands)


def _bring_up(door: Devbox, hands: Hands, *, box: BoxView, rebuild: bool) -> Any:
    spec = spec_of(door, box)
    if spec is None:
        spec = door.project(Path(box.project)).box(box.name).spec  # says what is wrong
    return door.boxes.up(
        spec, report=hands.report, offer=hands.offer, agree=hands.agree, rebuild=rebuild
    )


def _remove(door: Devbox, hands: Hands, *, name: str, volumes: bool) -> Any:
    return door.boxes.rm(name, volumes=volumes, report=hands.report, agree=hands.agree)
