"""The page of the local cloud: its address, and how it opens on this machine."""

from __future__ import annotations

import html
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from lab.here import local
from lab.here.shell import shell

_SHOWS_WINDOWS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


def link(url: str, words: dict[str, Any], path: str = "") -> str:
    """What to put after the cloud's address to open its page, or a screen of it, once.

    `words` is what the page may say of the course.
    """
    local.send_words(url, words)
    found = local.console_link(url)
    return f"{found}&to={quote(path, safe='')}" if path else found


def show_link(url: str, words: dict[str, Any]) -> None:
    """In a notebook, a link that opens the page; elsewhere its address."""
    address = link(url, words)
    if shell() is None:
        print(f"Open this once: {url}{address}")
        return
    from IPython.display import HTML, display  # only a notebook has it

    target = html.escape(_on_hub(os.environ, url, address) or url + address)
    said = "Open the page of this cloud"
    display(HTML(f'<a href="{target}" target="_blank" rel="noopener">{said}</a>'))


def has_browser(env: Mapping[str, str]) -> bool:
    """Whether there is a browser with windows; one in the terminal would take that over."""
    if env.get("JUPYTERHUB_SERVICE_PREFIX"):  # the browser is on another machine
        return False
    return sys.platform != "linux" or any(env.get(name) for name in _SHOWS_WINDOWS)


def behind_a_proxy(env: Mapping[str, str], url: str, address: str) -> Iterator[str]:
    """The address for a browser on another machine, where we know how it gets here.

    https://jupyter-server-proxy.readthedocs.io/en/latest/arbitrary-ports-hosts.html
    https://docs.github.com/en/codespaces/developing-in-a-codespace/forwarding-ports-in-your-codespace
    """
    if path := _on_hub(env, url, address):
        yield f"From JupyterHub or Binder, put this after its host name: {path}"
    if codespace := env.get("CODESPACE_NAME"):
        domain = env.get("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN") or "app.github.dev"
        yield f"From Codespaces: https://{codespace}-{urlsplit(url).port}.{domain}{address}"


def _on_hub(env: Mapping[str, str], url: str, address: str) -> str:
    prefix = env.get("JUPYTERHUB_SERVICE_PREFIX")
    return f"{prefix}proxy/{urlsplit(url).port}{address}" if prefix else ""
