// SPDX-License-Identifier: GPL-3.0-or-later
// A wire between browser and gateway that can be cut: plain TCP, so that TLS and WebSockets pass as they are.
import net from 'node:net';

export class Proxy {
  #server;
  #target;
  #sockets = new Set();
  #refuse = false;

  static async start(host, port) {
    const proxy = new Proxy();
    proxy.#target = { host, port };
    proxy.#server = net.createServer((client) => proxy.#accept(client));
    await new Promise((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    proxy.port = proxy.#server.address().port;
    return proxy;
  }

  #accept(client) {
    if (this.#refuse) {
      client.destroy();
      return;
    }
    const server = net.createConnection(this.#target);
    for (const [from, to] of [[client, server], [server, client]]) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }

  // Every connection breaks; new ones do too until mend().
  cut() {
    this.#refuse = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.#refuse = false;
  }

  stop() {
    this.cut();
    this.#server.close();
  }
}
