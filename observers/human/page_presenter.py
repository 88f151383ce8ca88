"""Pages of text on a screen: read and left, agreed to, or filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .flow import ConsentPage, FormPage, LoadingPage, TextPage
from .frames import next_frame
from .layout import letter_px
from .press_reading import ENTER_KEYS, LEAVE_KEYS
from .screen import Element, Press, Screen, TextElement
from .typesetting import pages

_GLANCE_S = 0.3
"""A page that is left sooner was not read: the press was meant for what came before it."""
_SHORT = 120
"""A text of so many characters is set line by line in the middle; a longer one begins its lines on the left."""


class SessionEnded(Exception):
    """The participant ended the session."""


@dataclass
class PagePresenter:
    """Shows pages on a screen; a text that is too long for one goes on on the next.

    Parameters
    ----------
    screen : Screen
    stop_page : TextPage
        Asks whether to end the session.
    """

    screen: Screen
    stop_page: TextPage

    def read(self, page: TextPage) -> None:
        """Show text until a key is pressed; Escape asks whether to end.

        Raises
        ------
        SessionEnded
        """
        for body in self._bodies(page.paragraphs):
            self._turn([body, self._hint(page.hint)])

    def consent(self, page: ConsentPage) -> None:
        """Ask for consent.

        Raises
        ------
        SessionEnded
            If it is refused.
        """
        bodies = self._bodies(page.paragraphs)
        for body in bodies:
            last = body is bodies[-1]
            while True:
                press = self._next_press([body, self._hint(page.hint if last else page.hint_more)])
                if press.key in LEAVE_KEYS:
                    raise SessionEnded
                if press.key in ENTER_KEYS or not last:
                    break

    def fill_in(self, page: FormPage) -> str:
        """Ask a question of the form and return the answer as it is recorded.

        Raises
        ------
        SessionEnded
        """
        if not page.choices:
            return self._typed(page)
        choices = [f"{number}   {choice}" for number, choice in enumerate(page.choices, start=1)]
        elements = [self._body("\n".join([page.ask, "", *choices]), "left"), self._hint(page.hint)]
        while True:
            number = self._turn(elements).key.removeprefix("num_")
            if number.isdigit() and 1 <= int(number) <= len(choices):
                return page.recorded[int(number) - 1]

    def loading(self, page: LoadingPage) -> None:
        """Show a page and leave it on the screen."""
        self.screen.show([self._body(page.text)])

    def ask_to_stop(self, leaving: Press) -> None:
        """Ask whether to end, after a press that asked to leave; a window that is closed twice does.

        Raises
        ------
        SessionEnded
        """
        press = self._next_press([self._body("\n\n".join(self.stop_page.paragraphs))])
        if press.key in ENTER_KEYS or leaving.key == press.key == "close":
            raise SessionEnded

    def _turn(self, elements: Sequence[Element]) -> Press:
        while True:
            press = self._next_press(elements)
            if press.key not in LEAVE_KEYS:
                return press
            self.ask_to_stop(press)

    def _typed(self, page: FormPage) -> str:
        typed = ""

        def read(press: Press) -> Press | None:
            nonlocal typed
            if press.key == "text":
                typed += press.text
            elif press.key == "backspace":
                typed = typed[:-1]
            elif press.key in LEAVE_KEYS or (press.key in ENTER_KEYS and typed.strip()):
                return press
            return None

        self.screen.presses()
        while True:
            elements = [self._body(f"{page.ask}\n\n{typed}▏"), self._hint(page.hint)]
            press, _ = next_frame(self.screen, elements, read)
            if press is None:
                continue
            if press.key in ENTER_KEYS:
                return typed.strip()
            self.ask_to_stop(press)

    def _next_press(self, elements: Sequence[Element]) -> Press:
        """Show a page until something is pressed; it is drawn in every frame, since other windows may cover it."""
        self.screen.presses()
        earliest = self.screen.show(elements) + _GLANCE_S

        def read(press: Press) -> Press | None:
            return press if press.key != "text" and press.at >= earliest else None

        while True:
            press, _ = next_frame(self.screen, elements, read)
            if press is not None:
                return press

    def _bodies(self, paragraphs: Sequence[str]) -> list[TextElement]:
        """Return what stands on each page of a longer text."""
        parts = [part for paragraph in paragraphs for part in paragraph.strip().split("\n\n")]
        aligned: Literal["center", "left"] = "left" if sum(map(len, parts)) > _SHORT else "center"
        return [
            self._body(page, aligned)
            for page in pages(parts, lambda shown: self.screen.fits(self._body(shown, aligned)))
        ]

    def _body(self, shown: str, aligned: Literal["center", "left"] = "center") -> TextElement:
        letter, height = letter_px(self.screen.size), self.screen.size[1]
        return TextElement(shown, letter, height - 4 * letter, aligned=aligned)

    def _hint(self, text: str) -> TextElement:
        letter, height = letter_px(self.screen.size), self.screen.size[1]
        return TextElement(text, height - 4 * letter, height - letter, scale=0.8)
