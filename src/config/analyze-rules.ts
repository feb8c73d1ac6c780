/**
 * Rules of a VirtualService that no call reaches, because an earlier rule takes all that they match.
 *
 * @module
 */
import { type StringMatch, selects } from "../model/match.ts";
import type { HttpMatch, HttpRule, VirtualService } from "../model/virtual-service.ts";
import type { Finding, MeshIndex } from "./mesh-index.ts";

/** Comparing each match with each earlier one is quadratic: past this many, analysis says nothing about the rest. */
const MAX_MATCHES = 1_000;

export function analyzeRules({ mesh }: MeshIndex): readonly Finding[] {
  return mesh.virtualServices.filter((vs) => vs.origin.kind !== "TrafficSplit").flatMap(analyzeOrder);
}

interface Earlier {
  readonly match: HttpMatch | undefined;
  readonly path: string;
}

function analyzeOrder(vs: VirtualService): readonly Finding[] {
  const earlier: Earlier[] = [];
  const found: Finding[] = [];
  for (const rule of vs.http) {
    if (earlier.length > MAX_MATCHES) break;
    found.push(...checkRule(vs, rule, earlier));
    const path = `spec.${rule.field}`;
    if (rule.matches.length === 0) earlier.push({ match: undefined, path });
    earlier.push(...rule.matches.map((match, j) => ({ match, path: `${path}.match[${j}]` })));
  }
  return found;
}

function checkRule(vs: VirtualService, rule: HttpRule, earlier: readonly Earlier[]): readonly Finding[] {
  const coverOf = (match: HttpMatch | undefined): Earlier | undefined =>
    earlier.find((e) => coversMatch(e.match, match));
  const path = `spec.${rule.field}`;
  const warn = (at: string, message: string): Finding => ({
    severity: "warning",
    origin: rule.delegate ?? vs.origin,
    path: at,
    message,
  });
  const covers = rule.matches.length === 0 ? [coverOf(undefined)] : rule.matches.map(coverOf);
  if (covers.every((c) => c !== undefined)) {
    return [warn(path, `no call reaches this rule: ${covers[0]?.path} takes all that it matches [IST0130]`)];
  }
  return covers.flatMap((cover, j) =>
    cover === undefined
      ? []
      : [warn(`${path}.match[${j}]`, `no call reaches this match: ${cover.path} takes all of it [IST0131]`)],
  );
}

/** Whether each call that `later` matches is matched by `first` too; undefined matches every call. Says no when in doubt. */
function coversMatch(first: HttpMatch | undefined, later: HttpMatch | undefined): boolean {
  if (first === undefined || matchesAll(first)) return true;
  if (later === undefined) return false;
  return (
    coversUri(first, later) &&
    (first.port === undefined || first.port === later.port) &&
    (first.gateways === undefined || (later.gateways?.every((name) => first.gateways?.includes(name)) ?? false)) &&
    coversSource(first, later) &&
    (["method", "authority", "scheme"] as const).every((f) => coversString(first[f], later[f])) &&
    coversAll(first.headers, later.headers) &&
    coversAll(first.queryParams, later.queryParams) &&
    excludesNoMore(first.withoutHeaders, later.withoutHeaders)
  );
}

/** Whose calls they are for counts where they name no gateways. */
function coversSource(first: HttpMatch, later: HttpMatch): boolean {
  if (first.gateways !== undefined || isAnySource(first)) return true;
  const { labels, namespace } = first.source;
  return (
    later.gateways === undefined &&
    (namespace === undefined || namespace === later.source.namespace) &&
    selects(labels, later.source.labels)
  );
}

const isAnySource = ({ source }: HttpMatch): boolean =>
  source.namespace === undefined && Object.keys(source.labels).length === 0;

type Matches = Readonly<Record<string, StringMatch>>;

const coversAll = (first: Matches, later: Matches): boolean =>
  Object.entries(first).every(([name, m]) => Object.hasOwn(later, name) && coversString(m, later[name]));

/** What `first` keeps out, `later` keeps out as well. A missing header counts as an empty one, but not where presence is asked. */
const excludesNoMore = (first: Matches, later: Matches): boolean =>
  Object.entries(first).every(([name, m]) => {
    const other = Object.hasOwn(later, name) ? later[name] : undefined;
    if (other?.t === "present" && m.t !== "present") return m.t !== "regex" && m.value !== "";
    return other !== undefined && coversString(other, m);
  });

function matchesAll(m: HttpMatch): boolean {
  const uri = m.uri === undefined || (m.uri.t === "prefix" && m.uri.value === "/");
  return (
    uri &&
    isAnySource(m) &&
    (m.method ?? m.authority ?? m.scheme ?? m.port ?? m.gateways) === undefined &&
    [m.headers, m.withoutHeaders, m.queryParams].every((matches) => Object.keys(matches).length === 0)
  );
}

function coversUri(first: HttpMatch, later: HttpMatch): boolean {
  if (first.uri === undefined || (first.uri.t === "prefix" && first.uri.value === "/")) return true;
  if (first.ignoreUriCase !== later.ignoreUriCase) return false;
  return coversString(first.uri, later.uri);
}

function coversString(first: StringMatch | undefined, later: StringMatch | undefined): boolean {
  if (first === undefined) return true;
  if (later === undefined) return false;
  if (first.t === "present") return true;
  if (later.t === "present") return false;
  if (first.t === "prefix" && (later.t === "prefix" || later.t === "exact")) return later.value.startsWith(first.value);
  return first.t === later.t && first.value === later.value;
}
