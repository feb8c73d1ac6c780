/**
 * What a soak keeps doing to the mesh of `examples/protocols`, each lane until it is stopped: every protocol, kept and new
 * connections, clients that break off, documents that change.
 *
 * @module
 */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { call } from "../../tests/e2e/support/call.ts";
import type { MeshRun } from "../../tests/e2e/support/mesh-run.ts";

/** What came of a lane's work. */
export interface Tally {
  done: number;
  /** The first few, in words. */
  readonly errors: string[];
  errorCount: number;
}

export interface Lane {
  readonly name: string;
  readonly pauseMs: number;
  /** Throws where it did not end as it must. */
  readonly once: (turn: number) => Promise<void>;
}

/** Runs lanes side by side. */
export async function runLanes(lanes: readonly Lane[], stop: AbortSignal): Promise<ReadonlyMap<string, Tally>> {
  const tallies = new Map(lanes.map(({ name }) => [name, { done: 0, errors: [], errorCount: 0 } as Tally]));
  await Promise.all(lanes.map((lane) => runLane(lane, tallies.get(lane.name) as Tally, stop)));
  return tallies;
}

const MAX_ERRORS_KEPT = 5;

async function runLane(lane: Lane, tally: Tally, stop: AbortSignal): Promise<void> {
  for (let turn = 0; !stop.aborted; turn++) {
    try {
      await lane.once(turn);
      tally.done++;
    } catch (cause) {
      tally.errorCount++;
      if (tally.errors.length < MAX_ERRORS_KEPT)
        tally.errors.push(cause instanceof Error ? cause.message : String(cause));
    }
    await sleep(lane.pauseMs);
  }
}

export function lanesOf(mesh: MeshRun): readonly Lane[] {
  const page = mesh.url("page");
  const { hostname, port } = new URL(page);
  return [
    { name: "every protocol", pauseMs: 20, once: () => fourTimes(() => everyProtocol(page)) },
    { name: "kept connections", pauseMs: 0, once: () => kept(page) },
    { name: "new connections", pauseMs: 10, once: () => expectStatus(call(`${page}/results/grpc-unary`)) },
    { name: "clients that break off", pauseMs: 20, once: (turn) => breakOff(hostname, Number(port), turn) },
    { name: "large bodies", pauseMs: 50, once: () => expectStatus(call(`${page}/none`, LARGE), 404) },
    { name: "documents that change", pauseMs: 1000, once: (turn) => changeDocument(mesh, turn) },
  ];
}

const LARGE = { method: "POST", body: "x".repeat(300_000) };

async function fourTimes(once: () => Promise<void>): Promise<void> {
  await Promise.all([once(), once(), once(), once()]);
}

async function expectStatus(answer: ReturnType<typeof call>, wanted = 200): Promise<void> {
  await bodyOf(answer, wanted);
}

async function bodyOf(answer: ReturnType<typeof call>, wanted: number): Promise<string> {
  const { status, body } = await answer;
  if (status !== wanted) throw new Error(`${status} in the place of ${wanted}: ${body.slice(0, 100)}`);
  return body;
}

/** The page asks each service in its own protocol. */
async function everyProtocol(page: string): Promise<void> {
  const results = JSON.parse(await bodyOf(call(`${page}/results`), 200)) as { name: string; result: string }[];
  for (const { name, result } of results)
    if (/^(closed|refused|no answer)|UNAVAILABLE|grpc-status (4|7|14)/.test(result))
      throw new Error(`${name}: ${result}`);
}

async function kept(page: string): Promise<void> {
  const response = await fetch(`${page}/none`, { signal: AbortSignal.timeout(10_000) });
  await response.text();
  if (response.status !== 404) throw new Error(`kept: ${response.status} in the place of 404`);
}

/** Leaves at another point each time: before a word, inside of a head, before the answer, inside of it. */
function breakOff(host: string, port: number, turn: number): Promise<void> {
  const request = "GET /results/grpc-stream HTTP/1.1\r\nhost: page\r\n\r\n";
  const said = [0, 10, request.length, request.length][turn % 4] as number;
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.write(request.slice(0, said));
      if (turn % 4 < 3) setTimeout(() => socket.resetAndDestroy(), turn % 7);
    });
    socket.once("data", () => socket.resetAndDestroy());
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
}

/** Another timeout of the greeter: routes of all proxies that call it change. */
function changeDocument(mesh: MeshRun, turn: number): Promise<void> {
  const timeout = `timeout: ${2 + (turn % 5)}s`;
  mesh.write("traffic.yaml", mesh.read("traffic.yaml").replace(/timeout: [1-6]s\n(\s+retries)/, `${timeout}\n$1`));
  return Promise.resolve();
}
