/**
 * Names of unix sockets.
 *
 * @module
 */

/** As the kernel has it: `@name`, as Envoy and Istio write it, is a name in Linux's abstract namespace, and no file. */
export const unixPath = (path: string): string => (path.startsWith("@") ? `\0${path.slice(1)}` : path);
