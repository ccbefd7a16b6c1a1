# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the system tests; and the logs of a test's instance beside its failure."""

import pytest
import testenv


@pytest.fixture(scope="module")
def instance(request):
    """One instance for all tests of a file; the file may say CONFIG = {...}."""
    with testenv.Instance(config=getattr(request.module, "CONFIG", None)) as running:
        yield running


@pytest.fixture
def client(instance):
    """A logged-in person; the session is ended afterwards."""
    person = instance.client()
    yield person
    if person.session:
        person.release()
        testenv.until(lambda: session_is_over(person), "the session ends")


def session_is_over(person):
    answer = person.request("GET", "/gateway/session/status")
    return answer.status in (404, 410) or answer.json.get("state") == "ended"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    running = item.funcargs.get("instance") if hasattr(item, "funcargs") else None
    if report.failed and running is not None and running.state.exists():
        report.sections.append(("logs of the instance", running.logs(60)))
