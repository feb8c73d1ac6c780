/** Which kept connections serve a request: what an endpoint says of them, and what is at stake. */
import { expect, test } from "bun:test";
import { limits } from "../../tests/support/proxy-resources.ts";
import { answer, GET, post, scene, statusOf } from "../../tests/support/proxy-scene.ts";

const POST = post("body");
const SILENT = answer("ok");
const telling = (parameters: string): string => answer("ok", "200 OK", `Keep-Alive: ${parameters}`);

/** How many connections the requests took, each sent so long after the one before it. */
async function connectionsFor(
  reply: string,
  requests: readonly (readonly [afterMs: number, text: string])[],
  options: Parameters<typeof scene>[0] = {},
): Promise<number> {
  const { rig, backend } = await scene(options);
  backend.answer = () => reply;
  const client = await rig.client();
  for (const [afterMs, text] of requests) {
    await rig.advance(afterMs);
    expect(statusOf(await rig.exchange(client, text))).toBe(200);
  }
  const opened = backend.connections.length;
  await rig.finish();
  return opened;
}

test.each([
  ["used again while the endpoint says nothing", SILENT, 3_000_000, GET, 1],
  ["used again before its time", telling("timeout=5"), 3900, GET, 1],
  ["not used again near the end of its time", telling("timeout=5"), 4000, GET, 2],
  ["not used again after it", telling("timeout=5, max=100"), 10_000, GET, 2],
  ["used by a POST before its time", telling("timeout=5"), 3900, POST, 1],
  ["not used by a POST near the end of its time", telling("timeout=5"), 4000, POST, 2],
  ["not used again when it was the last time", telling("max=0"), 0, GET, 2],
  ["used again for as long as there is a next time", telling("timeout=5, max=1"), 0, GET, 1],
  ["used by a POST while it is warm", SILENT, 990, POST, 1],
  ["not used by a POST when it may have been closed", SILENT, 1000, POST, 2],
] as const)("a kept connection is %s", async (_, reply, afterMs, text, connections) => {
  expect(
    await connectionsFor(reply, [
      [0, GET],
      [afterMs, text],
    ]),
  ).toBe(connections);
});

test("a POST leaves a connection that it does not trust to others", async () =>
  expect(
    await connectionsFor(SILENT, [
      [0, GET],
      [5000, POST],
      [5000, GET],
      [5000, GET],
    ]),
  ).toBe(2));

test.each([
  ["to the cluster", limits({ maxConnections: 1 })],
  ["to the endpoint", { circuitBreakers: { perHostThresholds: [{ maxConnections: 1 }] } }],
])("and takes it where no other %s may be opened", async (_, cluster) =>
  expect(
    await connectionsFor(
      SILENT,
      [
        [0, GET],
        [5000, POST],
      ],
      { cluster },
    ),
  ).toBe(1),
);

test("connections whose time is over are closed", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => telling("timeout=5");
  await rig.exchange(await rig.client(), GET);
  for (let i = 0; i < 6; i++) await rig.advance(1000);
  expect(backend.last.closed).toBe(true);
  await rig.finish();
});

test("what replaces a connection that was closed is a new one, whatever else is kept", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => undefined;
  const clients = [await rig.client(), await rig.client(), await rig.client()];
  for (const client of clients) await rig.exchange(client, GET);
  for (const peer of backend.connections) peer.send(SILENT);
  await rig.turn();
  expect(backend.open).toHaveLength(3);
  backend.answer = () => SILENT;
  const [client] = clients as [Awaited<ReturnType<typeof rig.client>>];
  client.take();
  client.send(GET);
  for (const peer of backend.connections) peer.socket.destroy();
  await rig.turn();
  expect(statusOf(client.take())).toBe(200);
  expect(backend.connections).toHaveLength(4);
  await rig.finish();
});
