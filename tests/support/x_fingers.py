"""Presses real keys and buttons on an X display, from a process of its own.

Reads lines ``WAIT_S HOLD_S KEY`` or ``WAIT_S HOLD_S click X Y`` from standard input, and answers each with the moment
of the press on the monotonic clock, which processes share.
"""

from __future__ import annotations

import sys
import time

from Xlib import XK, X, display
from Xlib.ext import xtest


def main() -> None:
    screen = display.Display()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        wait, hold, what, *where = line.split()
        time.sleep(float(wait))
        if what == "click":
            xtest.fake_input(screen, X.MotionNotify, x=int(where[0]), y=int(where[1]))
            screen.sync()
            events, detail = (X.ButtonPress, X.ButtonRelease), 1
        else:
            events, detail = (X.KeyPress, X.KeyRelease), screen.keysym_to_keycode(XK.string_to_keysym(what))
        pressed = time.monotonic()
        xtest.fake_input(screen, events[0], detail)
        screen.sync()
        if float(hold):
            time.sleep(float(hold))
        xtest.fake_input(screen, events[1], detail)
        screen.sync()
        sys.stdout.write(f"{pressed}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
