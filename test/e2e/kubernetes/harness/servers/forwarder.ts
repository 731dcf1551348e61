import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A way of TCP connections that can be closed, held and opened again: a server that is away for a while. */
export class Forwarder {
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private state: 'open' | 'closed' | 'held' = 'open';
  private bytesUp = 0;
  private holdAfter = Infinity;
  private whenHeld: () => void = () => undefined;

  private constructor(private readonly target: { readonly host: string; readonly port: number }) {
    this.server = createServer((client) => this.join(client));
  }

  /** Listens on an address of this machine that pods reach. */
  static async listen(address: string, target: URL): Promise<Forwarder> {
    const forwarder = new Forwarder({ host: target.hostname, port: Number(target.port) });
    await new Promise<void>((resolve, reject) => forwarder.server.once('error', reject).listen(0, address, resolve));
    return forwarder;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Breaks all connections and takes no more. */
  close(): void {
    this.state = 'closed';
    for (const socket of this.sockets) socket.destroy();
  }

  open(): void {
    this.state = 'open';
    this.holdAfter = Infinity;
    for (const socket of this.sockets) socket.resume();
  }

  /** Passes so many more bytes to the server, then nothing either way; resolves when that has come. */
  hold(afterBytes: number): Promise<void> {
    this.bytesUp = 0;
    this.holdAfter = afterBytes;
    return new Promise((resolve) => {
      this.whenHeld = resolve;
    });
  }

  async end(): Promise<void> {
    this.close();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(client: Socket): void {
    if (this.state === 'closed') return void client.destroy();
    const server = connect(this.target);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(from);
      from.on('data', (chunk) => this.pass(chunk, to, from === client));
      from.once('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
      // A broken connection is what the test is about; its end is dealt with by `close`.
      from.on('error', () => to.destroy());
    }
    if (this.state === 'held') client.pause();
  }

  private pass(chunk: Buffer, to: Socket, isUp: boolean): void {
    to.write(chunk);
    if (!isUp) return;
    this.bytesUp += chunk.length;
    if (this.bytesUp < this.holdAfter || this.state !== 'open') return;
    this.state = 'held';
    for (const socket of this.sockets) socket.pause();
    this.whenHeld();
  }
}
