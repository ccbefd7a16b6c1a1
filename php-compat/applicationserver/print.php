<?php // SPDX-License-Identifier: GPL-3.0-or-later
require_once __DIR__ . '/../isthmus-proxy.php'; isthmus_proxy('application_server', '/applicationserver/print.php');
