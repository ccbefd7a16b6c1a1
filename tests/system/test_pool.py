# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with one slot: who comes second is told so, and gets the slot when it is free."""

import concurrent.futures

from testenv import until

CONFIG = {"webstreamSettings.serverMaxSessionCount": 1}


def test_pool_exhausted(instance):
    first = instance.client()
    first.launch("app_collection", "terminal")
    second = instance.client()
    body = second.select_body("virtual_desktop")
    answer = second.request("POST", "/gateway/session/select", body)
    assert answer.status == 503 and answer.code == "pool_exhausted", answer
    assert "password" not in answer.json["error"]["message"].lower()
    # The first one is not disturbed, and its slot is worth something once it is given back.
    assert first.session_state()["state"] in ("connecting", "active")
    first.release()
    until(lambda: first.session_state()["state"] == "ended", "the session ends")

    def try_again():
        again = second.request("POST", "/gateway/session/select", body)
        assert again.status in (200, 503), again
        return again.json.get("sessionId")

    second.session = until(try_again, "the slot is free again")
    second.connect()
    second.release()
    until(lambda: second.session_state()["state"] == "ended", "the session ends")


def test_double_click_takes_one_slot(instance):
    """Eight equal requests at once: one session, everybody is given that one."""
    person = instance.client()
    body = person.select_body("virtual_desktop")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(person.request, "POST", "/gateway/session/select", body) for _ in range(8)]
        answers = [job.result() for job in jobs]
    assert {a.status for a in answers} == {200}, answers
    ids = {a.json["sessionId"] for a in answers}
    assert len(ids) == 1, ids
    (person.session,) = ids
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(person.connect) for _ in range(4)]
        connections = [job.result() for job in jobs]
    assert len({c["sessionId"] for c in connections}) == 1
    assert len(instance.processes("keeper")) == 1, "one session, one keeper"
    person.release()
    until(lambda: person.session_state()["state"] == "ended", "the session ends")
