"""The areas, in the order of their number keys. A new one is a module and a line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tui.screens.area import Area


class Place(NamedTuple):
    """An area: its name, its title, and where its screen is."""

    name: str
    title: str
    module: str
    screen: str

    def make(self) -> Area:
        """The screen, imported when it is first gone to."""
        made: Area = getattr(import_module(self.module), self.screen)()
        return made


AREAS = (
    Place("boxes", "Boxes", "tui.screens.boxes", "BoxesScreen"),
    Place("host", "Host", "tui.screens.host", "HostScreen"),
    Place("events", "Events", "tui.screens.events", "EventsScreen"),
    Place("profiles", "Profiles", "tui.screens.profiles", "ProfilesScreen"),
    Place("images", "Images", "tui.screens.images", "ImagesScreen"),
    Place("doctor", "Doctor", "tui.screens.doctor", "DoctorScreen"),
)
NAMES = tuple(place.name for place in AREAS)
