/**
 * A real Envoy and our proxy from one bootstrap, over HTTP/2: raw frames to both, good and bad, and raw frames from the
 * endpoint; answers, ends and what reached the endpoint are compared. Where they may differ is said, with a reason each, in
 * `differential-http2/accepted.ts`.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { seededRandom } from "../../src/base/random.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import type { Difference } from "./differential/outcome.ts";
import { ACCEPTED_STREAMS, HTTP1_ANSWERS } from "./differential-http2/accepted.ts";
import { FRAME_ANSWERS } from "./differential-http2/frames-backend.ts";
import { oddStreams, type StreamsCase } from "./differential-http2/odd-streams.ts";
import { type Endpoint, Http2Rig } from "./differential-http2/rig.ts";
import { differencesOf } from "./differential-http2/run-streams.ts";
import { envoyProxy, tulleProxy } from "./support/proxy-process.ts";
import { isLong } from "./support/traffic.ts";

const COUNT = isLong ? 6000 : 1000;
/** `TULLE_SEED=7` asks other questions, and repeats a run; the ordinary run always asks the same ones. */
const seed = Number(process.env["TULLE_SEED"] ?? (isLong ? Math.floor(Math.random() * 1e9) : 1));
const binary = await ensureEnvoy();
const ANSWERS: Readonly<Record<Endpoint, readonly string[]>> = {
  http1: HTTP1_ANSWERS,
  http2: Object.keys(FRAME_ANSWERS),
};

describe.skipIf(binary === undefined)("a real Envoy and our proxy from one bootstrap, over HTTP/2", () => {
  let envoy: Http2Rig;
  let tulle: Http2Rig;

  beforeAll(async () => {
    envoy = await Http2Rig.start(envoyProxy(binary ?? ""));
    tulle = await Http2Rig.start(tulleProxy);
  }, 60_000);
  afterAll(() => Promise.all([envoy?.stop(), tulle?.stop()]));

  interface Left {
    readonly wire: StreamsCase;
    readonly differences: readonly Difference[];
  }

  async function compare(cases: readonly StreamsCase[], endpoint: Endpoint): Promise<Left[]> {
    const [theirs, ours] = await Promise.all([envoy.run(cases, endpoint), tulle.run(cases, endpoint)]);
    return cases.flatMap((wire, i) => {
      const all = differencesOf(theirs[i] ?? new Map(), ours[i] ?? new Map());
      const left = all.filter((it) => !ACCEPTED_STREAMS.some(({ covers }) => covers(it, wire, all)));
      return left.length === 0 ? [] : [{ wire, differences: left }];
    });
  }

  for (const endpoint of ["http2", "http1"] as const)
    test(
      `${COUNT} connections with odd requests, to an endpoint of ${endpoint}`,
      async () => {
        console.log(`odd streams, ${endpoint}: seed ${seed}`);
        /** The same cases each time; under another name, they are asked again. */
        const casesOf = (attempt: string): StreamsCase[] => {
          const random = seededRandom(seed);
          return Array.from({ length: COUNT }, (_, i) =>
            oddStreams(random, `${endpoint}-${attempt}-${i}`, ANSWERS[endpoint]),
          );
        };
        const once = await compare(casesOf("a"), endpoint);
        const seen = new Set(once.map(({ wire }) => numberOf(wire)));
        const twice =
          once.length === 0
            ? []
            : await compare(
                casesOf("b").filter((it) => seen.has(numberOf(it))),
                endpoint,
              );
        if (twice.length < once.length) console.log(`not seen again: ${once.length - twice.length} differences`);
        expect(twice.map(described)).toEqual([]);
        expect(tulle.areRunning).toBe(true);
      },
      isLong ? 900_000 : 180_000,
    );

  const numberOf = ({ id }: StreamsCase): string => id.slice(id.lastIndexOf("-"));

  function described({ differences, wire }: Left): string {
    const lines = differences.map(({ at, envoy: theirs, tulle: ours }) => `  ${at}: Envoy ${theirs}, Tulle ${ours}`);
    return `${wire.id} (${wire.traits.join(", ")}): ${wire.shown}\n${lines.join("\n")}`;
  }
});
