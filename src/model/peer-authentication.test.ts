import { expect, test } from "bun:test";
import { meshOf, workload } from "../../tests/support/mesh.ts";
import { effectiveMtls } from "./peer-authentication.ts";

const pa = (name: string, namespace: string, spec: string): string =>
  `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: ${name}, namespace: ${namespace}}, spec: ${spec}}`;

function modeOf(port: number, ...policies: readonly string[]): string {
  const mesh = meshOf(workload("a", "v1", [80, 81]), ...policies);
  const [subject] = mesh.workloads;
  if (subject === undefined) throw new Error("no workload");
  const { mode, policy } = effectiveMtls(mesh, subject, port);
  return policy === undefined ? mode : `${mode} by ${policy.origin.name}`;
}

const mesh = pa("mesh", "istio-system", "{mtls: {mode: STRICT}}");
const namespace = pa("ns", "default", "{mtls: {mode: DISABLE}}");
const own = pa(
  "own",
  "default",
  "{selector: {matchLabels: {app: a}}, mtls: {mode: PERMISSIVE}, portLevelMtls: {81: {mode: STRICT}}}",
);

test("PERMISSIVE is the default", () => {
  expect(modeOf(80)).toBe("PERMISSIVE");
});

test("port before workload before namespace before mesh", () => {
  expect(modeOf(80, mesh)).toBe("STRICT by mesh");
  expect(modeOf(80, mesh, namespace)).toBe("DISABLE by ns");
  expect(modeOf(80, mesh, namespace, own)).toBe("PERMISSIVE by own");
  expect(modeOf(81, mesh, namespace, own)).toBe("STRICT by own");
});

test("what is unset is inherited", () => {
  const unset = pa("unset", "default", "{selector: {matchLabels: {app: a}}, portLevelMtls: {81: {mode: UNSET}}}");
  expect(modeOf(80, mesh, unset)).toBe("STRICT by mesh");
  expect(modeOf(81, mesh, unset)).toBe("STRICT by mesh");
});

test("others' policies do not hold: another namespace, other labels, a selector in the root namespace", () => {
  expect(modeOf(80, pa("x", "elsewhere", "{mtls: {mode: STRICT}}"))).toBe("PERMISSIVE");
  expect(modeOf(80, pa("x", "default", "{selector: {matchLabels: {app: b}}, mtls: {mode: STRICT}}"))).toBe(
    "PERMISSIVE",
  );
  expect(modeOf(80, pa("x", "istio-system", "{selector: {matchLabels: {app: a}}, mtls: {mode: STRICT}}"))).toBe(
    "PERMISSIVE",
  );
});
