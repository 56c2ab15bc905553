"""The command that opens the local cloud's page."""

from __future__ import annotations

import os
import webbrowser

import click

from lab.aws.session import session
from lab.commands.cloud import running_cloud
from lab.course.console import SCREENS, for_page, path_to
from lab.here import page


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
    link = page.link(url, for_page(), path)
    opened = not no_browser and page.has_browser(os.environ) and webbrowser.open(url + link)
    print("Opened in your browser; or open this once:" if opened else "Open this once:")
    print(url + link)
    for line in page.behind_a_proxy(os.environ, url, link):
        print(line)


COMMANDS = (console,)
