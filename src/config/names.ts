/**
 * What names must look like: DNS labels, hosts, headers, labels, addresses.
 *
 * @module
 */
import type { MeshSettings } from "../model/mesh.ts";
import type { Node, Read } from "./node.ts";
import { anyText, isText, textThat } from "./read-values.ts";
import { quote } from "./tree.ts";

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DNS_LABEL_ANY_CASE = /^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

export const isDnsLabel = (name: string): boolean => DNS_LABEL.test(name);

/** A name of a namespace or port. */
export const dnsLabel = textThat(
  isDnsLabel,
  "1 to 63 lower-case letters, digits and dashes, with a letter or digit at both ends",
);

/** The name of a document: DNS labels with dots between them. */
export const objectName = textThat(
  (name) => name.length <= 253 && name.split(".").every(isDnsLabel),
  "lower-case letters, digits, dashes and dots, with a letter or digit at both ends of each part",
);

/** A name of a subset: Istio lets it have capitals. */
export const subsetName = textThat(
  (name) => DNS_LABEL_ANY_CASE.test(name),
  "1 to 63 letters, digits and dashes, with a letter or digit at both ends",
);

/** A name of a port, as Istio takes it: capitals too. */
export const isPortName = (name: string): boolean => DNS_LABEL_ANY_CASE.test(name);

/** A host name; its first label may be `*`, or begin with it, where wildcards are allowed. */
export function isHost(host: string, wildcard: boolean): boolean {
  if (host.length > 255) return false;
  const [first = "", ...rest] = host.replace(/\.$/, "").split(".");
  if (!rest.every((label) => DNS_LABEL_ANY_CASE.test(label))) return false;
  // Else 1.2.3 would be a name.
  if (/^\d+$/.test(rest.at(-1) ?? "")) return false;
  if (!first.startsWith("*")) return DNS_LABEL_ANY_CASE.test(first);
  return wildcard && /^\*([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/.test(first);
}

/** Short names belong to the namespace of the rule that writes them; what has a dot, or is a wildcard, stands as it is. */
function qualify(host: string, namespace: string, settings: MeshSettings): string {
  const lower = host.toLowerCase();
  const short = !lower.includes(".") && !lower.includes(":") && !lower.startsWith("*");
  return short ? `${lower}.${namespace}.svc.${settings.clusterDomain}` : lower;
}

/** What a host may be beside a plain name. */
interface HostForms {
  readonly wildcard: boolean;
  readonly address: boolean;
}

/** `reviews` in namespace `default` → `reviews.default.svc.cluster.local`. */
export function qualifiedHost(namespace: string, settings: MeshSettings, forms: HostForms): Read<string> {
  const what = `a host name${forms.wildcard ? ", or a wildcard such as *.example.com" : ""}`;
  const read = textThat((h) => isHost(h, forms.wildcard) || (forms.address && isAddress(h)), what);
  return (node) => qualify(read(node), namespace, settings);
}

/** RFC 9110 token. */
export const isHeaderName = (name: string): boolean => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/.test(name);

/** Visible characters, spaces and tabs: nothing that could end the header line. */
export const headerValue = textThat(
  (v) => !/[\0\r\n]/.test(v) && v.length <= 16_384,
  "a header value without line breaks",
);

/** What may stand in a path: it is written into a request line, or a `location`. Other bytes are written as `%20`. */
export const pathText = textThat(
  (v) => v !== "" && v.length <= 16_384 && !/[^!-~\u0080-\u{10ffff}]|#/u.test(v),
  'a path without spaces, "#" and control characters',
);

/** A mapping of text to text, checked item by item. */
export function textMap(
  checkKey: (key: string, at: Node) => void,
  value: Read<string> = anyText,
): Read<Readonly<Record<string, string>>> {
  return (node) =>
    // fromEntries defines: a key `__proto__` is a key like any other.
    Object.fromEntries(
      node.entries().map(([key, at]) => {
        checkKey(key, at);
        return [key, value(at)] as const;
      }),
    );
}

/** Kubernetes labels. */
export const labels = textMap(
  (key, at) => {
    if (!isLabelKey(key))
      at.failAtKey(
        `${quote(key)} is not a label: a name of up to 63 letters, digits, "-", "_" and ".", with an optional domain and "/" before it`,
      );
  },
  textThat((v) => LABEL_VALUE.test(v), `a label's value: up to 63 letters, digits, "-", "_" and "."`),
);

function isLabelKey(key: string): boolean {
  const slash = key.indexOf("/");
  const [prefix, name] = slash < 0 ? [undefined, key] : [key.slice(0, slash), key.slice(slash + 1)];
  if (prefix !== undefined && (prefix.length > 253 || !prefix.split(".").every(isDnsLabel))) return false;
  return name !== "" && LABEL_VALUE.test(name);
}

const OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^${OCTET}(\\.${OCTET}){3}$`);

/** IPv4 or IPv6, without a zone. */
export function isAddress(value: string): boolean {
  return IPV4.test(value) || isIpv6(value);
}

function isIpv6(value: string): boolean {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(value) || !value.includes(":")) return false;
  const halves = value.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1) ?? "";
  const tail = last.includes(".");
  if (tail && !IPV4.test(last)) return false;
  if (!(tail ? groups.slice(0, -1) : groups).every((g) => /^[0-9a-fA-F]{1,4}$/.test(g))) return false;
  const count = groups.length + (tail ? 1 : 0);
  return halves.length === 2 ? count < 8 : count === 8;
}

/** `10.0.0.1` or `10.0.0.0/8`. */
export function isAddressRange(value: string): boolean {
  const slash = value.indexOf("/");
  if (slash < 0) return isAddress(value);
  const address = value.slice(0, slash);
  const bits = value.slice(slash + 1);
  return isAddress(address) && /^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= (address.includes(":") ? 128 : 32);
}

/** A port written as text, as AuthorizationPolicy has them. */
export const isPortText = (value: string): boolean => /^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65_535;

/** `selector.matchLabels`; undefined when it asks nothing. */
export function selector(node: Node): Readonly<Record<string, string>> | undefined {
  const wanted =
    node
      .fields({ known: ["matchLabels"], unsupported: ["matchExpressions"] })
      .optional("matchLabels", selectorLabels) ?? {};
  if (Object.keys(wanted).length > 0) return wanted;
  if (node.tree.t === "map") node.warn("has no labels, so it selects every workload");
  return undefined;
}

function selectorLabels(node: Node): Readonly<Record<string, string>> {
  for (const [key, at] of node.entries()) {
    if (!key.includes("*") && !(isText(at) && anyText(at).includes("*"))) continue;
    at.fail("a selector has no wildcards: write the label's value");
    return {};
  }
  return labels(node);
}

/** An IANA-like trust domain: `cluster.local`. SPIFFE ID, section 2.1. */
export const trustDomain = textThat(
  (v) => /^[a-z0-9._-]{1,255}$/.test(v),
  "lower-case letters, digits, dots, dashes and underscores",
);
