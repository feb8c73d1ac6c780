/**
 * `tls` of a traffic policy: how connections to a destination are secured.
 *
 * @module
 */
import type { ClientTls } from "../model/destination-rule.ts";
import type { Node } from "./node.ts";
import { choice, flag, text } from "./read-values.ts";

const FILES = ["clientCertificate", "privateKey", "caCertificates"] as const;

export function clientTls(node: Node): ClientTls {
  const fields = node.fields({
    known: ["mode", "sni", "subjectAltNames", "insecureSkipVerify", ...FILES],
    unsupported: ["credentialName", "caCrl"],
  });
  const tls: ClientTls = {
    mode: fields.optional("mode", choice(["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"])) ?? "DISABLE",
    sni: fields.optional("sni", text),
    subjectAltNames: fields.list("subjectAltNames", text),
    clientCertificate: fields.optional("clientCertificate", text),
    privateKey: fields.optional("privateKey", text),
    caCertificates: fields.optional("caCertificates", text),
    insecureSkipVerify: fields.optional("insecureSkipVerify", flag) ?? false,
  };
  if (node.tree.t === "map") checkMode(node, tls);
  return tls;
}

function checkMode(node: Node, tls: ClientTls): void {
  const given = FILES.filter((name) => tls[name] !== undefined);
  if (tls.mode === "MUTUAL" && (tls.clientCertificate === undefined || tls.privateKey === undefined)) {
    node.fail("mode MUTUAL needs clientCertificate and privateKey");
  }
  if (tls.mode === "SIMPLE" && (tls.clientCertificate ?? tls.privateKey) !== undefined) {
    node.fail("mode SIMPLE sends no certificate: remove clientCertificate and privateKey, or write MUTUAL");
  }
  if ((tls.mode === "ISTIO_MUTUAL" || tls.mode === "DISABLE") && given.length > 0) {
    node.fail(`mode ${tls.mode} takes no files, found ${given.join(", ")}`);
  }
  if (!tls.insecureSkipVerify) return;
  if (tls.mode === "ISTIO_MUTUAL") node.fail("mode ISTIO_MUTUAL always verifies: remove insecureSkipVerify");
  if (tls.caCertificates !== undefined || tls.subjectAltNames.length > 0) {
    node.fail("insecureSkipVerify cannot stand beside caCertificates or subjectAltNames: nothing would check them");
  }
}
