/**
 * `consistentHash` of a load balancer.
 *
 * Source: Istio's `ConsistentHashLB`; its validation of table sizes. A `ttl` of 0 is a cookie of the session; without one clients get no cookie.
 *
 * @module
 */
import type { ConsistentHash, HashKey, HashTableKind } from "../model/destination-rule.ts";
import { isHeaderName } from "./names.ts";
import type { Fields, Node } from "./node.ts";
import { durationOrZero, flag, integer, text, textThat } from "./read-values.ts";

const KEYS = ["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"] as const;
const TABLES = ["ringHash", "maglev", "minimumRingSize"] as const;
const MAX_RING_SIZE = 8_388_608;
const MAX_TABLE_SIZE = 5_000_010;

export function consistentHash(node: Node): ConsistentHash {
  const fields = node.fields({ known: [...KEYS, ...TABLES] });
  const keys = KEYS.filter((name) => fields.has(name));
  if (keys.length > 1) node.fail(`must have one of ${KEYS.join(", ")}, found ${keys.join(" and ")}`);
  const key =
    fields.optional("httpHeaderName", (n): HashKey => ({ t: "header", name: headerName(n) })) ??
    fields.optional("httpCookie", httpCookie) ??
    fields.optional("httpQueryParameterName", (n): HashKey => ({ t: "query", name: text(n) })) ??
    fields.optional("useSourceIp", (n): HashKey | undefined => (flag(n) ? { t: "sourceIp" } : undefined));
  if (key === undefined && node.tree.t === "map")
    node.warn(`names no key of ${KEYS.join(", ")}: each call goes to an endpoint at random`);
  return { t: "consistentHash", key, table: table(node, fields) };
}

function table(node: Node, fields: Fields<(typeof TABLES)[number]>): HashTableKind {
  if (fields.has("ringHash") && fields.has("maglev")) node.fail("must have one of ringHash, maglev, found both");
  const deprecated = fields.optional("minimumRingSize", ringSize);
  fields.at("minimumRingSize")?.warn("is deprecated: write ringHash.minimumRingSize");
  const maglev = fields.optional("maglev", (m) => ({
    t: "maglev" as const,
    tableSize: m.fields({ known: ["tableSize"] }).optional("tableSize", tableSize) || undefined,
  }));
  const ring = fields.optional("ringHash", (r) =>
    r.fields({ known: ["minimumRingSize"] }).optional("minimumRingSize", ringSize),
  );
  return maglev ?? { t: "ringHash", minimumRingSize: ring || deprecated || undefined };
}

const ringSize = integer(0, MAX_RING_SIZE);

/** 0 is Istio's default. */
function tableSize(node: Node): number {
  const size = integer(0, MAX_TABLE_SIZE)(node);
  if (size !== 0 && !isPrime(size)) node.fail(`must be a prime number, such as 65537, found ${size}`);
  return size;
}

function isPrime(n: number): boolean {
  if (n < 2) return false;
  for (let i = 2; i * i <= n; i += 1) if (n % i === 0) return false;
  return true;
}

const headerName = textThat((name) => isHeaderName(name) || /^:[a-z]+$/.test(name), "the name of a header");

function httpCookie(node: Node): HashKey {
  const fields = node.fields({ known: ["name", "path", "ttl", "attributes"] });
  return {
    t: "cookie",
    name: fields.required("name", cookieToken, ""),
    path: fields.optional("path", cookieText),
    ttlMs: fields.optional("ttl", durationOrZero),
    attributes: fields.list("attributes", (item) => {
      const attribute = item.fields({ known: ["name", "value"] });
      return {
        name: attribute.required("name", cookieToken, ""),
        value: attribute.optional("value", cookieText),
      };
    }),
  };
}

/** It becomes part of a header. */
const cookieToken = textThat(isHeaderName, "a token without spaces, commas and semicolons");
const cookieText = textThat((value) => /^[\x20-\x3a\x3c-\x7e]*$/.test(value), "printable text without semicolons");
