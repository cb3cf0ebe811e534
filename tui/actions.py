"""Every act of the terminal UI. This one table feeds keys, footer, help, palette and verb bar.

An act belongs to the whole app, to an area, or to a kind of widget; who offers it has a method
``do_VERB``. The person's settings may give it other keys, by its name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Action:
    """One thing that can be done.

    ``name`` is where it belongs and its verb ("boxes.stop"); ``keys`` as Textual calls them, the
    first is shown. ``changes``: it is not there in a UI that only reads. ``quiet``: it has no
    place in the footer. ``command`` is the command line that does the same, of what is selected.
    """

    name: str
    keys: str
    label: str
    help: str
    command: str = ""
    changes: bool = False
    quiet: bool = False

    @property
    def scope(self) -> str:
        """Where it belongs."""
        return self.name.partition(".")[0]

    @property
    def verb(self) -> str:
        """What it is called there."""
        return self.name.partition(".")[2]


def _box(verb: str, keys: str, label: str, help: str, command: str, **more: bool) -> Action:  # noqa: A002
    return Action(f"boxes.{verb}", keys, label, help, command, **({"changes": True} | more))


ACTIONS = (
    Action("app.verb", "colon", "go", "Go somewhere or do something by its name."),
    Action("app.help", "question_mark", "help", "Show the keys that work here."),
    Action("app.palette", "ctrl+p", "palette", "Search through everything.", quiet=True),
    Action("app.jobs", "J", "jobs", "Show work under way, its output, and cancel it."),
    Action("app.errors", "exclamation_mark", "errors", "Show what failed.", quiet=True),
    Action(
        "app.copy", "y", "copy command", "Copy the command line that does the same.", quiet=True
    ),
    Action("app.theme", "T", "theme", "Take the next theme, dark or light.", quiet=True),
    Action("app.refresh", "R,f5", "refresh", "Look again now.", quiet=True),
    Action("app.quit", "q", "quit", "Leave."),
    Action("list.up", "up,k", "up", "One line up.", quiet=True),
    Action("list.down", "down,j", "down", "One line down.", quiet=True),
    Action("list.page_up", "pageup,ctrl+b", "page up", "A page up.", quiet=True),
    Action("list.page_down", "pagedown,ctrl+f", "page down", "A page down.", quiet=True),
    Action("list.top", "home,g", "top", "To the first line.", quiet=True),
    Action("list.bottom", "end,G", "bottom", "To the last line.", quiet=True),
    Action("area.enter", "enter", "details", "Go into the details of this line."),
    Action("area.back", "escape", "back", "Back to the list, or drop the filter.", quiet=True),
    Action("area.filter", "slash", "filter", "Show only some: words, !not, ~fuzzy."),
    Action("area.mark", "space", "mark", "Mark this line, for acts on several.", quiet=True),
    Action("area.mark_all", "asterisk", "mark all", "Mark all lines, or none.", quiet=True),
    Action("area.sort", "greater_than_sign", "sort", "Sort by the next column.", quiet=True),
    Action("area.reverse", "less_than_sign", "reverse", "Sort the other way around.", quiet=True),
    Action("area.next_tab", "right_square_bracket", "next tab", "The next tab.", quiet=True),
    Action("area.previous_tab", "left_square_bracket", "tab before", "The tab before.", quiet=True),
    Action("text.up", "up,k", "up", "One line up.", quiet=True),
    Action("text.down", "down,j", "down", "One line down.", quiet=True),
    Action("text.page_up", "pageup,ctrl+b", "page up", "A page up.", quiet=True),
    Action("text.page_down", "pagedown,ctrl+f", "page down", "A page down.", quiet=True),
    Action("text.top", "home,g", "top", "To the beginning.", quiet=True),
    Action("text.bottom", "end,G", "bottom", "To the end, and follow what comes."),
    Action("text.follow", "f", "follow", "Follow what comes, or stay here."),
    Action("text.search", "slash", "search", "Search for text."),
    Action("text.next", "n", "next", "The next place that was searched for."),
    Action("text.previous", "N", "previous", "The place before.", quiet=True),
    Action("text.wrap", "w", "wrap", "Wrap long lines, or cut them."),
    Action("text.times", "t", "times", "Show the time of each line."),
    Action("text.left", "left,h", "left", "To the left.", quiet=True),
    Action("text.right", "right,l", "right", "To the right.", quiet=True),
    Action("text.yank", "Y", "copy all", "Copy the text that is shown."),
    Action("text.save", "s", "save", "Save all of it to a file."),
    _box("new", "n", "new", "Make a box: choose a profile and a folder.", "devbox init"),
    _box("shell", "e", "shell", "Open a shell in the box.", "devbox shell {name}"),
    _box("up", "u", "up", "Bring it up as devbox.toml says.", "devbox up {name}"),
    _box("stop", "s", "stop", "Stop it; its containers stay.", "devbox stop {name}"),
    _box("restart", "r", "restart", "Stop it and start it again.", "devbox restart {name}"),
    _box("rebuild", "b", "rebuild", "Build its image again.", "devbox up {name} --rebuild"),
    _box("down", "d", "down", "Remove its containers, keep its data.", "devbox down {name}"),
    _box(
        "remove", "x,delete", "remove", "Forget it, with or without its data.", "devbox rm {name}"
    ),
    _box("open", "o", "open", "Open JupyterLab from the box.", "devbox open jupyter {name}"),
    _box("keep", "K", "keep", "Keep it from stopping for being idle.", "devbox keep {name} 4h"),
    _box("ssh", "c", "ssh", "Copy the ssh command.", "devbox ssh {name}", changes=False),
    _box("logs", "l", "logs", "Its output.", "devbox logs {name} --follow", changes=False),
    _box("plan", "p", "plan", "What up would change.", "devbox up {name} --dry-run", changes=False),
    Action("events.subject", "o", "go to it", "Go to what the event is about."),
    Action("events.failures", "f", "failures", "Only failures, or all again."),
    Action("profiles.lint", "l", "check", "Check this profile.", "devbox profile lint {name}"),
    Action(
        "profiles.use",
        "n",
        "new box",
        "Make a box of this profile.",
        "devbox init --profile {name}",
        changes=True,
    ),
    Action(
        "images.prune",
        "x",
        "prune",
        "Delete images that no box uses.",
        "devbox image prune",
        changes=True,
    ),
    Action(
        "images.prune_all",
        "X",
        "prune all",
        "Delete all that no container uses, and the build cache.",
        "devbox image prune --all --build-cache",
        changes=True,
    ),
    Action("doctor.again", "r", "check again", "Run the checks again.", "devbox doctor"),
    Action("doctor.fix", "c", "copy fix", "Copy the fix of this finding."),
    Action("dialog.yes", "y", "yes", "Do it."),
    Action("dialog.no", "n,escape", "no", "Leave it."),
    Action("dialog.copy", "c", "copy", "Copy the command line that does the same."),
    Action("dialog.toggle", "v", "with data", "With the data, or without it."),
    Action("dialog.close", "escape,q", "close", "Close this."),
    Action("jobs.cancel", "c", "cancel", "Cancel this work.", changes=True),
)

BY_NAME = {action.name: action for action in ACTIONS}


def of(*scopes: str) -> tuple[Action, ...]:
    """The acts of some scopes, in the order of the table."""
    return tuple(action for action in ACTIONS if action.scope in scopes)


def bindings(*scopes: str) -> list[BindingType]:
    """Key bindings for a class that offers the acts of some scopes."""
    return [_binding(action) for action in of(*scopes)]


def chosen(*names: str) -> list[BindingType]:
    """Key bindings for some acts."""
    return [_binding(BY_NAME[name]) for name in names]


def area_binding(number: int, name: str, title: str) -> Binding:
    """The number key of an area."""
    return Binding(str(number), f"go('{name}')", title, show=False, id=f"go.{name}")


def names(areas: Iterable[str] = ()) -> frozenset[str]:
    """Everything that settings may give other keys to."""
    return frozenset(BY_NAME) | {f"go.{area}" for area in areas}


def _binding(action: Action) -> Binding:
    return Binding(action.keys, f"act('{action.name}')", action.label, id=action.name)
