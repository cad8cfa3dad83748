import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A door before a server on the loopback interface: whoever comes is let in, and hears nothing of the
 * server before the door is opened. A TLS connection through it takes as long as a test wants.
 */
export class Door {
  readonly url: string;
  /** Connections that have come so far. */
  came = 0;
  /** Of those, the ones that are over; only known of such as were let through. */
  ended = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #opened = Promise.withResolvers<void>();

  private constructor(server: Server, url: URL) {
    const { port } = url;
    url.port = String((server.address() as AddressInfo).port);
    this.url = url.origin;
    this.#server = server;
    server.on('connection', (socket) => {
      this.came += 1;
      this.#keep(socket).on('close', () => {
        this.ended += 1;
      });
      void this.#opened.promise.then(() => {
        socket.pipe(this.#keep(connect(Number(port), '127.0.0.1'))).pipe(socket);
      });
    });
  }

  static async before({ url }: { readonly url: string }): Promise<Door> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Door(server, new URL(url));
  }

  /** Lets through who waits, and who comes from now on. */
  open(): void {
    this.#opened.resolve();
  }

  /** Takes no more connections and cuts the open ones. */
  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    // Resets are part of the stories that are told here.
    return socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
  }
}
