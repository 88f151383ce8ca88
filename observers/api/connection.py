"""The way to a model: addresses, key, settings, and one client for each server."""

from __future__ import annotations

import os
from collections.abc import Sequence

from visavis.experiments import MissingKey, ObserverError
from visavis.observers.question import Question

from .api_options import ApiOptions
from .client import Client, Settings
from .profile import Provider
from .servers import Server, Servers


def connect(
    client_class: type[Client], settings: Settings, options: ApiOptions, known: Provider, key: str, *, structured: bool
) -> Servers:
    """Make a client for each server; nothing is sent.

    Raises
    ------
    ObserverError
        If fields of the user's own do not fit into a request.
    """
    servers = Servers(
        [Server(url, client_class(settings, key, url, options.timeout_s)) for url in server_urls(options, known)]
    )
    # Fields of the user's own that do not fit are noticed here, not at the first request.
    servers.client.body(Question((), {}, reasoning=False, structured=structured), options.seed)
    return servers


def server_urls(options: ApiOptions, known: Provider) -> tuple[str, ...]:
    """Return the servers' addresses: the user's, else that of the variable that the SDK knows, else the usual."""
    named = os.environ.get(known.base_url_env or "", "")
    return options.base_url or ((named,) if named else (known.base_url,))


def read_key(observer: str, options: ApiOptions, known: Provider, warnings: Sequence[str]) -> str:
    """Return the key from the environment; empty where the provider needs none.

    Raises
    ------
    MissingKey
        With `warnings`, if the variable is not set.
    ObserverError
        If it cannot be a key.
    """
    names = (options.key_env,) if options.key_env else known.keys
    name, key = next(((name, os.environ[name].strip()) for name in names if os.environ.get(name)), ("", ""))
    if names and not key:
        where = f"the environment variable {' or '.join(names)}"
        raise MissingKey(f"{observer}: no key: put it into {where}", warnings)
    if not all("!" <= letter <= "~" for letter in key):
        raise ObserverError(f"{observer}: the key in {name} holds characters that a key cannot have: set it anew")
    return key
