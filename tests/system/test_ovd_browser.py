# SPDX-License-Identifier: GPL-3.0-or-later
"""One session in both worlds: Chromium and TigerVNC's viewer look at the same desktop, and a portal's form leads a browser to
the browser client."""

import ovdclient
import pytest
from chromium import Chromium
from ovdclient import OvdClient, in_home
from ovdviewer import Screen, SessionDisplay, Tunnel, open_terminal
from testenv import until

CONFIG = {**ovdclient.CONFIG, "webstreamSettings.serverMaxSessionCount": 2}


@pytest.fixture(autouse=True)
def clean(instance):
    yield
    ovdclient.end_all(instance)


def login(page, instance):
    page.go(instance.banner["browser"])
    page.until("document.documentElement.dataset.view === 'login'", "the login page")
    page.evaluate(
        f"document.querySelector('#username').value = 'admin'; document.querySelector('#password').value = '{instance.admin_password}';"
        "document.querySelector('#login-button').click()"
    )
    page.until("!!document.querySelector('.tile[data-name=\"Desktop\"]')", "the workspaces")
    page.evaluate("document.querySelector('.tile[data-name=\"Desktop\"]').click()")
    page.active()


def test_the_same_session_in_both(instance):
    ovd = OvdClient(instance).begin(800, 600)
    access = ovd.access()
    with Tunnel(access).wait() as tunnel, SessionDisplay(instance) as display, Screen() as screen, Chromium() as page:
        with screen.viewer(tunnel.port, access.hidden_password) as viewer:
            viewer.shows(display)
            login(page, instance)
            until(lambda: (display.picture().width, display.picture().height) == (900, 650), "the size of the browser's window")
            page.shows(display)
            at = viewer.shows(display)
            open_terminal(instance, screen, at)
            screen.type("echo hello from the viewer > typed-there\n")
            until(lambda: in_home(instance, "typed-there"), "what the viewer typed")
            page.shows(display)
            viewer.shows(display)
            page.type("touch typed-here\n")
            until(lambda: in_home(instance, "typed-here"), "what the browser typed")
            page.shows(display)
            viewer.shows(display)
            assert len(ovdclient.keepers(instance)) == 1
            person = ovdclient.as_browser(instance)
            assert person.session_state()["viewers"] >= 1
            # The form's client leaves, the session is over in the browser as well.
            ovd.exit()
            page.until("document.documentElement.dataset.session !== 'active'", "the end in the browser")
            viewer.ended()


def test_a_form_leads_a_browser_to_the_browser_client(instance):
    ovd = OvdClient(instance)
    with Chromium() as page:
        page.submit(f"{ovd.manager}/startsession.php", {"login": "admin", "password": ovd.password, "session_mode": "desktop", "client": "browser"})
        page.active()
        address = page.evaluate("document.location.href")
        assert address.startswith(instance.banner["browser"]) and "code=" not in address and "token=" not in address
        with SessionDisplay(instance) as display:
            until(lambda: (display.picture().width, display.picture().height) == (900, 650), "the size of the browser's window")
            page.shows(display)
        assert len(ovdclient.keepers(instance)) == 1


def test_a_form_of_somebody_who_is_in_the_browser(instance):
    """There is one session of a person, wherever it began."""
    with Chromium() as page:
        login(page, instance)
        reply = OvdClient(instance).form()
        assert reply.message == "You already have an active session"
        with SessionDisplay(instance) as display:
            page.shows(display)
