/**
 * Joins each connection to `127.0.0.1:<listen>` with one to `127.0.0.1:<upstream>`, and does nothing else: no backpressure, no
 * limits, no metrics. What a TCP proxy on this runtime costs at least.
 */
import type { Socket } from "bun";

interface State {
  other: Socket<State> | undefined;
  readonly early: Uint8Array[];
}

const [listen, upstream] = process.argv.slice(2).map(Number);
if (listen === undefined || upstream === undefined) throw new Error("usage: bare-pipe-server.ts <listen> <upstream>");

const joined = {
  data: ({ data: { other, early } }: Socket<State>, chunk: Uint8Array): void => {
    if (other === undefined) early.push(chunk);
    else other.write(chunk);
  },
  drain: (): void => {},
  close: ({ data }: Socket<State>): void => void data.other?.end(),
  error: (): void => {},
};

Bun.listen<State>({
  hostname: "127.0.0.1",
  port: listen,
  socket: {
    ...joined,
    open(client) {
      client.data = { other: undefined, early: [] };
      void Bun.connect<State>({
        hostname: "127.0.0.1",
        port: upstream,
        data: { other: client, early: [] },
        socket: {
          ...joined,
          open(endpoint) {
            client.data.other = endpoint;
            for (const chunk of client.data.early) endpoint.write(chunk);
          },
        },
      });
    },
  },
});
