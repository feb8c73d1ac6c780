/**
 * Third-party documents: what Istio's CRDs accept and reject, and Istio's own samples.
 *
 * The number that upstream has is always the one that is counted against; what we do not read yet is counted as such.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatProblem, type Problem } from "../src/base/problem.ts";
import { loadDocuments } from "../src/config/load.ts";
import { suiteFigures } from "./suites/figures.ts";

const SUITES = join(import.meta.dir, "..", "..", "shared", "suites");
const KINDS = new Set([
  "VirtualService",
  "DestinationRule",
  "Gateway",
  "ServiceEntry",
  "Sidecar",
  "WorkloadEntry",
  "WorkloadGroup",
  "AuthorizationPolicy",
  "PeerAuthentication",
]);

/** Of the Gateway API all kinds that the samples have. */
const isOurs = ({ apiVersion = "", kind = "" }: { readonly apiVersion?: string; readonly kind?: string }): boolean =>
  KINDS.has(kind) || apiVersion.startsWith("gateway.networking.k8s.io/");

type Verdict = "accepted" | "not supported yet" | "rejected";

/** A document that has nothing against it but fields that we do not read yet is set apart from a wrong one. */
function judge(text: string): { readonly verdict: Verdict; readonly errors: readonly Problem[] } {
  const errors = loadDocuments([{ file: "case.yaml", text }]).problems.filter((p) => p.severity === "error");
  if (errors.length === 0) return { verdict: "accepted", errors };
  return {
    verdict: errors.every((e) => e.message.includes("not supported yet")) ? "not supported yet" : "rejected",
    errors,
  };
}

function suite<T>(path: string, run: (data: T) => void): void {
  const file = join(SUITES, path);
  if (existsSync(file)) return run(JSON.parse(readFileSync(file, "utf8")) as T);
  console.warn(`SKIPPED: ${file} is not there`);
  test.skip(path, () => {});
}

interface Validation {
  readonly upstreamCases: number;
  readonly cases: readonly {
    readonly id: string;
    readonly kind: string;
    readonly valid: boolean;
    readonly text: string;
  }[];
}

/** `[001:db8::]` is a list of a mapping in YAML 1.2; the reader that Kubernetes has takes it for text. Quotes make it text for both. */
const OTHER_YAML: ReadonlySet<string> = new Set(["serviceentry-valid#0:full"]);

describe("Istio's validation documents", () => {
  test("with an address that ends in two colons: in quotes", () => {
    const entry = (address: string): string =>
      `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: full}, spec: {hosts: [a.com], addresses: [${address}]}}`;
    expect(judge(entry("001:db8::")).verdict).toBe("rejected");
    expect(judge(entry("'001:db8::'")).verdict).toBe("accepted");
  });

  suite<Validation>("istio-validation/cases.json", ({ upstreamCases, cases }) => {
    const all = cases.filter((c) => KINDS.has(c.kind));
    const ours = all.filter((c) => !OTHER_YAML.has(c.id));

    test.each(ours.map((c) => [c.id, c.valid ? "valid" : "invalid", c] as const))("%s (%s)", (_, __, c) => {
      const { verdict, errors } = judge(c.text);
      for (const e of errors) expect(e.place.line).toBeGreaterThan(1);
      expect(
        c.valid ? ["accepted", "not supported yet"] : ["rejected", "not supported yet"],
        errors.map(formatProblem).join("\n"),
      ).toContain(verdict);
    });

    test("are counted", () => {
      const verdicts = ours.map((c) => ({ ...c, verdict: judge(c.text).verdict }));
      const right = verdicts.filter((v) => v.verdict === (v.valid ? "accepted" : "rejected"));
      const later = verdicts.filter((v) => v.verdict === "not supported yet");
      console.log(
        `istio-validation: ${right.length} judged as Istio does, ${later.length} not supported yet, of ${all.length} of kinds that are read here; ` +
          `${cases.length} cases here, ${upstreamCases} upstream (the others: kinds not read yet)`,
      );
      expect(right.length + later.length).toBe(ours.length);
      expect(right.length).toBeGreaterThanOrEqual(ours.length - 5);
      const figures = { passed: right.length, here: cases.length, upstream: upstreamCases };
      expect(suiteFigures("istio-validation", "documents")).toEqual(figures);
    });
  });
});

interface Samples {
  readonly files: readonly {
    readonly file: string;
    readonly docs: readonly ({
      readonly apiVersion?: string;
      readonly kind?: string;
      readonly metadata?: { readonly name?: string };
    } | null)[];
  }[];
}

/** Judges the documents of the kinds that are read here, and says in the log how many there were of each verdict. */
function judgeSamples(title: string, { files }: Samples) {
  const counts: Record<Verdict, number> = { accepted: 0, "not supported yet": 0, rejected: 0 };
  const wrong: string[] = [];
  const later: Problem[] = [];
  for (const { file, docs } of files)
    for (const document of docs) {
      if (document === null || !isOurs(document)) continue;
      const { verdict, errors } = judge(JSON.stringify(document, null, 1));
      counts[verdict]++;
      if (verdict === "not supported yet") later.push(...errors);
      if (verdict === "rejected")
        wrong.push(`${file} ${document.kind} ${document.metadata?.name}: ${errors.map(formatProblem).join("; ")}`);
    }
  console.log(`${title}: documents of kinds that are read here: ${JSON.stringify(counts)}`);
  return { counts, wrong, later };
}

/** Of whatever kind: those that say nothing to a mesh are accepted too. */
function acceptedOf({ files }: Samples): { readonly passed: number; readonly here: number } {
  const all = files.flatMap(({ docs }) => docs.filter((document) => document !== null));
  const accepted = all.filter((document) => judge(JSON.stringify(document)).verdict === "accepted");
  return { passed: accepted.length, here: all.length };
}

describe("Istio's samples", () => {
  suite<Samples>("istio-samples/docs.json", (samples) => {
    test("are accepted, or refused only for what is not supported yet", () => {
      const { counts, wrong, later } = judgeSamples("istio-samples", samples);
      expect(wrong).toEqual([]);
      expect(counts.accepted).toBeGreaterThanOrEqual(85);
      expect(suiteFigures("istio-samples", "documents")).toMatchObject(acceptedOf(samples));
      for (const e of later) expect(e.path).toMatch(/spec\.(tls|tcp)\[|mode$|h2UpgradePolicy/);
    });
  });

  suite<Samples>("istio-samples/testdata.json", (samples) => {
    test("of its own tests, likewise", () => {
      const { counts, wrong } = judgeSamples("istio test data", samples);
      // Istio took this field out of the API; its test data still has it.
      const known = ['unknown field "websocketUpgrade"', 'found text "BACKEND"'];
      // No API server takes a name in capitals; this data never met one.
      expect(wrong.filter((w) => !known.some((end) => w.endsWith(end)))).toEqual([]);
      expect(wrong.length).toBeLessThanOrEqual(3);
      expect(counts.accepted).toBeGreaterThanOrEqual(98);
      expect(suiteFigures("istio-samples", "documents of its test data")).toMatchObject(acceptedOf(samples));
    });
  });
});
