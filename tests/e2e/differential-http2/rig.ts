/**
 * A proxy in front of an endpoint of HTTP/1.1 and of one of HTTP/2.
 *
 * @module
 */
import { ScriptedBackend } from "../differential/scripted-backend.ts";
import { HopChain } from "../support/hop-chain.ts";
import { FramesBackend } from "./frames-backend.ts";
import type { StreamsCase } from "./odd-streams.ts";
import { outcomeOfStreams, type StreamsOutcome, talkStreams } from "./run-streams.ts";

export type Endpoint = "http1" | "http2";

const LANES = 16;

export class Http2Rig {
  readonly #http1: ScriptedBackend;
  readonly #http2: FramesBackend;
  readonly #chains: Readonly<Record<Endpoint, HopChain>>;

  private constructor(http1: ScriptedBackend, http2: FramesBackend, chains: Readonly<Record<Endpoint, HopChain>>) {
    this.#http1 = http1;
    this.#http2 = http2;
    this.#chains = chains;
  }

  /** @param program In front of `-c <bootstrap>`. */
  static async start(program: readonly string[]): Promise<Http2Rig> {
    const [http1, http2] = [await ScriptedBackend.start(), await FramesBackend.start()];
    // An answer that is wrong may end its connection: no other request shall be on it.
    const options = { manager: { delayedCloseTimeout: 100 }, maxRequestsPerConnection: 1 };
    return new Http2Rig(http1, http2, {
      http1: await HopChain.start(program, { ...options, upstream: http1.port }),
      http2: await HopChain.start(program, { ...options, upstream: http2.port, http2: true }),
    });
  }

  async run(cases: readonly StreamsCase[], endpoint: Endpoint): Promise<StreamsOutcome[]> {
    const outcomes: StreamsOutcome[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let i = next++; i < cases.length; i = next++) {
        const wire = cases[i] as StreamsCase;
        const talked = await talkStreams(this.#chains[endpoint].port, wire);
        const [seen1, seen2] = [this.#http1.seen(wire.id), this.#http2.seen(wire.id)];
        outcomes[i] = outcomeOfStreams(wire, talked, seen1, seen2);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    return outcomes;
  }

  get areRunning(): boolean {
    return Object.values(this.#chains).every((it) => it.areRunning);
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.#chains).map((it) => it.stop()));
    this.#http1.stop();
    this.#http2.stop();
  }
}
