/**
 * Runs everything that says whether the project is well: types, lint, format, dead code, and all tests.
 * Ends with the line `N passed, N failed`.
 *
 * `./test`: all but the long runs. `./test long`: those as well. `./test src/wire`: tests of a folder alone.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const bun = join(root, "node_modules/bun/bin/bun.exe");
const cache = join(root, ".cache");
const args = process.argv.slice(2);
const long = args.includes("long");
const folders = args.filter((arg) => arg !== "long");

interface Outcome {
  passed: number;
  failed: number;
}

const total: Outcome = { passed: 0, failed: 0 };

function count(outcome: Outcome): void {
  total.passed += outcome.passed;
  total.failed += outcome.failed;
}

/** Programs that tests talk to. Where they cannot be had, the tests that want them say SKIPPED. */
function installPrograms(): void {
  const wanted = { openssl: "openssl", nghttpd: "nghttp2-server", h2load: "nghttp2-client", nft: "nftables" };
  const missing = Object.entries(wanted).filter(([program]) => Bun.which(program) === null);
  if (missing.length === 0 || process.getuid?.() !== 0 || Bun.which("apt-get") === null) return;
  const packages = missing.map(([, name]) => name).join(" ");
  console.log(`installing ${packages}`);
  spawnSync("sh", ["-c", `apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends ${packages}`], {
    stdio: "ignore",
  });
}

/** One check that passes or fails as a whole. */
function check(name: string, command: readonly string[]): void {
  const started = performance.now();
  const result = spawnSync(command[0] as string, command.slice(1), { cwd: root, encoding: "utf8" });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const ok = result.status === 0;
  console.log(`${ok ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
  if (!ok) console.log(`${result.stdout}${result.stderr}`);
  count(ok ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
}

function runTests(): void {
  mkdirSync(cache, { recursive: true });
  const report = join(cache, "tests.xml");
  rmSync(report, { force: true });
  const result = spawnSync(
    bun,
    ["test", "--timeout", long ? "900000" : "60000", "--reporter=junit", "--reporter-outfile", report, ...folders],
    { cwd: root, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, ...(long ? { TULLE_LONG: "1" } : {}) } },
  );
  count(existsSync(report) ? readReport(report) : { passed: 0, failed: 1 });
  // A file that fails to load fails no test of its own.
  if (result.status !== 0 && total.failed === 0) total.failed++;
}

function readReport(report: string): Outcome {
  const suites = /<testsuites[^>]*>/.exec(readFileSync(report, "utf8"))?.[0] ?? "";
  const number = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suites)?.[1] ?? 0);
  const failed = number("failures") + number("errors");
  return { passed: number("tests") - failed - number("skipped"), failed };
}

installPrograms();
if (folders.length === 0) {
  const bin = (name: string): string => join(root, "node_modules/.bin", name);
  check("types", [bin("tsc"), "-p", "tsconfig.json"]);
  check("lint", ["npm", "run", "-s", "lint"]);
  check("format", [bin("biome"), "format"]);
  check("dead code", [bin("knip")]);
}
runTests();
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
