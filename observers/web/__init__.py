"""People in a browser: a server that gives them the same session as the window, and a page that shows it.

Nothing of the web server is imported before `server` is.
"""
