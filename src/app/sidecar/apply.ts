/**
 * Puts a change of configuration in force in the whole process group, or in none of it.
 *
 * What cannot be compiled, or cannot be listened on, is refused as Envoy does; what was live under its name stays live. A
 * resource that one worker refuses is taken back from all.
 *
 * @module
 */
import type { Proxy } from "../../proxy/proxy.ts";
import type { NamedResource, Rejection } from "../../proxy/resources.ts";
import { TypeUrl } from "../../xds/resources.ts";
import type { AnyMessage } from "../../xds/types/any.ts";
import type { ResourceChange } from "../workers/messages.ts";
import { resourceOf } from "./proxy-state.ts";

/** Who serves by the same configuration. */
export interface Followers {
  /** @returns What any of them refused. */
  apply(change: ResourceChange): Promise<readonly Rejection[]>;
}

/** @returns What was refused: a promise only where somebody else has to be asked. */
export function applyEverywhere(
  proxy: Proxy,
  followers: Followers | undefined,
  change: ResourceChange,
): Rejection[] | Promise<Rejection[]> {
  const { typeUrl, changed, removed } = change;
  const before = new Map(changed.map(({ name }) => [name, resourceOf(proxy, typeUrl, name)]));
  const rejected = proxy.apply(typeUrl, changed, removed);
  if (followers === undefined && typeUrl !== TypeUrl.lds) return rejected;
  return settled(proxy, followers, change, rejected, before);
}

async function settled(
  proxy: Proxy,
  followers: Followers | undefined,
  { typeUrl, changed, removed }: ResourceChange,
  rejected: readonly Rejection[],
  before: ReadonlyMap<string, AnyMessage | undefined>,
): Promise<Rejection[]> {
  const deaf = typeUrl === TypeUrl.lds ? await unheard(proxy, changed) : [];
  takeBack(proxy, typeUrl, deaf, before);
  const known = new Set([...rejected, ...deaf].map(({ name }) => name));
  const rest = { typeUrl, changed: changed.filter(({ name }) => !known.has(name)), removed };
  const isEmpty = rest.changed.length === 0 && removed.length === 0;
  const refused = isEmpty ? [] : onePerName((await followers?.apply(rest)) ?? []);
  if (refused.length > 0) await followers?.apply(takeBack(proxy, typeUrl, refused, before));
  return [...rejected, ...deaf, ...refused];
}

/** Those of the listeners whose address cannot be listened on. */
async function unheard(proxy: Proxy, changed: readonly NamedResource[]): Promise<Rejection[]> {
  const failed = [...(await proxy.start()), ...(await proxy.listeners.probe())];
  return onePerName(failed).filter(({ name }) => changed.some((it) => it.name === name));
}

/** Puts back what was there before. @returns The change that does so. */
function takeBack(
  proxy: Proxy,
  typeUrl: string,
  refused: readonly Rejection[],
  before: ReadonlyMap<string, AnyMessage | undefined>,
): ResourceChange {
  const changed = refused.flatMap(({ name }) => {
    const any = before.get(name);
    return any === undefined ? [] : [{ name, any }];
  });
  const removed = refused.map(({ name }) => name).filter((name) => before.get(name) === undefined);
  if (refused.length > 0) proxy.apply(typeUrl, changed, removed);
  return { typeUrl, changed, removed };
}

const onePerName = (rejections: readonly Rejection[]): Rejection[] => [
  ...new Map(rejections.map((rejection) => [rejection.name, rejection])).values(),
];
