/**
 * Connections that one process accepts and another serves: the one gives their descriptors away, the other makes
 * sockets of them.
 *
 * @module
 */
import { unixPath } from "./unix-path.ts";
import type { Socket as NativeSocket } from "bun";
import { closeSync } from "node:fs";
import { Accepted, listenError } from "./bun-network.ts";
import { rawHandlers, type SocketState } from "./bun-socket.ts";
import type { AcceptedSocket, Listener, ListenOptions } from "./socket.ts";

type Raw = NativeSocket<SocketState>;

/**
 * Accepts, and serves nothing itself.
 * @param give Gets the descriptor of each connection, which is closed here when it returns.
 * @throws {Error} That names the address when it cannot be listened on.
 */
export function listenToGive(options: ListenOptions, give: (fd: number) => void): Listener {
  const socket = {
    open(raw: Raw): void {
      give((raw as unknown as { readonly fd: number }).fd);
      // Closes this copy of the descriptor alone: nothing was written, so nothing is shut down.
      raw.end();
    },
    data(): void {},
  };
  try {
    if (options.path !== undefined) {
      const listener = Bun.listen<SocketState>({ unix: unixPath(options.path), socket });
      return { port: 0, close: () => listener.stop(false) };
    }
    const listener = Bun.listen<SocketState>({ hostname: options.address, port: options.port, socket });
    return { port: listener.port, close: () => listener.stop(false) };
  } catch (cause) {
    throw listenError(options, cause);
  }
}

/**
 * Makes a socket of a connection's descriptor, which belongs to it from now on.
 * @param onClosed Called once when the connection is over, also where it was over before it began.
 */
export function adopt(fd: number, onConnection: (socket: AcceptedSocket) => void, onClosed: () => void): void {
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    onClosed();
  };
  const socket = {
    ...rawHandlers,
    open(raw: Raw): void {
      const accepted = new Accepted(raw);
      raw.data = { socket: accepted };
      onConnection(accepted);
    },
    close(raw: Raw, error?: Error): void {
      rawHandlers.close(raw, error);
      end();
    },
    error(raw: Raw, error: Error): void {
      rawHandlers.error(raw, error);
      end();
    },
    connectError: end,
  };
  try {
    // Bun takes `fd` here, and its types of 1.4.5 do not say so.
    const opening = Bun.connect<SocketState>({ fd, socket, allowHalfOpen: true } as never);
    opening.catch(end);
  } catch {
    closeSync(fd);
    end();
  }
}
