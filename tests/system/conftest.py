# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the system tests; and the logs of a test's instance beside its failure."""

import pytest
import testenv
from testenv import ROOT


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
    if not report.failed or not hasattr(item, "funcargs"):
        return
    for value in item.funcargs.values():
        if hasattr(value, "logs") and getattr(value, "state", ROOT).exists():
            report.sections.append(("logs of the instance", value.logs(60)))
