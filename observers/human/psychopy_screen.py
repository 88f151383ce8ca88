"""The window: everything that is PsychoPy's stands here.

Rules of this file: images reach the graphics card as 8-bit PIL images, their edges on whole pixels, without
interpolation, so that the screen shows the file's pixels; keys are stamped by the keyboard's own clock, clicks when
they are polled, between frames too, and how much later that may be than the click is recorded with them.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from typing import IO, Any, cast

from visavis.experiments import ObserverError
from visavis.stimuli import Pixels

from .fixed_texts import fonts
from .human_options import HumanOptions
from .layout import Size, letter_px, line_px
from .screen import Colour, CrossElement, Element, FrameElement, ImageElement, Press, Screen, TextElement
from .timing import LATE, Refresh, judge_refresh
from .typesetting import needs_shaping, wrapped

_TEXTURES = 16
_LEAST_PX = 9
"""Letters are not made smaller than this."""
_POINTS_PER_PIXEL = 0.75
"""As PsychoPy makes letters: heights in whole points of 1/72 inch, pixels of 1/96."""
_INKS: tuple[Colour, Colour] = (16, 16, 16), (240, 240, 240)
_HEADLESS: Size = (1920, 1080)


def _import_psychopy() -> None:
    """Import PsychoPy without its search for plugins and its messages."""
    os.environ.setdefault("PSYCHOPYNOPACKAGES", "1")
    try:
        from psychopy import logging

        logging.console.setLevel(logging.ERROR)
        from psychopy import visual  # noqa: F401 - what fails here fails before a session is begun
        from psychopy.hardware import keyboard  # noqa: F401
    except ModuleNotFoundError as error:
        raise ObserverError(
            f"windows for people need PsychoPy, which cannot be imported ({error}): pip install 'visavis[human]', with "
            "Python 3.12 or older"
        ) from error
    except PermissionError as error:
        raise ObserverError(
            f"PsychoPy keeps settings in the home folder, which is not writable ({error}): set HOME to another"
        ) from error
    except Exception as error:
        raise ObserverError(
            f"PsychoPy cannot open windows here ({type(error).__name__}: {error}). On Linux it needs a display and the "
            "packages libglu1-mesa, libasound2 and libjack-jackd2-0; without a display use --screen headless"
        ) from error


@cache
def _own_display(size: Size) -> tuple[str, subprocess.Popen[str]]:
    """Start a virtual display, once a process; return its name and its server.

    It ends by itself when this process does (``-terminate``). To end it earlier would end this process too: Xlib
    gives up on everything when a display that it has ever used goes away.
    """
    if sys.platform != "linux":
        raise ObserverError(
            "--screen headless needs Xvfb, which exists on Linux only: elsewhere use a window, such as "
            "--window 1280x800"
        )
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", f"{size[0]}x{size[1]}x24", "-nolisten", "tcp", "-terminate"]
    try:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except FileNotFoundError as error:
        raise ObserverError("--screen headless needs Xvfb: apt-get install xvfb") from error
    with cast("IO[str]", server.stdout) as output:
        number = output.readline().strip()
    if not number:
        raise ObserverError("Xvfb did not start: try 'xvfb-run' around the command")
    return f":{number}", server


def contrast_ratio(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (WCAG 2.2, relative luminance of sRGB)."""
    dark, light = sorted(_luminance(colour) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class PsychoPyScreen(Screen):
    """A PsychoPy window with keyboard, mouse and touch.

    Parameters
    ----------
    options : HumanOptions
    background : tuple of int
        sRGB, 8 bits.

    Raises
    ------
    ObserverError
        If no window can be opened.
    """

    def __init__(self, options: HumanOptions, background: Colour) -> None:
        self.options = options
        self._calibration: Any = None
        if options.screen == "headless":
            os.environ["DISPLAY"], _ = _own_display(options.window or _HEADLESS)
        try:
            _import_psychopy()
            self._open(background)
        except BaseException:
            self.close()
            raise

    def _open(self, background: Colour) -> None:
        from psychopy import visual
        from psychopy.hardware import keyboard

        options = self.options
        try:
            self._window = visual.Window(
                options.window or _HEADLESS,
                fullscr=options.window is None and options.screen != "headless",
                screen=0 if options.screen == "headless" else options.screen,
                units="pix",
                color=background,
                colorSpace="rgb255",
                useFBO=False,
                checkTiming=False,
                allowGUI=False,
                useRetina=True,
                **self._monitor(),
            )
        except Exception as error:
            raise ObserverError(
                f"no window could be opened ({type(error).__name__}: {error}): is there a display, and does screen "
                f"{options.screen} exist? Without a display use --screen headless"
            ) from error
        self.size = int(self._window.size[0]), int(self._window.size[1])
        # Where the window is scaled, the display counts in points.
        points, handle = self._window.winHandle.get_size(), self._window.winHandle.screen
        self.display = (
            round(handle.width * self.size[0] / points[0]),
            round(handle.height * self.size[1] / points[1]),
        )
        self._ink = max(_INKS, key=lambda ink: contrast_ratio(ink, background))
        self._keyboard = keyboard.Keyboard()
        self._hardware = self._keyboard.getBackend() == "ptb"
        self._events: list[Press] = []
        self._seen: set[tuple[str, float]] = set()
        self._away = False
        self._before = self._looked = self._flipped = self.now()
        self._drawn = self._in_time = False
        handlers = {
            "on_mouse_press": self._on_mouse,
            "on_text": self._on_text,
            "on_close": self._on_close,
            "on_activate": self._on_activate,
            "on_deactivate": self._on_deactivate,
        }
        if not self._hardware:
            handlers["on_key_press"] = self._on_key
        self._window.winHandle.push_handlers(**handlers)
        self._window.mouseVisible = True
        self._images: OrderedDict[str, Any] = OrderedDict()
        self._texts: OrderedDict[TextElement, Any] = OrderedDict()
        self._widths: dict[int, dict[str, float]] = {}
        self._rectangles: OrderedDict[tuple[int, int, tuple[float, float]], Any] = OrderedDict()
        self._font = options.font or self._choose_font()
        self._refresh = self._measure_refresh()
        self.refresh_hz = self._refresh.hz
        self._margin_s = 0.5 / self.refresh_hz if self._refresh.synchronised else 0.0

    def _monitor(self) -> dict[str, Any]:
        """Return the monitor's settings for the window; without its gamma on a virtual display."""
        if self.options.monitor is None:
            return {}
        from psychopy import monitors

        if self.options.monitor not in monitors.getAllMonitors():
            raise ObserverError(
                f"unknown monitor {self.options.monitor!r}: create it in PsychoPy's Monitor Center, or leave out "
                f"'monitor'; choose from {', '.join(monitors.getAllMonitors()) or 'none (no monitor is defined)'}"
            )
        self._calibration = monitors.Monitor(self.options.monitor)
        width, distance = self._calibration.getWidth(), self._calibration.getDistance()
        self.viewed = float(width) if width else None, float(distance) if distance else None
        return {} if self.options.screen == "headless" else {"monitor": self._calibration}

    def now(self) -> float:
        return float(self._keyboard.clock.getTime())

    def load(self, key: str, pixels: Pixels) -> None:
        from PIL import Image as PilImage
        from psychopy import visual

        if key not in self._images:
            height, width = pixels.shape[:2]
            self._images[key] = visual.ImageStim(
                self._window,
                image=PilImage.fromarray(pixels),
                size=(width, height),
                units="pix",
                interpolate=False,
            )
        self._images.move_to_end(key)
        while len(self._images) > _TEXTURES:
            self._images.popitem(last=False)

    def flip(self) -> float:
        appeared: list[float] = []
        self._window.callOnFlip(lambda: appeared.append(self.now()))
        begun = self.now()
        self._window.flip()
        before, self._flipped, self._drawn = self._flipped, appeared[0], False
        self._keep_margin(self._flipped - before, self._flipped - begun)
        return self._flipped

    def _keep_margin(self, interval: float, flip: float) -> None:
        """Set how long before the refresh to flip: earlier after a frame that came late although it was begun in time.

        Without vertical sync, by as much as a flip takes.
        """
        period = 1 / self.refresh_hz
        if not self._refresh.synchronised:
            self._margin_s = min(period, 0.8 * self._margin_s + 0.2 * flip)
        elif interval > LATE * period and self._in_time:
            self._margin_s = min(period, self._margin_s + 0.125 * period)
        self._in_time = False

    def due(self) -> bool:
        due = self.now() - self._flipped >= 1 / self.refresh_hz - self._margin_s
        self._in_time = self._in_time or not due
        return due

    def prepare(self, elements: Sequence[Element]) -> None:
        for element in elements:
            if isinstance(element, TextElement):
                self._text(element)

    def draw(self, elements: Sequence[Element]) -> None:
        from pyglet import gl

        if self._drawn:
            self._window.clearBuffer()
        self._drawn = True
        for element in elements:
            if isinstance(element, ImageElement):
                image = self._images[element.key]
                image.pos = element.place.centre(self.size)
                image.draw()
            elif isinstance(element, TextElement):
                self._text(element).draw()
            elif isinstance(element, FrameElement):
                self._draw_frame(element)
            else:
                self._draw_cross(element)
        gl.glFlush()  # rendering begins now, not with the flip

    def fits(self, words: TextElement) -> bool:
        return bool(self._set(words, self._letter_px(words)).boundingBox[1] <= words.bottom - words.top)

    def point(self, shown: bool) -> None:
        self._window.mouseVisible = shown

    def problems(self, texts: Sequence[str]) -> list[str]:
        found = [self._refresh.problem()] if self._refresh.problem() and self.options.screen != "headless" else []
        if missing := self._missing(self._font, "".join(texts)):
            found.append(
                f"the font {self._font!r} lacks {missing[:20]!r}: install a font that has them (on Debian "
                "fonts-noto-cjk or fonts-noto-core), or name one with --font"
            )
        if shaped := needs_shaping("".join(texts)):
            found.append(
                f"text is drawn letter by letter from left to right, which is wrong for {shaped[:20]!r}: look at every "
                "page before the first participant does"
            )
        size = self._calibration.getSizePix() if self._calibration else None
        if size is not None and tuple(map(int, size)) != self.display and self.options.screen != "headless":
            found.append(
                f"the monitor {self.options.monitor!r} was set up with {size[0]}×{size[1]} pixels, this display has "
                f"{self.display[0]}×{self.display[1]}: degrees of visual angle use the display's"
            )
        return found

    def presses(self) -> list[Press]:
        self._before, self._looked = self._looked, self.now()
        self._window.winHandle.dispatch_events()
        pressed, self._events = self._events, []
        if self._hardware:
            # A key that is still down and one that went up again since the last call come from different calls.
            for wait in (False, True):
                for key in self._keyboard.getKeys(waitRelease=wait, clear=True):
                    stamp = key.name, round(float(key.tDown), 6)
                    if stamp not in self._seen:
                        self._seen.add(stamp)
                        if not self._away:
                            pressed.append(Press(float(key.rt), key.name))
        return sorted(pressed, key=lambda press: press.at)

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def describe(self) -> dict[str, Any]:
        import psychopy

        return {
            **super().describe(),
            "measured_hz": round(self._refresh.measured_hz, 2),
            "vertical_sync": self._refresh.synchronised,
            "psychopy": psychopy.__version__,
            "keyboard": "psychtoolbox" if self._hardware else "window events, polled between frames",
            "mouse": "window events, polled between frames",
            "full_screen": bool(self._window._isFullScr),  # noqa: SLF001 - PsychoPy has no public name for it
            "headless": self.options.screen == "headless",
            "font": self._font,
            "monitor": self._monitor_record(),
            "gamma": self._gamma(),
        }

    def _monitor_record(self) -> dict[str, Any] | None:
        if self._calibration is None:
            return None
        size = self._calibration.getSizePix()
        return {
            "name": self.options.monitor,
            "width_cm": self.viewed[0],
            "distance_cm": self.viewed[1],
            "size_px": None if size is None else [int(pixels) for pixels in size],
            "calibration": str(self._calibration.currentCalibName),
        }

    def capture(self, elements: Sequence[Element]) -> Any:
        """Draw these things and return what the graphics card made of them, uint8 of shape (height, width, 3)."""
        import numpy as np

        self.draw(elements)
        self._drawn = False
        frame = np.asarray(self._window.getMovieFrame(buffer="back"))
        self._window.movieFrames = []
        self._window.flip()
        return frame

    def close(self) -> None:
        window = getattr(self, "_window", None)
        if window is not None:
            window.close()
            self._window = None

    def _on_mouse(self, x: float, y: float, *_: object) -> None:
        # Where the window is scaled, events count in points and images in pixels.
        points = self._window.winHandle.get_size()
        x, y = x * self.size[0] / points[0], y * self.size[1] / points[1]
        self._happened("mouse", x=float(x), y=float(self.size[1] - y))

    def _on_text(self, character: str) -> None:
        if character.isprintable():
            self._happened("text", text=character)

    def _on_key(self, symbol: int, _: int) -> None:
        from pyglet.window import key

        name = key.symbol_string(symbol).lower().lstrip("_")
        self._happened({"enter": "return"}.get(name, name))

    def _on_close(self) -> bool:
        self._happened("close")
        return True  # the window stays open until the participant confirms

    def _on_activate(self) -> None:
        self._away = False

    def _on_deactivate(self) -> None:
        self._away = True  # the keyboard is still heard, but what is typed is meant for another window

    def _happened(self, key: str, **more: Any) -> None:
        now = self.now()
        self._events.append(Press(now, key, uncertainty=now - self._before, **more))

    def _letter_px(self, words: TextElement) -> int:
        return max(_LEAST_PX, round(words.scale * letter_px(self.size)))

    def _text(self, words: TextElement) -> Any:
        if words not in self._texts:
            room, letters = words.bottom - words.top, self._letter_px(words)
            text = self._set(words, letters)
            while (height := float(text.boundingBox[1])) > room and letters > _LEAST_PX:
                letters = max(_LEAST_PX, min(letters - 1, int(letters * math.sqrt(room / height))))
                text = self._set(words, letters)
            self._texts[words] = text
        self._texts.move_to_end(words)
        while len(self._texts) > 2 * _TEXTURES:
            self._texts.popitem(last=False)
        return self._texts[words]

    def _set(self, words: TextElement, letters: int) -> Any:
        """Set a text in letters of some size, where it stands."""
        from psychopy import visual

        text = visual.TextStim(
            self._window,
            text=wrapped(words.text, line_px(self.size), lambda text: self._advance(text, letters)),
            font=self._font,
            height=letters,
            wrapWidth=self.size[0],
            alignText=words.aligned,
            anchorHoriz=words.aligned,
            anchorVert={"middle": "center"}.get(words.stands, words.stands),
            units="pix",
            color=self._ink,
            colorSpace="rgb255",
        )
        y = {"top": words.top, "bottom": words.bottom}.get(words.stands, (words.top + words.bottom) / 2)
        x = -float(text.boundingBox[0]) / 2 if words.aligned == "left" else 0
        text.pos = round(x), round(self.size[1] / 2 - y)
        return text

    def _advance(self, text: str, letters: int) -> float:
        """Return the width of a text on one line, in pixels."""
        import pyglet

        font = pyglet.font.load(self._font, int(letters * _POINTS_PER_PIXEL))
        widths = self._widths.setdefault(letters, {})
        for character in set(text).difference(widths):
            widths[character] = float(font.get_glyphs(character)[0].advance)
        return sum(map(widths.__getitem__, text))

    def _draw_frame(self, frame: FrameElement) -> None:
        for bar in frame.bars:
            self._fill(bar.width, bar.height, bar.centre(self.size))

    def _draw_cross(self, _: CrossElement) -> None:
        length = letter_px(self.size)
        thickness = max(3, length // 8)
        for width, height in ((length, thickness), (thickness, length)):
            self._fill(width, height, (0, 0))

    def _fill(self, width: int, height: int, centre: tuple[float, float]) -> None:
        """Draw a rectangle in the colour of letters."""
        from psychopy import visual

        key = width, height, centre
        if key not in self._rectangles:
            self._rectangles[key] = visual.Rect(
                self._window, width=width, height=height, pos=centre, units="pix", fillColor=self._ink, lineWidth=0,
                colorSpace="rgb255",
            )  # fmt: skip
        self._rectangles.move_to_end(key)
        while len(self._rectangles) > 4 * _TEXTURES:
            self._rectangles.popitem(last=False)
        self._rectangles[key].draw()

    def _choose_font(self) -> str:
        import pyglet

        wanted = fonts(self.options.language)
        return next((name for name in wanted if pyglet.font.have_font(name)), wanted[0])

    def _missing(self, font: str, text: str) -> str:
        """Return the characters that a font lacks, where the system does not take them from another font by itself."""
        import pyglet

        face = getattr(pyglet.font.load(font, 12), "face", None)
        if face is None:
            return ""
        return "".join(sorted({c for c in text if c.isprintable() and not face.get_character_index(c)}))

    def _measure_refresh(self) -> Refresh:
        """Count frames for half a second."""
        for _ in range(5):
            self._window.flip()
        times = [self.now()]
        while len(times) < 60 and times[-1] - times[0] < 0.5:
            self._window.flip()
            times.append(self.now())
        return judge_refresh(times)

    def _gamma(self) -> Any:
        grid = getattr(self._window.monitor, "getGammaGrid", lambda: None)()
        if grid is None:
            return None
        return [[float(value) if math.isfinite(value) else None for value in row] for row in grid]
