/**
 * However the bytes of a connection are cut into reads, from the client or from the endpoint: the same answers, the same
 * requests at the endpoint, the same lines in the log, and nothing left over. Over the odd requests and answers that a real
 * Envoy is asked as well. `TULLE_LONG=1` runs a hundred thousand.
 */
import { expect, test } from "bun:test";
import { oddCase } from "../../../tests/e2e/differential/odd.ts";
import { partOfChunks, readRequest, scriptedAnswer } from "../../../tests/e2e/differential/scripted-backend.ts";
import { Dice } from "../../../tests/support/fuzz.ts";
import type { Peer } from "../../../tests/support/proxy-rig.ts";
import { scene } from "../../../tests/support/proxy-scene.ts";
import { seededRandom } from "../../base/random.ts";

const SEED = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = process.env["TULLE_LONG"] === "1" ? 3000 : 300;

interface Ended {
  readonly answers: string;
  readonly closed: boolean;
  /** What the endpoint got, connection by connection. */
  readonly upstream: readonly string[];
  readonly log: readonly string[];
}

/** @param cut Cuts bytes into the reads that they come in. */
async function run(text: string, cut: (text: string) => readonly string[]): Promise<Ended> {
  const { rig, backend } = await scene({ manager: { maxRequestHeadersKb: 64 } });
  const pending = new Map<Peer, string>();
  const work: (() => Promise<void>)[] = [];
  const answerAll = (peer: Peer): void => {
    for (let rest = pending.get(peer) ?? ""; ; ) {
      const request = readRequest(rest);
      if (request === undefined) return void pending.set(peer, rest);
      rest = rest.slice(request.size);
      const { closes, text: answer } = scriptedAnswer(request);
      work.push(async () => {
        for (const part of cut(answer)) {
          peer.send(part);
          await rig.turn();
        }
        if (closes) peer.socket.end();
        await rig.turn();
      });
    }
  };
  backend.answer = (part, peer) => {
    pending.set(peer, (pending.get(peer) ?? "") + part);
    answerAll(peer);
    return undefined;
  };
  const client = await rig.client();
  for (const part of cut(text)) {
    if (client.closed || client.ended) break;
    client.send(part);
    await rig.turn();
    for (let next = work.shift(); next !== undefined; next = work.shift()) await next();
  }
  for (let next = work.shift(); next !== undefined; next = work.shift()) await next();
  await rig.turn();
  const ended: Ended = {
    answers: client.text,
    closed: client.closed || client.ended,
    upstream: backend.connections.map(({ text: all }) => all),
    // How much of a body was here when its request was answered is a matter of reads.
    log: (await rig.logged()).map((line) => line.replace(/ rx=\d+/, "")),
  };
  client.socket.destroy();
  await rig.turn();
  await rig.finish();
  return ended;
}

/**
 * The answers with their chunks joined: a body that ends with its connection is put into one chunk a read. And without
 * `100 Continue`, which is said when no byte of the body was here with the head.
 */
function joined(all: string): string {
  const answers = all.replaceAll("HTTP/1.1 100 Continue\r\n\r\n", "");
  return answers.replace(
    /(\r\ntransfer-encoding: chunked\r\n(?:[^\r\n]+\r\n)*\r\n)([^]*)$/i,
    (_, head: string, body: string) => {
      const data = partOfChunks(body, 0);
      return `${head}${data}${/0\r\n\r\n/.test(body) ? " END" : ""}`;
    },
  );
}

const BAD_BODY = /bad (chunks|trailer|extension)|line feeds in chunks/;

/** What could be read in two ways is refused as soon as it is seen: by then the endpoint may have had a part of it. */
const isRefused = ({ answers }: Ended): boolean => /HTTP\/1\.1 (400|417|426|431|501|505) /.test(answers);

test(`${RUNS} conversations, whole and cut (TULLE_SEED=${SEED})`, async () => {
  console.log(`split conversations: TULLE_SEED=${SEED}`);
  const random = seededRandom(SEED);
  const dice = new Dice(random);
  const answered: Record<string, number> = {};
  for (let i = 0; i < RUNS; i++) {
    const wire = oddCase(random, `s${i}`);
    const text = wire.parts.join("");
    const whole = await run(text, (all) => [all]);
    const cutSeed = dice.below(2 ** 31);
    const cutDice = new Dice(seededRandom(cutSeed));
    const cut = await run(text, (all) => {
      const at = [0, ...cutDice.cuts(all.length, 1 + cutDice.below(6)), all.length];
      return at.slice(1).map((end, k) => all.slice(at[k], end));
    });
    const place = `TULLE_SEED=${SEED} run ${i}: ${wire.what} ${JSON.stringify(text).slice(0, 1500)}`;
    const isSame = joined(cut.answers) === joined(whole.answers) && cut.closed === whole.closed;
    // A body that is wrong from its first read on is found before what else the request is refused for.
    if (!isSame && BAD_BODY.test(wire.what) && [cut, whole].every(({ answers }) => / [45]\d\d [^]*\n/.test(answers)))
      continue;
    expect([place, joined(cut.answers), cut.closed]).toEqual([place, joined(whole.answers), whole.closed]);
    if (isRefused(whole))
      cut.upstream.forEach((bytes, k) => expect(bytes.startsWith(whole.upstream[k] ?? "")).toBe(true));
    else expect([place, cut.upstream, cut.log]).toEqual([place, whole.upstream, whole.log]);
    const status = /^HTTP\/1\.1 (\d)/.exec(whole.answers)?.[1] ?? "none";
    answered[status] = (answered[status] ?? 0) + 1;
  }
  console.log(`split conversations, by their first answer: ${JSON.stringify(answered)}`);
  expect(Object.keys(answered)).toEqual(expect.arrayContaining(["2", "4", "5"]));
}, 3_600_000);
