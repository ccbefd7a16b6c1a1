# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the system tests."""

import pytest
import testenv


@pytest.fixture(scope="module")
def instance(request):
    """One instance for all tests of a file; the file may say CONFIG = {...}."""
    with testenv.Instance(config=getattr(request.module, "CONFIG", None)) as running:
        failed = request.session.testsfailed
        yield running
        if request.session.testsfailed > failed:
            running.print_logs()


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
