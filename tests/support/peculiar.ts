/**
 * `@peculiar/x509` as an oracle. The container library under it insists on the reflect-metadata polyfill, which is not
 * installed; the three functions that it calls are enough.
 *
 * @module
 */
const metadata = new WeakMap<object, Map<unknown, unknown>>();
Object.assign(Reflect, {
  getMetadata: (key: unknown, target: object): unknown => metadata.get(target)?.get(key),
  getOwnMetadata: (key: unknown, target: object): unknown => metadata.get(target)?.get(key),
  defineMetadata(key: unknown, value: unknown, target: object): void {
    metadata.set(target, (metadata.get(target) ?? new Map<unknown, unknown>()).set(key, value));
  },
});

export const peculiar = await import("@peculiar/x509");
