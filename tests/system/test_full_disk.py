# SPDX-License-Identifier: GPL-3.0-or-later
"""A session that fills the disk of the state directory: it can be ended, and then everything works again."""

import os
import subprocess

import pytest
from testenv import Instance, until


@pytest.fixture
def small_disk(tmp_path):
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0711", "tmpfs", str(tmp_path)], check=False)
    if done.returncode != 0:
        pytest.skip("no small file system can be mounted here")
    # The accounts of the sessions pass through.
    for directory in tmp_path.parents:
        if directory.stat().st_uid == os.geteuid() and str(directory).startswith("/tmp/"):
            directory.chmod(directory.stat().st_mode | 0o011)
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_full_disk_ends_with_the_session_that_filled_it(small_disk):
    state = small_disk / "state"
    state.mkdir(mode=0o711)
    with Instance(state=state, config={"webstreamSettings.serverMaxSessionCount": 2}) as instance:
        client = instance.client()
        client.launch("app_collection", "Terminal")
        fill = state / "slots/01/home/fill"
        with pytest.raises(OSError), open(fill, "wb", buffering=0) as file:
            while True:
                file.write(bytes(65536))
        answer = client.release()
        assert answer.status == 200, answer
        until(lambda: not fill.exists(), "the home is emptied")
        until(lambda: not (state / "slots/01/session").exists(), "the slot is free")
        other = instance.client()
        assert other.launch("virtual_desktop")["state"] == "active"
        assert other.release().status == 200
