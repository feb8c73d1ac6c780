/**
 * `bun bench/compare/run.ts [--rounds N] [--seconds S] [--scenario one-hop|double-hop] [--json]`
 *
 * CPU µs a request, memory and added latency of Tulle's proxy beside nginx, HAProxy and Envoy, all configured alike and all
 * measured in the same rounds of one run: machines are noisy, so only ratios count. Proxies and backend run on
 * processor 0, the load on processor 1.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TestCa } from "../../tests/support/certificates.ts";
import { ensureEnvoy } from "../../tests/support/envoy.ts";
import { latencyAtRate, saturate } from "./load.ts";
import {
  type Scenario,
  type Setup,
  type Subject,
  startBackend,
  startEnvoy,
  startHaproxy,
  startNginxProxy,
  startTulle,
} from "./peers.ts";
import { cpuUs, listening, rssMb, stopAll } from "./process.ts";
import { syscallsPerRequest } from "./syscalls.ts";
import { median, minimum, table } from "./table.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "6" },
    seconds: { type: "string", default: "3" },
    scenario: { type: "string" },
    json: { type: "boolean", default: false },
    "skip-latency": { type: "boolean", default: false },
    "skip-syscalls": { type: "boolean", default: false },
  },
});

interface Row {
  readonly name: string;
  readonly cpu: number[];
  readonly p50Ms: number[];
  readonly p99Ms: number[];
  rssMb: number;
  syscalls: number | undefined;
  errors: number;
}

const scenarios: readonly Scenario[] =
  values.scenario === "one-hop"
    ? ["one hop"]
    : values.scenario === "double-hop"
      ? ["mTLS double hop"]
      : ["one hop", "mTLS double hop"];

async function main(): Promise<void> {
  const setup = await prepare();
  try {
    startBackend(setup);
    await listening(setup.backendPort, "backend");
    for (const scenario of scenarios) await compare(setup, scenario);
  } finally {
    await stopAll();
    rmSync(setup.folder, { recursive: true, force: true });
  }
}

async function prepare(): Promise<Setup> {
  const folder = mkdtempSync(join(tmpdir(), "tulle-bench-"));
  execFileSync("chmod", ["755", folder]);
  const ca = new TestCa();
  const svid = ca.odd({ uris: [], extra: [bothNames("spiffe://cluster.local/ns/default/sa/bench", "localhost")] });
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  file("haproxy.pem", svid.certChainPem + svid.privateKeyPem);
  return {
    folder,
    backendPort: 19_099,
    cert: file("cert.pem", svid.certChainPem),
    key: file("key.pem", svid.privateKeyPem),
    ca: file("ca.pem", ca.bundlePem),
    envoy: await ensureEnvoy(),
  };
}

/** A subjectAltName extension with a URI for mesh proxies and a DNS name for the others (RFC 5280 §4.2.1.6). */
function bothNames(uri: string, dns: string): Uint8Array {
  const element = (tag: number, ...parts: Uint8Array[]): Uint8Array => {
    const content = Buffer.concat(parts);
    return Buffer.concat([Buffer.of(tag, content.length), content]);
  };
  const names = element(0x30, element(0x86, Buffer.from(uri)), element(0x82, Buffer.from(dns)));
  return element(0x30, Buffer.from("0603551d11", "hex"), element(0x04, names));
}

function subjects(setup: Setup, scenario: Scenario): Subject[] {
  const found = [startTulle(setup, scenario)];
  if (setup.envoy !== undefined) found.push(startEnvoy(setup, scenario, setup.envoy));
  if (existsSync("/usr/sbin/nginx")) found.push(startNginxProxy(setup, scenario));
  if (existsSync("/usr/sbin/haproxy")) found.push(startHaproxy(setup, scenario));
  return found;
}

async function compare(setup: Setup, scenario: Scenario): Promise<void> {
  const running = subjects(setup, scenario);
  for (const subject of running) await listening(subject.port, subject.name);
  const rows = new Map<string, Row>(
    running.map((s) => [
      s.name,
      { name: s.name, cpu: [], p50Ms: [], p99Ms: [], rssMb: 0, syscalls: undefined, errors: 0 },
    ]),
  );
  const direct: Row = { name: "direct", cpu: [], p50Ms: [], p99Ms: [], rssMb: 0, syscalls: undefined, errors: 0 };
  const rounds = Number(values.rounds);
  for (let round = 0; round <= rounds; round++) {
    // Round 0 warms up; the order turns, so that nobody is always behind the same one.
    const order = running.map((_, i) => running[(i + round) % running.length] as Subject);
    for (const subject of order) await measure(subject, rows.get(subject.name) as Row, round > 0);
    if (round > 0) await addLatency(direct, setup.backendPort);
  }
  for (const subject of running) {
    const row = rows.get(subject.name) as Row;
    row.rssMb = rssMb(subject.programs);
    if (!values["skip-syscalls"]) row.syscalls = await syscallsPerRequest(subject);
  }
  report(scenario, [...rows.values()], direct);
}

async function measure(subject: Subject, row: Row, counts: boolean): Promise<void> {
  const before = cpuUs(subject.programs);
  const { requests, errors } = await saturate(subject.port, Number(values.seconds));
  const used = cpuUs(subject.programs) - before;
  if (!counts) return;
  row.cpu.push(used / requests);
  row.errors += errors;
  await addLatency(row, subject.port);
}

async function addLatency(row: Row, port: number): Promise<void> {
  if (values["skip-latency"]) return;
  const { p50, p99 } = await latencyAtRate(port);
  row.p50Ms.push(p50);
  row.p99Ms.push(p99);
}

function report(scenario: Scenario, rows: readonly Row[], direct: Row): void {
  if (values.json) return console.log(JSON.stringify({ scenario, rows, direct }));
  const envoy = rows.find((row) => row.name === "Envoy");
  const nginx = rows.find((row) => row.name === "nginx");
  const ratio = (row: Row, to: Row | undefined): string =>
    to === undefined ? "-" : (minimum(row.cpu) / minimum(to.cpu)).toFixed(2);
  console.log(
    `\n${scenario}: 1 kB answers, 32 connections, 20 routes, authorization, access log; latency at 1000 requests/s`,
  );
  console.log(
    table(
      [
        "proxy",
        "CPU µs/request",
        "× Envoy",
        "× nginx",
        "added p50 ms",
        "added p99 ms",
        "RSS MB",
        "syscalls/request",
        "errors",
      ],
      rows.map((row) => [
        row.name,
        minimum(row.cpu).toFixed(1),
        ratio(row, envoy),
        ratio(row, nginx),
        added(row.p50Ms, direct.p50Ms),
        added(row.p99Ms, direct.p99Ms),
        row.rssMb.toFixed(0),
        row.syscalls === undefined ? "-" : row.syscalls.toFixed(1),
        String(row.errors),
      ]),
    ),
  );
}

/** Beyond what the backend takes without a proxy. */
const added = (proxied: readonly number[], direct: readonly number[]): string =>
  proxied.length === 0 ? "-" : (median(proxied) - median(direct)).toFixed(2);

await main();
