/**
 * An HTTP server that misbehaves as the path of the request says, and counts how often it was asked:
 *
 *     /fail/<status>/<n>/…     the first n times this status, then 200
 *     /reset/<n>/…             the first n times the connection is reset without an answer, then 200
 *     /slow/<ms>/<n>/…         the first n times the answer is late, then not; without n always
 *     /half/…                  the head and half of the body, then a reset
 *
 * Anything else is answered 200.
 *
 * @module
 */
import { createServer, type Server, type Socket } from "node:net";

export class FaultyServer {
  readonly name: string;
  /** Answers everything with 500. */
  sick = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #asked = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
  }

  /** How often a path was asked for. */
  asked(path: string): number {
    return this.#asked.get(path) ?? 0;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    let text = "";
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      const path = text.split(" ")[1] ?? "";
      text = text.slice(end + 4);
      const count = this.asked(path) + 1;
      this.#asked.set(path, count);
      this.#answer(socket, path, count);
    });
  }

  #answer(socket: Socket, path: string, count: number): void {
    const [, kind, first = "", second] = path.split("/");
    if (this.sick) return this.#send(socket, 500);
    switch (kind) {
      case "fail":
        return this.#send(socket, count <= Number(second) ? Number(first) : 200);
      case "reset":
        return count <= Number(first) ? void socket.resetAndDestroy() : this.#send(socket, 200);
      case "slow":
        if (count > Number(second ?? Number.POSITIVE_INFINITY)) return this.#send(socket, 200);
        return void setTimeout(() => this.#send(socket, 200), Number(first));
      case "half":
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf!");
        return void setTimeout(() => socket.resetAndDestroy(), 50);
      default:
        return this.#send(socket, 200);
    }
  }

  #send(socket: Socket, status: number): void {
    if (!socket.destroyed)
      socket.write(`HTTP/1.1 ${status} X\r\nx-server: ${this.name}\r\ncontent-length: 3\r\n\r\nyes`);
  }
}
