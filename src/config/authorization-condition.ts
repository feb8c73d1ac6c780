/**
 * `when` of an AuthorizationPolicy's rule. Source: Istio's list of condition keys.
 *
 * @module
 */
import type { AuthorizationCondition } from "../model/security.ts";
import { didYouMean } from "./did-you-mean.ts";
import { isAddressRange, isHeaderName, isPortText } from "./names.ts";
import type { Node, Read } from "./node.ts";
import { listOrNothing, text, textThat } from "./read-values.ts";
import { pattern } from "./string-match.ts";
import { quote } from "./tree.ts";

/** A pattern stays as it is written; it is read here to be checked. */
const patternText: Read<string> = (node) => {
  pattern(node);
  return node.tree.t === "scalar" ? String(node.tree.value) : "";
};
const address = textThat(isAddressRange, "an IP address or a range such as 10.0.0.0/8");
const port = textThat(isPortText, 'a port as text, such as "8080"');

const KEYS: Readonly<Record<string, Read<string>>> = {
  "source.ip": address,
  "remote.ip": address,
  "source.namespace": patternText,
  "source.principal": patternText,
  "source.trustDomain": patternText,
  "destination.ip": address,
  "destination.port": port,
  "connection.sni": patternText,
};

const UNSUPPORTED_START = ["request.auth.", "experimental.envoy.filters."];
const SERVICE_ACCOUNT = "source.serviceAccount";
const NAMES = [...Object.keys(KEYS), SERVICE_ACCOUNT, "request.headers[name]", "request.auth.claims[name]"];

/** @param serviceAccount One without a namespace is of the policy's own. */
export const authorizationCondition =
  (serviceAccount: Read<string>): Read<AuthorizationCondition> =>
  (node) => {
    const fields = node.fields({ known: ["key", "values", "notValues"] });
    const key = fields.required("key", text, "");
    const at = fields.at("key");
    const read = (key === SERVICE_ACCOUNT ? serviceAccount : at && valueReader(key, at)) ?? patternText;
    const values = fields.optional("values", listOrNothing(read)) ?? [];
    const notValues = fields.optional("notValues", listOrNothing(read)) ?? [];
    if (values.length + notValues.length === 0 && node.tree.t === "map")
      node.fail("must have at least one of values, notValues");
    return { key, values, notValues };
  };

function valueReader(key: string, at: Node): Read<string> | undefined {
  if (key === "") return undefined;
  const header = /^request\.headers\[(.*)\]$/.exec(key);
  if (header !== null) {
    if (!isHeaderName(header[1] ?? "")) at.fail(`${quote(header[1] ?? "")} is not a header name`);
    return patternText;
  }
  const read = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (read !== undefined) return read;
  if (UNSUPPORTED_START.some((start) => key.startsWith(start)))
    at.fail(`the condition ${quote(key)} is not supported yet`);
  else at.fail(`unknown condition ${quote(key)}${didYouMean(key, NAMES)}`);
  return undefined;
}
