/**
 * Lines of text on a TCP connection.
 *
 * @module
 */
import { connect, type Socket } from "node:net";

const MAX_LINE_CHARS = 1000;

/** Gives each line that comes in, without its end. A line that has none is refused by closing the connection. */
export function lines(socket: Socket, onLine: (line: string) => void): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    const parts = (rest + text).split(/\r?\n/);
    rest = parts.pop() ?? "";
    if (rest.length > MAX_LINE_CHARS) return void socket.destroy();
    for (const line of parts) onLine(line);
  });
}

export interface LineAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Sends the lines, ends its own side, and reads until the server ends the other. An empty list of lines listens only.
 *
 * @returns The server's lines; none where the connection was closed without a word. @throws {Error} After `timeoutMs`.
 */
export function converse({ host, port }: LineAddress, said: readonly string[], timeoutMs = 5000): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const heard: string[] = [];
    const socket = connect({ host, port, allowHalfOpen: true });
    const finish = (): void => {
      clearTimeout(limit);
      socket.destroy();
      resolve(heard);
    };
    const limit = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the server had not ended after ${timeoutMs} ms; it said: ${heard.join(" | ") || "nothing"}`));
    }, timeoutMs);
    lines(socket, (line) => heard.push(line));
    socket.on("connect", () => {
      if (said.length > 0) socket.end(said.map((line) => `${line}\n`).join(""));
    });
    socket.on("end", finish);
    socket.on("error", finish);
    socket.on("close", finish);
  });
}
