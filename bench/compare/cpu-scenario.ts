/**
 * CPU a unit of work of several proxies, in paired rounds of one run.
 *
 * @module
 */
import type { Load } from "./loads.ts";
import { cpuUs, rssMb } from "./process.ts";
import type { Setup } from "./setup.ts";
import { startSubjects, stopSubjects } from "./subjects.ts";
import { syscallsPerRequest } from "./syscalls.ts";
import { median, minimum, table } from "./table.ts";
import type { Subject, Topology } from "./topology.ts";

/** What is promised: CPU of Tulle at most `factor` times that of a peer, or at most so many microseconds. */
export type Bar =
  | { readonly peer: string; readonly factor: number }
  | { readonly maxUs: number }
  /** Of Tulle in the scenario's other topology: at most so many times what it costs in the first. */
  | { readonly variantFactor: number };

export interface CpuScenario {
  readonly title: string;
  readonly topology: Topology;
  /** Another topology that Tulle and Envoy are measured in as well, and what it is called. */
  readonly variant?: { readonly topology: Topology; readonly name: string };
  /** What the CPU is divided by: `request`, `MB`. */
  readonly unit: string;
  readonly load: Load;
  readonly bars: readonly Bar[];
  readonly syscalls?: boolean;
}

export interface RunOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly peers: readonly string[] | undefined;
  readonly json: boolean;
}

interface Row {
  readonly name: string;
  /** Of each round, in order: the same index is the same round. */
  readonly cpuUs: number[];
  rssMb: number;
  syscalls: number | undefined;
  errors: number;
}

export async function runCpuScenario(scenario: CpuScenario, setup: Setup, options: RunOptions): Promise<void> {
  const subjects = await startSubjects(setup, scenario.topology, options.peers);
  if (scenario.variant !== undefined) subjects.push(...(await variantOf(scenario.variant, setup)));
  try {
    const rows = await measure(scenario, subjects, setup, options);
    if (options.json) console.log(JSON.stringify({ scenario: scenario.title, rows }));
    else report(scenario, rows, setup.checkouts.length);
  } finally {
    await stopSubjects(subjects);
  }
}

async function variantOf(
  { topology, name }: NonNullable<CpuScenario["variant"]>,
  setup: Setup,
): Promise<readonly Subject[]> {
  const subjects = await startSubjects(setup, topology, ["Envoy"]);
  return subjects.map((subject) => ({ ...subject, name: `${subject.name} ${name}` }));
}

async function measure(s: CpuScenario, subjects: readonly Subject[], setup: Setup, o: RunOptions): Promise<Row[]> {
  const rows: Row[] = subjects.map(({ name }) => ({ name, cpuUs: [], rssMb: 0, syscalls: undefined, errors: 0 }));
  for (let round = 0; round <= o.rounds; round++) {
    // Round 0 warms up; the order turns, so that nobody is always behind the same one.
    for (let k = 0; k < subjects.length; k++) {
      const at = (k + round) % subjects.length;
      const row = rows[at] as Row;
      const used = await oneRound(s, subjects[at] as Subject, row, setup, o.seconds);
      if (round > 0) row.cpuUs.push(used);
    }
  }
  for (const [i, subject] of subjects.entries()) {
    const row = rows[i] as Row;
    row.rssMb = rssMb(subject.programs);
    if (s.syscalls) row.syscalls = await syscallsPerRequest(subject);
  }
  return rows;
}

/** A subject that serves nothing is out of the comparison, and says so. */
async function oneRound(s: CpuScenario, subject: Subject, row: Row, setup: Setup, seconds: number): Promise<number> {
  const before = cpuUs(subject.programs);
  const { units, errors } = await s.load(setup, subject.port, seconds);
  row.errors += errors;
  return units === 0 ? Number.NaN : (cpuUs(subject.programs) - before) / units;
}

function report(scenario: CpuScenario, rows: readonly Row[], checkouts: number): void {
  const columns = rows.slice(checkouts > 1 ? 0 : 1).map(({ name }) => name);
  const head = ["proxy", `CPU µs/${scenario.unit}`, ...columns.map((n) => `× ${n}`), "RSS MB", "syscalls", "errors"];
  console.log(`\n${scenario.title}`);
  console.log(
    table(
      head,
      rows.map((row) => [
        row.name,
        minimum(row.cpuUs).toFixed(1),
        ...columns.map((name) => ratio(row, named(rows, name)).toFixed(2)),
        row.rssMb.toFixed(0),
        row.syscalls?.toFixed(1) ?? "-",
        String(row.errors),
      ]),
    ),
  );
  for (const bar of scenario.bars) console.log(verdict(bar, rows, scenario.variant?.name));
  if (checkouts > 1) for (const row of rows.slice(1, checkouts)) console.log(pairedRatio(row, rows[0] as Row));
}

const named = (rows: readonly Row[], name: string): Row | undefined => rows.find((row) => row.name === name);

const ratio = (row: Row, to: Row | undefined): number =>
  to === undefined ? Number.NaN : minimum(row.cpuUs) / minimum(to.cpuUs);

function verdict(bar: Bar, rows: readonly Row[], variant: string | undefined): string {
  const [found, limit, of] = judged(bar, rows, variant);
  const word = Number.isNaN(found) ? "cannot be judged" : found <= limit ? "met" : "MISSED";
  return `bar ≤ ${limit}${of}: ${word} (${found.toFixed(2)})`;
}

function judged(bar: Bar, rows: readonly Row[], variant: string | undefined): readonly [number, number, string] {
  const tulle = rows[0] as Row;
  if ("peer" in bar) return [ratio(tulle, named(rows, bar.peer)), bar.factor, ` × ${bar.peer}`];
  if ("maxUs" in bar) return [minimum(tulle.cpuUs), bar.maxUs, " µs"];
  const other = named(rows, `${tulle.name} ${variant}`);
  return [other === undefined ? Number.NaN : ratio(other, tulle), bar.variantFactor, ` × ${tulle.name}`];
}

/** Of two checkouts, round by round: the median, and the middle half of the rounds. */
function pairedRatio(row: Row, to: Row): string {
  const ratios = row.cpuUs.map((us, i) => us / (to.cpuUs[i] as number)).toSorted((a, b) => a - b);
  const at = (share: number): string => (ratios[Math.floor((ratios.length - 1) * share)] as number).toFixed(3);
  return `${row.name} against ${to.name}, round by round: median ${median(ratios).toFixed(3)}, middle half ${at(0.25)} to ${at(0.75)}`;
}
