/**
 * Whatever a mirror does, the request is what it is without one: the same answers, the same bytes at the application, the same
 * log; and nothing is left over. `TULLE_LONG=1` runs ten times as many.
 */
import { expect, test } from "bun:test";
import { Dice } from "../../tests/support/fuzz.ts";
import { cluster } from "../../tests/support/proxy-resources.ts";
import type { Backend, Peer } from "../../tests/support/proxy-rig.ts";
import { answer, OK, scene } from "../../tests/support/proxy-scene.ts";
import { seededRandom } from "../base/random.ts";
import { Cluster } from "../xds/proto/cluster.ts";

const SEED = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = process.env["TULLE_LONG"] === "1" ? 3000 : 300;

const ENDS = ["answer", "answer early", "fail", "break off", "leave", "time out"] as const;

interface Step {
  readonly pieces: readonly string[];
  readonly isComplete: boolean;
  readonly end: (typeof ENDS)[number];
}

function stepOf(dice: Dice): Step {
  const bodies = Array.from({ length: dice.below(5) }, () =>
    "b".repeat(1 + dice.below(dice.below(4) === 0 ? 90_000 : 900)),
  );
  const total = bodies.join("").length;
  const isChunked = bodies.length > 0 && dice.below(2) === 0;
  const framing = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${total}`;
  const head = `POST / HTTP/1.1\r\nHost: app\r\n${framing}\r\n\r\n`;
  const parts = isChunked ? bodies.map((it) => `${it.length.toString(16)}\r\n${it}\r\n`) : bodies;
  const pieces = [head, ...parts, ...(isChunked ? ["0\r\n\r\n"] : [])];
  const end = ENDS[dice.below(ENDS.length)] ?? "answer";
  const isComplete = end === "answer" || end === "fail" || end === "time out";
  return { pieces: isComplete ? pieces : pieces.slice(0, 1 + dice.below(pieces.length)), isComplete, end };
}

/** Does what a mirror might do, at any moment. */
function misbehave(peer: Peer, dice: Dice): void {
  const doings = [
    () => peer.send(OK),
    () => peer.send(answer("bad", "500 Internal Server Error")),
    () => peer.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
    () => peer.send("no HTTP at all\r\n\r\n"),
    () => peer.socket.destroy(),
    () => peer.socket.end(),
    () => peer.socket.pause(),
    () => peer.socket.resume(),
  ];
  if (!peer.closed && dice.below(3) > 0) doings[dice.below(doings.length)]?.();
}

interface Ended {
  readonly answers: readonly string[];
  readonly upstream: readonly string[];
  readonly log: readonly string[];
}

async function run(seed: number, mirrors: number): Promise<Ended> {
  const requestMirrorPolicies = ["one", "two"].slice(0, mirrors).map((name) => ({ cluster: name }));
  const listener = { perConnectionBufferLimitBytes: 64 * 1024 };
  const { rig, backend } = await scene({ action: { requestMirrorPolicies, timeout: 700 }, listener });
  const [dice, chaos] = [new Dice(seededRandom(seed)), new Dice(seededRandom(seed + 1))];
  const mirrorBackends: Backend[] = [];
  for (const name of ["one", "two"].slice(0, mirrors)) {
    const mirror = await rig.backend((_, peer) => void misbehave(peer, chaos));
    mirrorBackends.push(mirror);
    await rig.apply(Cluster, cluster(name, [mirror.port]));
  }
  const answers: string[] = [];
  for (let i = 0; i < 3; i++) {
    const client = await rig.client();
    const { end, pieces } = stepOf(dice);
    for (const piece of pieces) {
      client.send(piece);
      await rig.advance(dice.below(3) * 20);
      for (const { connections } of mirrorBackends) for (const peer of connections) misbehave(peer, chaos);
    }
    await rig.turn();
    if (end.startsWith("answer")) backend.last.send(OK);
    else if (end === "fail") backend.last.send(answer("bad", "503 Service Unavailable"));
    else if (end === "break off") backend.last.socket.destroy();
    else if (end === "leave") client.socket.destroy();
    else await rig.advance(800);
    await rig.turn();
    answers.push(client.text.replace(/date: [^\r]*\r\n/, ""));
    client.socket.destroy();
    await rig.turn();
  }
  const upstream = backend.connections.map(({ text }) => text);
  const log = await rig.logged();
  await rig.finish();
  return { answers, upstream, log };
}

test("a request does not notice its mirrors", async () => {
  console.log(`mirrors by chance: TULLE_SEED=${SEED}`);
  for (let i = 0; i < RUNS; i++) {
    const seed = SEED + i * 2;
    const alone = await run(seed, 0);
    for (const mirrors of [1, 2]) expect([seed, await run(seed, mirrors)]).toEqual([seed, alone]);
  }
}, 120_000);
