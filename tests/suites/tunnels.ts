/** What connections that have switched to another protocol must do, whatever the network. */
import { describe, expect, test } from "bun:test";
import type { ManualClock } from "../../src/base/manual-clock.ts";
import { type Backend, type Peer, type ProxyRig, type RigNetwork } from "../support/proxy-rig.ts";
import { get, scene, type SceneOptions } from "../support/proxy-scene.ts";

type MakeNetwork = (clock: ManualClock) => RigNetwork;

export const UPGRADE = get("/", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x");
export const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
export const CONNECT = "CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n";
const CONNECTED = "HTTP/1.1 200 OK\r\n\r\n";

/** How a tunnel comes about; each must then behave alike. */
const WAYS: Readonly<
  Record<string, { readonly options: SceneOptions; readonly ask: string; readonly answer?: string }>
> = {
  "an upgrade": {
    options: { manager: { upgradeConfigs: [{ upgradeType: "websocket" }] } },
    ask: UPGRADE,
    answer: SWITCH,
  },
  "CONNECT handed on": {
    options: { manager: { upgradeConfigs: [{ upgradeType: "CONNECT" }] }, route: { match: { connectMatcher: {} } } },
    ask: CONNECT,
    answer: CONNECTED,
  },
  "CONNECT that ends here": {
    options: {
      action: { upgradeConfigs: [{ upgradeType: "CONNECT", connectConfig: {} }] },
      route: { match: { connectMatcher: {} } },
    },
    ask: CONNECT,
  },
};

const LARGE = 3_000_000;
/** More than the kernel's buffers on the way hold. */
const HUGE = 32_000_000;

interface Tunnel {
  readonly rig: ProxyRig;
  readonly client: Peer;
  readonly backend: Backend;
}

export function tunnelSuite(name: string, network: MakeNetwork): void {
  for (const [way, { options, ask, answer }] of Object.entries(WAYS)) {
    const open = async (more: SceneOptions = {}): Promise<Tunnel> => {
      // The scene's route has its own action; what a test adds joins it.
      const { rig, backend } = await scene({
        ...options,
        ...more,
        action: { ...options.action, ...more.action },
        network,
      });
      const client = await rig.client();
      client.send(ask);
      await rig.until(() => backend.connections.length === 1 && (answer === undefined || backend.last.text !== ""));
      backend.last.take();
      if (answer !== undefined) backend.last.send(answer);
      await rig.until(() => client.text.endsWith("\r\n\r\n"));
      client.take();
      return { rig, backend, client };
    };
    describe(`${name}: ${way}`, () => {
      passesBytes(open);
      ends(open);
    });
  }
}

function passesBytes(open: () => Promise<Tunnel>): void {
  test("bytes go both ways as they are", async () => {
    const { rig, backend, client } = await open();
    expect(rig.stat("http.in.downstream_cx_upgrades_active")).toBe(1);
    client.send("\x00ping GET / HTTP/1.1\r\n\r\n");
    await rig.until(() => backend.last.text === "\x00ping GET / HTTP/1.1\r\n\r\n");
    backend.last.send("HTTP/1.1 200 OK\r\n\r\n\xff");
    await rig.until(() => client.text === "HTTP/1.1 200 OK\r\n\r\n\xff");
    await rig.finish();
    expect(rig.stat("http.in.downstream_cx_upgrades_total")).toBe(1);
  });

  test.each(["client", "endpoint"])("a slow %s holds the other side back, and gets everything", async (who) => {
    const { rig, backend, client } = await open();
    const [slow, quick] = who === "client" ? [client, backend.last] : [backend.last, client];
    slow.socket.pause();
    quick.send("x".repeat(HUGE));
    for (let i = 0; i < 10; i++) await rig.turn();
    expect(quick.unsentBytes).toBeGreaterThan(HUGE / 4);
    slow.socket.resume();
    await rig.until(() => slow.text.length === HUGE);
    expect(slow.take() === "x".repeat(HUGE)).toBe(true);
    // The other direction was free all the while.
    slow.send("back");
    await rig.until(() => quick.text === "back");
    await rig.finish();
  });
}

function ends(open: (more?: SceneOptions) => Promise<Tunnel>): void {
  test.each(["client", "endpoint"])("when the %s is done, the other may go on", async (who) => {
    const { rig, backend, client } = await open();
    const [first, second] = who === "client" ? [client, backend.last] : [backend.last, client];
    first.send("x".repeat(LARGE));
    await rig.until(() => first.unsentBytes === 0);
    first.socket.end();
    await rig.until(() => second.text.length === LARGE && second.ended);
    second.send("y".repeat(LARGE));
    await rig.until(() => first.text.length === LARGE);
    second.socket.end();
    await rig.until(() => first.closed && second.closed);
    await rig.until(() => rig.stat("http.in.downstream_cx_active") === 0);
    const [line] = await rig.logged();
    expect(line).toMatch(/^(101|200) - via_upstream rx=3000000 tx=3000000 attempts=1$/);
    await rig.finish();
  });

  test("a client that resets takes the endpoint with it", async () => {
    const { rig, backend, client } = await open();
    client.send("ping");
    await rig.until(() => backend.last.text === "ping");
    client.socket.destroy();
    await rig.until(() => backend.last.closed);
    expect((await rig.logged())[0]).toMatch(/^(101|200) DC downstream_remote_disconnect rx=4 tx=0/);
    await rig.finish();
  });

  test("an endpoint that resets takes the client with it", async () => {
    const { rig, backend, client } = await open();
    backend.last.send("pong");
    await rig.until(() => client.text === "pong");
    backend.last.socket.destroy();
    await rig.until(() => client.closed);
    expect((await rig.logged())[0]).toMatch(
      /^(101|200) UC upstream_reset_after_response_started\{connection_termination\} rx=0 tx=4/,
    );
    await rig.finish();
  });

  test("what moves is never idle, what does not is closed", async () => {
    const { rig, backend, client } = await open({ action: { idleTimeout: 5000, timeout: 1000 } });
    for (let i = 1; i <= 10; i++) {
      await rig.advance(1000);
      (i % 2 === 0 ? client : backend.last).send("x");
      await rig.until(() => client.text.length + backend.last.text.length === i);
    }
    for (let i = 0; i < 7; i++) await rig.advance(1000);
    await rig.until(() => client.closed && backend.last.closed);
    expect((await rig.logged())[0]).toMatch(/^(101|200) SI stream_idle_timeout rx=5 tx=5/);
    await rig.finish();
  });

  test("max_stream_duration ends it, though bytes move", async () => {
    const { rig, backend, client } = await open({ action: { maxStreamDuration: { maxStreamDuration: 5000 } } });
    for (let i = 1; i <= 7 && !client.closed; i++) {
      await rig.advance(1000);
      if (!client.closed) client.send("x");
      await rig.turn();
    }
    await rig.until(() => client.closed && backend.last.closed);
    expect((await rig.logged())[0]).toMatch(/^(101|200) - max_duration_timeout/);
    await rig.finish();
  });

  test("draining leaves it alone for a time", async () => {
    const { rig, backend, client } = await open();
    rig.proxy.drain();
    for (let i = 0; i < 30; i++) {
      await rig.advance(1000);
      client.send("x");
      await rig.until(() => backend.last.text.length === i + 1);
    }
    for (let i = 0; i < 20; i++) await rig.advance(1000);
    await rig.until(() => client.closed && backend.last.closed);
    await rig.finish();
  });
}
