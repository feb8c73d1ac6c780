import { expect, test } from "bun:test";
import { publish } from "../../../tests/support/ads-consumer.ts";
import { AdsRig, NODE } from "../../../tests/support/ads-rig.ts";
import { httpListener, LOOPBACK, routes } from "../../../tests/support/proxy-resources.ts";
import { silentLog } from "../../base/log.ts";
import { Proxy } from "../../proxy/proxy.ts";
import { Registry } from "../../telemetry/registry.ts";
import { Listener } from "../../xds/proto/listener.ts";
import { pack } from "../../xds/types/any.ts";
import { XdsLink } from "./xds-link.ts";

const PORT = 18_080;

test("a listener whose port is taken is rejected, asked for again, and taken when the port is free", async () => {
  const rig = new AdsRig();
  const { clock, network } = rig;
  const random = (): number => 0;
  const proxy = new Proxy({
    network,
    clock,
    random,
    log: silentLog,
    registry: new Registry(),
    fillRandom() {},
    readFile: () => "",
    localAddress: "192.0.2.1",
    openSink: () => (line) => line.length,
    self: {},
  });
  const grpc = rig.client();
  const link = new XdsLink({ grpc, clock, random, log: silentLog, node: { id: NODE }, proxy });
  const turn = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      await Promise.resolve();
      rig.flush();
    }
  };
  const state = (): string | undefined =>
    rig.server.clients.at(-1)?.types.find(({ typeUrl }) => typeUrl === Listener.typeUrl)?.state;

  const taken = await network.listen({ address: LOOPBACK, port: PORT }, () => {});
  const address = { socketAddress: { address: LOOPBACK, portValue: PORT } };
  const routeConfig = routes([{ match: { prefix: "/" }, directResponse: { status: 200 } }]);
  publish(rig, { name: "in", any: pack(Listener, httpListener({ routeConfig, accessLog: [] }, { address })) });
  link.start();
  await turn();
  expect(state()).toBe("rejected");
  expect(proxy.listeners.list()).toEqual([]);

  clock.advance(5000);
  await turn();
  expect(state()).toBe("rejected");

  taken.close();
  clock.advance(10_000);
  await turn();
  expect(state()).toBe("synced");
  expect(proxy.listeners.list()).toEqual([
    { name: "in", address: LOOPBACK, port: PORT, transport: "TCP", accepting: true },
  ]);
  link.stop();
  proxy.drain();
  proxy.close();
});
