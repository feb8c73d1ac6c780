/**
 * `tls` of a traffic policy: how connections to a destination are secured.
 *
 * @module
 */
import type { ClientTls } from "../model/destination-rule.ts";
import { credentialName } from "./credential-name.ts";
import type { Node } from "./node.ts";
import { choice, flag, text } from "./read-values.ts";

const FILES = ["clientCertificate", "privateKey", "caCertificates", "caCrl"] as const;

export function clientTls(node: Node): ClientTls {
  const fields = node.fields({
    known: ["mode", "sni", "subjectAltNames", "insecureSkipVerify", "credentialName", ...FILES],
  });
  const tls: ClientTls = {
    mode: fields.optional("mode", choice(["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"])) ?? "DISABLE",
    sni: fields.optional("sni", text),
    subjectAltNames: fields.list("subjectAltNames", text),
    credentialName: fields.optional("credentialName", credentialName("the calling workload")),
    clientCertificate: fields.optional("clientCertificate", text),
    privateKey: fields.optional("privateKey", text),
    caCertificates: fields.optional("caCertificates", text),
    caCrl: fields.optional("caCrl", text),
    insecureSkipVerify: fields.optional("insecureSkipVerify", flag) ?? false,
  };
  if (tls.credentialName !== undefined && !verifiesByFiles(tls.mode))
    fields.at("credentialName")?.warn(`has no effect beside mode ${tls.mode}`);
  if (node.tree.t === "map") checkMode(node, tls);
  return tls;
}

const verifiesByFiles = (mode: ClientTls["mode"]): boolean => mode === "SIMPLE" || mode === "MUTUAL";

function checkMode(node: Node, tls: ClientTls): void {
  const given = FILES.filter((name) => tls[name] !== undefined);
  const byCredential = tls.credentialName !== undefined;
  if (byCredential && given.length > 0)
    node.fail(`credentialName cannot stand beside files: its Secret has all of it; found ${given.join(", ")}`);
  if (tls.mode === "MUTUAL" && !byCredential && (tls.clientCertificate === undefined || tls.privateKey === undefined)) {
    node.fail("mode MUTUAL needs clientCertificate and privateKey, or credentialName");
  }
  if (tls.mode === "SIMPLE" && (tls.clientCertificate ?? tls.privateKey) !== undefined) {
    node.fail("mode SIMPLE sends no certificate: remove clientCertificate and privateKey, or write MUTUAL");
  }
  if (!verifiesByFiles(tls.mode) && given.length > 0) {
    node.fail(`mode ${tls.mode} takes no files, found ${given.join(", ")}`);
  }
  if (!tls.insecureSkipVerify) return;
  if (tls.mode === "ISTIO_MUTUAL") node.fail("mode ISTIO_MUTUAL always verifies: remove insecureSkipVerify");
  const checks = [tls.caCertificates, tls.caCrl, tls.credentialName, tls.subjectAltNames[0]];
  if (checks.some((value) => value !== undefined)) {
    node.fail(
      "insecureSkipVerify cannot stand beside caCertificates, caCrl, credentialName or subjectAltNames: nothing would check them",
    );
  }
}
