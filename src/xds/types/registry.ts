/**
 * Every message type by its full name, so that an Any can be read and printed.
 *
 * A table enters when the module that holds it is imported; it is never removed or replaced.
 *
 * @module
 */
import type { MessageType } from "./message.ts";

const TYPES = new Map<string, MessageType<unknown>>();

/** @throws {Error} If another table has the name. */
export function register(type: MessageType<unknown>): void {
  if (TYPES.has(type.name)) throw new Error(`two tables are named ${type.name}`);
  TYPES.set(type.name, type);
}

/** The table of a type URL: what stands after its last slash is the message's name. */
export function typeOfUrl(typeUrl: string): MessageType<unknown> | undefined {
  return TYPES.get(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
}

/** All tables, in the order of their names. */
export function registeredTypes(): readonly MessageType<unknown>[] {
  return [...TYPES.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
