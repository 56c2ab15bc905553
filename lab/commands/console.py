"""The command that opens the local cloud's page."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlsplit

import click

from lab.aws.session import session
from lab.commands.cloud import running_cloud
from lab.course.console import SCREENS, for_page, path_to
from lab.here import local

_SHOWS_WINDOWS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


@click.command()
@click.argument("screen", required=False, type=click.Choice(SCREENS))
@click.argument("name", required=False, default="")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def console(screen: str | None, name: str, no_browser: bool) -> None:
    """Open the local cloud's page in the browser: the whole chain, or one SCREEN of it.

    The address is printed, too. It opens the page once, and within ten minutes.

    \b
    lab console                       the chain
    lab console queue                 the queue of orders
    lab console function take_order   one function
    lab console order ID              the story of one order
    """
    url = running_cloud()
    path = path_to(session(start=False), screen, name) if screen else ""
    local.send_words(url, for_page())
    link = local.console_link(url)
    if path:
        link += f"&to={quote(path, safe='')}"
    opened = not no_browser and _has_browser(os.environ) and webbrowser.open(url + link)
    print("Opened in your browser; or open this once:" if opened else "Open this once:")
    print(url + link)
    for line in _behind_a_proxy(os.environ, url, link):
        print(line)


def _has_browser(env: Mapping[str, str]) -> bool:
    """Whether there is a browser with windows; one in the terminal would take that over."""
    if env.get("JUPYTERHUB_SERVICE_PREFIX"):  # the browser is on another machine
        return False
    return sys.platform != "linux" or any(env.get(name) for name in _SHOWS_WINDOWS)


def _behind_a_proxy(env: Mapping[str, str], url: str, link: str) -> Iterator[str]:
    """The address for a browser on another machine, where we know how it gets here.

    https://jupyter-server-proxy.readthedocs.io/en/latest/arbitrary-ports-hosts.html
    https://docs.github.com/en/codespaces/developing-in-a-codespace/forwarding-ports-in-your-codespace
    """
    port = urlsplit(url).port
    if prefix := env.get("JUPYTERHUB_SERVICE_PREFIX"):
        yield f"From JupyterHub or Binder, put this after its host name: {prefix}proxy/{port}{link}"
    if codespace := env.get("CODESPACE_NAME"):
        domain = env.get("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN") or "app.github.dev"
        yield f"From Codespaces: https://{codespace}-{port}.{domain}{link}"


COMMANDS = (console,)
