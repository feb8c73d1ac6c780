/**
 * What documents say together: each is right on its own, and still a rule leads nowhere.
 *
 * Nothing here keeps a document out of the mesh. Messages carry the code of Istio's analyzer where it has one, and its level:
 * an error is a call that cannot succeed, or a rule that cannot take effect as written.
 *
 * @module
 */
import type { Problem } from "../base/problem.ts";
import type { Mesh } from "../model/mesh.ts";
import { analyzeBackends } from "./analyze-backends.ts";
import { analyzeClientCredentials } from "./analyze-client-credentials.ts";
import { analyzeDestinations } from "./analyze-destinations.ts";
import { analyzeGatewayApi } from "./analyze-gateway-api.ts";
import { analyzeEntries } from "./analyze-entries.ts";
import { analyzeGateways } from "./analyze-gateways.ts";
import { analyzeHosts } from "./analyze-hosts.ts";
import { analyzePolicies } from "./analyze-policies.ts";
import { analyzeRules } from "./analyze-rules.ts";
import { analyzeSidecars } from "./analyze-sidecars.ts";
import { analyzeWorkloads } from "./analyze-workloads.ts";
import type { Document } from "./document.ts";
import { type Finding, meshIndex } from "./mesh-index.ts";
import { placeAt } from "./tree.ts";

/** Findings on a mesh, in the order of files and lines. `documents` give the exact place of each field. */
export function analyze(loaded: {
  readonly mesh: Mesh;
  readonly documents: readonly Document[];
  readonly remarks: readonly Problem[];
}): readonly Problem[] {
  const index = meshIndex(loaded.mesh);
  const findings = [
    analyzeBackends,
    analyzeClientCredentials,
    analyzeDestinations,
    analyzeEntries,
    analyzeGateways,
    analyzeGatewayApi,
    analyzeHosts,
    analyzeRules,
    analyzeSidecars,
    analyzeWorkloads,
    analyzePolicies,
  ].flatMap((a) => a(index));
  const trees = new Map(loaded.documents.map((d) => [placeKey(d.place), d]));
  const problems = [...loaded.remarks, ...findings.map((f) => toProblem(f, trees.get(placeKey(f.origin.place))))];
  return problems.sort(
    (a, b) => compare(a.place.file, b.place.file) || a.place.line - b.place.line || a.place.column - b.place.column,
  );
}

const placeKey = (p: Document["place"]): string => `${p.file}:${p.line}:${p.column}`;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function toProblem(f: Finding, document: Document | undefined): Problem {
  const place = document === undefined ? f.origin.place : placeAt(document.tree, f.path);
  return { severity: f.severity, place, path: f.path, message: f.message };
}
