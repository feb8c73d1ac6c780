/**
 * UDP with several workers: the first has the sockets, and the one that takes its place.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { UdpProxyConfig } from "../../src/xds/proto/filter-udp-proxy.ts";
import { pack } from "../../src/xds/types/any.ts";
import { cluster, LOOPBACK } from "../support/proxy-resources.ts";
import { eventually } from "./support/eventually.ts";
import { childrenOf } from "./support/running-process.ts";
import { StaticProxy } from "./support/static-proxy.ts";

type Echo = Awaited<ReturnType<typeof startEcho>>;

const startEcho = () =>
  Bun.udpSocket({
    hostname: LOOPBACK,
    port: 0,
    socket: { data: (own, bytes, port, address) => void own.send(`echo ${bytes}`, port, address) },
  });

class Client {
  readonly heard: string[] = [];
  #socket: { send(text: string): boolean; close(): void } | undefined;

  static async to(port: number): Promise<Client> {
    const client = new Client();
    client.#socket = await Bun.udpSocket({
      connect: { hostname: LOOPBACK, port },
      socket: { data: (_, bytes) => void client.heard.push(bytes.toString()), error: () => {} },
    });
    return client;
  }

  send(text: string): void {
    this.#socket?.send(text);
  }

  close(): void {
    this.#socket?.close();
  }
}

describe("UDP with --workers 2", () => {
  let echo: Echo;
  let proxy: StaticProxy;
  const clients: Client[] = [];
  beforeAll(async () => {
    echo = await startEcho();
    proxy = await new StaticProxy({
      listeners: (portValue) => [
        {
          name: "udp",
          address: { socketAddress: { protocol: "UDP", address: LOOPBACK, portValue } },
          listenerFilters: [
            {
              name: "udp",
              typedConfig: pack(UdpProxyConfig, { statPrefix: "u", cluster: "app", idleTimeout: 30_000 }),
            },
          ],
        },
      ],
      clusters: [cluster("app", [echo.port])],
      args: ["--workers", "2"],
    }).ready();
  }, 30_000);
  afterAll(async () => {
    for (const client of clients) client.close();
    echo.close();
    await proxy.stop();
  }, 30_000);

  const stat = async (name: string): Promise<number> =>
    Number(new RegExp(`^udp\\.u\\.${name}: (\\d+)$`, "m").exec(await proxy.admin("/stats"))?.[1] ?? "-1");

  test("all sessions are served, and the sums are theirs", async () => {
    for (let i = 0; i < 10; i++) clients.push(await Client.to(proxy.port));
    for (const client of clients) for (const text of ["1", "2"]) client.send(text);
    await eventually("all are answered", () => clients.every(({ heard }) => heard.length === 2));
    await eventually("the sums are there", async () => (await stat("downstream_sess_rx_datagrams")) === 20);
    expect(await stat("downstream_sess_active")).toBe(10);
  }, 20_000);

  test("the worker that has the sockets is replaced when it dies", async () => {
    const [first = 0] = childrenOf(proxy.process.pid).toSorted((a, b) => a - b);
    process.kill(first, "SIGKILL");
    const late = await Client.to(proxy.port);
    clients.push(late);
    await eventually("the next one answers", () => {
      late.send("again");
      return late.heard.length > 0;
    });
  }, 20_000);
});
