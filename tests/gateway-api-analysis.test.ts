/**
 * What `tulle validate` says of Gateway API documents together: each with its reason, its place, and what follows from it.
 */
import { describe, expect, test } from "bun:test";
import { formatProblem } from "../src/base/problem.ts";
import { hintFor } from "../src/cli/hints.ts";
import { analyze } from "../src/config/analyze.ts";
import { errors, load } from "./support/documents.ts";

const document = (kind: string, name: string, spec: string): string =>
  `---\napiVersion: gateway.networking.k8s.io/v1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: shop}\nspec: {${spec}}\n`;
const gateway = (listeners: string, more = "gatewayClassName: tulle"): string =>
  document("Gateway", "edge", `${more}, listeners: [${listeners}]`);
const HTTP = "{name: http, port: 80, protocol: HTTP}";
const SERVICE =
  "---\napiVersion: v1\nkind: Service\nmetadata: {name: b, namespace: shop}\nspec: {ports: [{name: http, port: 80}]}\n";
const route = (parents: string, backends = "{name: b, port: 80}"): string =>
  document("HTTPRoute", "r", `parentRefs: [${parents}], rules: [{backendRefs: [${backends}]}]`);
const policy = (name: string, target: string, ca = "wellKnownCACertificates: System"): string =>
  document(
    "BackendTLSPolicy",
    name,
    `targetRefs: [{group: "", kind: Service, ${target}}], validation: {hostname: b, ${ca}}`,
  );

function said(text: string) {
  expect(errors(text)).toEqual([]);
  return analyze(load(text));
}

describe("documents that lead nowhere", () => {
  test.each([
    [route(""), "warning: the route names no parent, so it acts nowhere", "spec"],
    [route("{name: egde}"), 'there is no Gateway "shop/egde" [NoMatchingParent]', "spec.parentRefs[0]"],
    [
      gateway(HTTP) + route("{name: edge, sectionName: https}"),
      "has no listener https: it has http (80), so the route is not attached [NoMatchingParent]",
      "spec.parentRefs[0]",
    ],
    [
      route("{group: '', kind: Service, name: b, port: 90}"),
      "has no port 90: it has 80, so the route is not attached [NoMatchingParent]",
      "spec.parentRefs[0]",
    ],
    [
      gateway(HTTP) + route("{name: edge}", "{name: b, port: 80}, {name: b, port: 81}"),
      "has no port 81: it has 80, so its share of the calls fails [BackendNotFound]",
      "spec.rules[0].backendRefs[1]",
    ],
    [gateway(HTTP, "gatewayClassName: nobody"), 'there is no GatewayClass "nobody"', "spec.gatewayClassName"],
    [
      gateway("{name: a, port: 53, protocol: example.com/QUIC}"),
      "found example.com/QUIC, so the listener takes no calls [UnsupportedProtocol]",
      "spec.listeners[0]",
    ],
    [
      gateway(`${HTTP}, {name: tcp, port: 80, protocol: TCP}`),
      "so the listener takes no calls [ProtocolConflict]",
      "spec.listeners[0]",
    ],
    [
      gateway(HTTP) + document("ListenerSet", "set", `parentRef: {name: edge}, listeners: [${HTTP}]`),
      "lets in no ListenerSet of the namespace shop [NotAllowed]",
      "spec.parentRef",
    ],
    [
      document("ListenerSet", "set", `parentRef: {name: egde}, listeners: [${HTTP}]`),
      'there is no Gateway "shop/egde" [NoMatchingParent]',
      "spec.parentRef",
    ],
    [
      policy("p", "name: c"),
      "there is no Service shop/c, so the policy does not hold there [TargetNotFound]",
      "spec.targetRefs[0]",
    ],
    [
      policy("p", "name: b") + policy("q", "name: b"),
      "warning: the older policy shop/p is for the same target, so the policy does not hold there [Conflicted]",
      "spec.targetRefs[0]",
    ],
    [
      policy("p", "name: b", "caCertificateRefs: [{group: '', kind: ConfigMap, name: none}]"),
      "there is no ConfigMap shop/none, so calls to the targets fail [InvalidCACertificateRef]",
      "spec.validation.caCertificateRefs[0]",
    ],
  ])("%s", (text, message, path) => {
    const [found, ...more] = said(SERVICE + text).filter((p) => p.path !== "spec.listeners[1]");
    expect(found === undefined ? "" : formatProblem(found)).toContain(message);
    expect(found?.path).toBe(path);
    expect(found?.place.line).toBeGreaterThan(6);
    expect(more).toEqual([]);
  });

  test("what is right says nothing, nor what is another controller's", () => {
    expect(said(SERVICE + gateway(HTTP) + route("{name: edge}"))).toEqual([]);
    const foreign = document("GatewayClass", "foreign", "controllerName: example.com/other");
    expect(
      said(foreign + gateway(HTTP, "gatewayClassName: foreign") + route("{name: edge}", "{name: c, port: 1}")),
    ).toEqual([]);
  });

  test("reasons have hints", () => {
    const [found] = said(route("{name: egde}"));
    expect(found && hintFor(found)).toContain("compare sectionName and port of the parentRef");
  });
});
